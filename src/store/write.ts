/** What a store is opened with and what is written to it. */
import type { Entry, Key } from './entry.ts';
import type { Synchronous } from './open-database.ts';

export interface StoreOptions {
  /** Where the log is kept; made with mode 0600 when absent. */
  readonly path: string;
  /** Events kept in memory; default 10,000. Older ones are read from disk. */
  readonly window?: number;
  /** Characters of objects' texts kept in memory; default 16 Mi. Those not used for longest are read from disk. */
  readonly texts?: number;
  readonly synchronous?: Synchronous;
}

/** One write. `encode` gets the revision of the write and returns the object's text with it. */
export interface Write {
  readonly key: Key;
  /** Revision that must be stored now; 0: nothing may be stored; undefined: whatever. */
  readonly expected?: number | undefined;
  readonly encode: (revision: number) => string;
}

/** Is told of every write that went to disk, or failed to: after how many seconds. */
export type WriteObserver = (
  operation: 'create' | 'update' | 'delete',
  resource: string,
  seconds: number,
  error: unknown,
) => void;

/** A write that is on its way to disk. */
export interface Pending {
  readonly entry: Entry;
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: unknown) => void;
  /** When it was asked for, in milliseconds of `performance.now`. */
  readonly began: number;
}
