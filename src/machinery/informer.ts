/** A local, always current copy of one kind's objects, fed by list and watch. */
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient, ObjectKey } from './api-client.ts';

/** A change in an informer's copy. Objects are frozen; never edit them. */
export interface InformerEvent<T extends KubeObject> {
  readonly type: 'added' | 'updated' | 'deleted';
  readonly object: T;
  readonly old?: T;
}

/** What an informer holds and tells. */
export interface Informer<T extends KubeObject> {
  readonly kind: KindRef<T>;
  /** Resolves once the first list is in. */
  readonly synced: Promise<void>;
  get(key: ObjectKey): T | undefined;
  list(namespace?: string): readonly T[];
  /** Objects for which the index named `index` yields `value`. */
  byIndex(index: string, value: string): readonly T[];
  /** Calls `handler` for every object there already (`added`) and for every change from now on. Returns the way to stop. */
  subscribe(handler: (event: InformerEvent<T>) => void): () => void;
}

/** What an informer watches. */
export interface InformerOptions<T extends KubeObject> {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
}

/** Makes and keeps informers; one per kind and selector, shared. */
export interface InformerFactory {
  readonly client: ApiClient;
  informer<T extends KubeObject>(kind: KindRef<T>, options?: InformerOptions<T>): Informer<T>;
  /**
   * An informer whose objects may have nothing but their metadata, without managed fields: cheap where objects are many.
   * Shared with those who ask for whole objects.
   */
  metadataInformer(kind: KindRef, options?: InformerOptions<KubeObject>): Informer<KubeObject>;
  /** Stops and drops the informers of a kind that is no longer served; who asks again gets new ones. */
  forget(kind: KindRef): void;
  /** Starts every informer asked for, resolves when all are synced. */
  start(signal: AbortSignal): Promise<void>;
}
