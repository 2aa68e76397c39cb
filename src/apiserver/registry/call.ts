import type { KindDefinition } from '#api/kind.ts';
import type { Clock } from '#machinery/clock.ts';
import type { Store } from '#store/store.ts';
import type { AdmissionPlugin } from '../admission/plugin.ts';
import type { User } from '../auth/user.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Catalog } from './catalog.ts';
import type { ApiObject } from './objects.ts';

/** What the registry works with. */
export interface Services {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly access: WriteGuard;
  /** Who has a say in writes, in order; absent: nobody. */
  readonly plugins?: readonly AdmissionPlugin[];
  /** Called after each write of a client to a CustomResourceDefinition, before it is answered. */
  readonly onDefinition?: () => void;
  /** Called after each read of the store for a client; `began` in milliseconds of `performance.now`. */
  readonly onRead?: (operation: 'get' | 'list', resource: string, began: number) => void;
  /** Called when a watch begins; what it returns is called for each of its events. */
  readonly onWatch?: (kind: KindDefinition) => () => void;
}

/** What access adds to admission. */
export interface WriteGuard {
  /** Throws 403 when the writer may write such an object, but not this content. */
  guard(call: Call, kind: KindDefinition, object: ApiObject, old: ApiObject | undefined): void;
}

/** One request on its way through the registry. */
export interface Call {
  readonly info: RequestInfo;
  readonly user: User;
  readonly userAgent: string;
  /** Collected for `Warning:` headers. */
  readonly warnings: string[];
  /** Adds an annotation to the request's audit event. */
  readonly annotate?: (key: string, value: string) => void;
}
