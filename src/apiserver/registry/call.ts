import type { Clock } from '#machinery/clock.ts';
import type { Store } from '#store/store.ts';
import type { User } from '../auth/user.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Catalog } from './catalog.ts';

/** What the registry works with. */
export interface Services {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

/** One request on its way through the registry. */
export interface Call {
  readonly info: RequestInfo;
  readonly user: User;
  readonly userAgent: string;
  /** Collected for `Warning:` headers. */
  readonly warnings: string[];
}
