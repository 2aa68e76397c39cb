import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient, ListOptions, ObjectKey, WatchEvent } from './api-client.ts';
import { keyOf } from './controller.ts';
import { messageOf } from './errors.ts';
import type { Informer, InformerEvent } from './informer.ts';
import { silentLog } from './log.ts';
import { type IndexFunction, ObjectCache } from './object-cache.ts';
import { type ReflectorOptions, type ReflectorSink, reflect } from './reflector.ts';

type Handler<T extends KubeObject> = (event: InformerEvent<T>) => void;

/** An informer fed by a reflector, shared by everybody who asks for the same objects. */
export class SharedInformer<T extends KubeObject> implements Informer<T>, ReflectorSink<T> {
  readonly kind: KindRef<T>;
  readonly synced: Promise<void>;
  readonly #cache = new ObjectCache<T>();
  readonly #handlers = new Set<Handler<T>>();
  readonly #options: ReflectorOptions;
  readonly #markSynced: () => void;
  #keepsWhole = false;

  /** Keeps metadata alone until somebody asks for whole objects. */
  constructor(kind: KindRef<T>, options: ReflectorOptions) {
    this.kind = kind;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
  }

  /** Lists and watches until `signal` aborts. */
  run(client: ApiClient, signal: AbortSignal): Promise<void> {
    return reflect(client, this.kind, this, signal, this.#options);
  }

  /**
   * Keeps whole objects from now on.
   * @throws TypeError once objects came without the rest: whole ones are asked for before the factory starts.
   */
  keepWhole(): void {
    if (!this.#keepsWhole && this.#cache.keys().length > 0) {
      throw new TypeError(`whole objects of ${this.kind.plural} were asked for after their metadata came`);
    }
    this.#keepsWhole = true;
  }

  addIndex(name: string, values: IndexFunction<T>): void {
    this.#cache.addIndex(name, values);
  }

  get(key: ObjectKey): T | undefined {
    return this.#cache.get(key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`);
  }

  list(namespace?: string): readonly T[] {
    return this.#cache.list(namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  subscribe(handler: Handler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#cache.list()) {
      this.#tell(handler, { type: 'added', object });
    }
    return () => this.#handlers.delete(handler);
  }

  replace(objects: readonly T[]): void {
    const gone = new Set(this.#cache.keys());
    for (const object of objects) {
      gone.delete(keyOf(object));
      this.#put(object);
    }
    for (const key of gone) {
      this.#publish(this.#cache.remove(key));
    }
    this.#markSynced();
  }

  apply(event: WatchEvent<T>): void {
    if (event.type === 'DELETED') {
      this.#publish(this.#cache.remove(keyOf(event.object), this.#kept(event.object)));
    } else {
      this.#put(event.object);
    }
  }

  /** An object that was deleted and made anew unseen is told as both. */
  #put(object: T): void {
    const key = keyOf(object);
    const old = this.#cache.get(key);
    if (old !== undefined && old.metadata.uid !== object.metadata.uid) {
      this.#publish(this.#cache.remove(key));
    }
    this.#publish(this.#cache.put(this.#kept(object)));
  }

  #kept(object: T): T {
    return this.#keepsWhole ? object : metadataOf(object);
  }

  #publish(event: InformerEvent<T> | undefined): void {
    if (event !== undefined) {
      for (const handler of this.#handlers) {
        this.#tell(handler, event);
      }
    }
  }

  /** One handler's mistake must neither stop the watch nor keep the event from the others. */
  #tell(handler: Handler<T>, event: InformerEvent<T>): void {
    try {
      handler(event);
    } catch (error) {
      const { log = silentLog } = this.#options;
      log.error(
        { kind: this.kind.kind, key: keyOf(event.object), error: messageOf(error) },
        'event handler failed',
      );
    }
  }
}

/** Without what is large: the rest of the object, and who owns which field. */
function metadataOf<T extends KubeObject>({ apiVersion, kind, metadata }: T): T {
  const { managedFields: _, ...kept } = metadata;
  // Whoever is given such an informer sees it as one of KubeObject, which has no more than this.
  return { apiVersion, kind, metadata: kept } as KubeObject as T;
}

/** Selector part of what an informer watches. */
export type Selector = Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;
