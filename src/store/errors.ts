import { PatchbayError } from '#machinery/errors.ts';
import type { Entry, Key } from './entry.ts';
import { textOf } from './entry.ts';

/**
 * Why the store refused: `AlreadyExists`, `NotFound` and `Conflict` are about one key, `Gone` about a revision that was
 * compacted, `Future` about one that does not exist yet, `StorageFull` and `StorageFailed` about the disk,
 * `StoreLocked` and `StoreCorrupt` about opening.
 */
export type StoreReason =
  | 'AlreadyExists'
  | 'NotFound'
  | 'Conflict'
  | 'Gone'
  | 'Future'
  | 'StorageFull'
  | 'StorageFailed'
  | 'StoreLocked'
  | 'StoreCorrupt'
  | 'StoreClosed';

const retryableReasons: ReadonlySet<StoreReason> = new Set([
  'Conflict',
  'StorageFull',
  'StoreLocked',
  'Future',
]);

/** A refusal of the store. */
export class StoreError extends PatchbayError {
  declare readonly reason: StoreReason;
  /** What is stored now, when the refusal is about one key. */
  readonly current: Entry | undefined;

  constructor(
    reason: StoreReason,
    message: string,
    options: { cause?: unknown; current?: Entry | undefined } = {},
  ) {
    super(reason, message, {
      retryable: retryableReasons.has(reason),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
    this.name = 'StoreError';
    this.current = options.current;
  }
}

/** Checks what a writer expects (`undefined` anything, 0 nothing, else exactly that revision) against what is there. */
export function refusal(
  key: Key,
  expected: number | undefined,
  current: Entry | undefined,
  deleting: boolean,
): StoreError | undefined {
  if (current === undefined) {
    return deleting || (expected !== undefined && expected !== 0)
      ? new StoreError('NotFound', `${textOf(key)} is not stored`)
      : undefined;
  }
  if (expected === undefined || expected === current.revision) {
    return undefined;
  }
  return expected === 0
    ? new StoreError('AlreadyExists', `${textOf(key)} is stored already, at revision ${current.revision}`, {
        current,
      })
    : new StoreError(
        'Conflict',
        `${textOf(key)} is at revision ${current.revision}, not at the expected ${expected}`,
        { current },
      );
}

/** The error for a store that cannot be trusted. */
export function corrupt(path: string, finding: string, cause?: unknown): StoreError {
  return new StoreError(
    'StoreCorrupt',
    `the store ${path} is damaged: ${finding}. Nothing was changed; restore a backup, or move the file away to start empty`,
    { cause },
  );
}
