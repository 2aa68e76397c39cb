/** A level-triggered loop over keys, on informers and a rate-limited queue. */
import type { KubeObject } from '#api/meta.ts';
import type { Informer, InformerEvent } from './informer.ts';

/** Which keys an event of one informer concerns. */
export interface Source {
  readonly informer: Pick<Informer<KubeObject>, 'synced' | 'subscribe'>;
  readonly keys: (event: InformerEvent<KubeObject>) => readonly string[];
}

/** What a pass over one key asks for next. */
export interface ReconcileResult {
  /** Milliseconds after which to look again. */
  readonly requeueAfter?: number;
}

/** A loop: registered in a list (`controllers.ts`, `cluster.ts`), run by `runControllers`. */
export interface Controller {
  readonly name: string;
  readonly sources: readonly Source[];
  /** Brings one key's world to what its objects say. Throws to retry with back-off; a non-retryable PatchbayError is not retried. */
  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | undefined>;
  /** Passes at the same time; default 1. One key is never reconciled twice at once. */
  readonly workers?: number;
}

/** Ties an informer of any type to the keys its events concern. */
export function source<T extends KubeObject>(
  informer: Informer<T>,
  keys: (event: InformerEvent<T>) => readonly string[],
): Source {
  return { informer, keys } as unknown as Source;
}

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}
