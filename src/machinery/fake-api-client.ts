/** An API server's behaviour in memory, for tests: what `api-client-contract.ts` says, and no more. */
import { apiVersionOf, type KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type {
  ApiClient,
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectKey,
  Patch,
  WatchEvent,
  WriteOptions,
} from './api-client.ts';
import { type Clock, systemClock, timestamp } from './clock.ts';
import {
  type AnyObject,
  gracePeriodOf,
  hasSpecFinalizers,
  hasStatus,
  initial,
  merge,
  refusal,
} from './fake-rules.ts';
import { type FakeEntry, FakeStore } from './fake-store.ts';
import { applyMergePatch, equal } from './merge-patch.ts';
import { deepFreeze } from './object-cache.ts';

/** A write a fake was asked for, in order. */
export interface RecordedWrite {
  readonly verb: 'create' | 'update' | 'patch' | 'delete';
  readonly kind: string;
  readonly key: string;
  readonly subresource?: string;
}

/** Speaks to no server at all. */
export class FakeApiClient implements ApiClient {
  readonly server = 'https://fake.invalid';
  /** Every write that was accepted. */
  readonly writes: RecordedWrite[] = [];
  /** When set, called before each write; throwing refuses it. Lets a test crash a controller at any point. */
  intercept: ((write: RecordedWrite) => void) | undefined;
  readonly #store = new FakeStore();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async get<T extends KubeObject>(kind: KindRef<T>, key: ObjectKey): Promise<T> {
    return this.#find(kind, key);
  }

  async list<T extends KubeObject>(kind: KindRef<T>, options: ListOptions = {}): Promise<ListResult<T>> {
    const all = this.#store.list(kind, options) as readonly T[];
    const start = Number(options.continue ?? 0);
    const end = options.limit === undefined ? all.length : start + options.limit;
    return {
      items: all.slice(start, end),
      resourceVersion: String(this.#store.version),
      ...(end < all.length ? { continue: String(end) } : {}),
    };
  }

  async create<T extends KubeObject>(kind: KindRef<T>, object: T, options: WriteOptions = {}): Promise<T> {
    if (options.subresource !== undefined) {
      return this.#bind(kind, object, options.subresource);
    }
    const { generateName = '' } = object.metadata;
    const name =
      object.metadata.name || `${generateName}${Math.random().toString(36).slice(2, 7).padEnd(5, 'x')}`;
    const write = this.#announce('create', kind, { ...object.metadata, name });
    if (this.#store.get(kind, { ...object.metadata, name }) !== undefined) {
      throw refusal(409, 'AlreadyExists', `${kind.plural} "${name}" already exists`);
    }
    const metadata = {
      ...object.metadata,
      name,
      uid: crypto.randomUUID(),
      generation: 1,
      creationTimestamp: timestamp(this.#clock.now()),
    };
    const status = hasStatus(kind) && kind.kind !== 'Pod' ? { status: undefined } : {};
    const created = initial(kind, {
      ...object,
      ...status,
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata,
    });
    this.writes.push(write);
    return this.#put(kind, created, 'ADDED');
  }

  async update<T extends KubeObject>(kind: KindRef<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const write = this.#announce('update', kind, object.metadata, options.subresource);
    const old = this.#find(kind, object.metadata);
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      throw refusal(
        409,
        'Conflict',
        `${kind.plural} "${object.metadata.name}": the object has been modified`,
      );
    }
    return this.#replace(kind, old, object, write);
  }

  async patch<T extends KubeObject>(
    kind: KindRef<T>,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    const write = this.#announce('patch', kind, key, options.subresource);
    if (patch.type !== 'merge') {
      throw refusal(415, 'UnsupportedMediaType', 'the fake knows merge patches only');
    }
    const old = this.#find(kind, key);
    const next = applyMergePatch(old, patch.body) as T;
    if (next.metadata.resourceVersion !== old.metadata.resourceVersion) {
      throw refusal(409, 'Conflict', `${kind.plural} "${key.name}": the object has been modified`);
    }
    return this.#replace(kind, old, next, write);
  }

  async delete(kind: KindRef, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const write = this.#announce('delete', kind, key);
    const old = this.#find(kind, key) as AnyObject;
    const { uid } = options.preconditions ?? {};
    if (uid !== undefined && uid !== old.metadata.uid) {
      throw refusal(
        409,
        'Conflict',
        `${kind.plural} "${key.name}": the UID in the precondition is another's`,
      );
    }
    this.writes.push(write);
    const finalizers = new Set(old.metadata.finalizers ?? []);
    if (options.propagationPolicy === 'Foreground') {
      finalizers.add('foregroundDeletion');
    } else if (options.propagationPolicy === 'Orphan') {
      finalizers.add('orphan');
    }
    const own = gracePeriodOf(kind, old);
    const grace = own === undefined ? 0 : (options.gracePeriodSeconds ?? own);
    const waits = finalizers.size > 0 || grace > 0 || (kind.kind === 'Namespace' && hasSpecFinalizers(old));
    if (!waits) {
      this.#remove(kind, old);
      return;
    }
    const deletionTimestamp = old.metadata.deletionTimestamp ?? timestamp(this.#clock.now() + grace * 1000);
    const metadata = {
      ...old.metadata,
      deletionTimestamp,
      deletionGracePeriodSeconds: grace,
      ...(finalizers.size > 0 ? { finalizers: [...finalizers] } : {}),
    };
    const status = kind.kind === 'Namespace' ? { status: { ...old.status, phase: 'Terminating' } } : {};
    const next = { ...old, ...status, metadata };
    if (!equal(next, old)) {
      this.#put(kind, next, 'MODIFIED');
    }
  }

  watch<T extends KubeObject>(
    kind: KindRef<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>> {
    return this.#store.watch(kind, options, signal) as AsyncIterable<WatchEvent<T>>;
  }

  async request(method: string, path: string): Promise<unknown> {
    throw refusal(404, 'NotFound', `the fake does not answer ${method} ${path}`);
  }

  close(): void {}

  /** Ends every watch with 410, as a server does that has forgotten the version, and forgets all history. */
  expire(): void {
    this.#store.expire();
  }

  /** Ends every watch as a server does after a while. */
  disconnect(): void {
    this.#store.disconnect();
  }

  #find<T extends KubeObject>(kind: KindRef<T>, key: ObjectKey): T {
    const found = this.#store.get(kind, key);
    if (found === undefined) {
      throw refusal(404, 'NotFound', `${kind.plural} "${key.name}" not found`);
    }
    return found as T;
  }

  #announce(verb: RecordedWrite['verb'], kind: KindRef, key: ObjectKey, subresource?: string): RecordedWrite {
    const name = key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
    const write = { verb, kind: kind.kind, key: name, ...(subresource === undefined ? {} : { subresource }) };
    this.intercept?.(write);
    return write;
  }

  #replace<T extends KubeObject>(kind: KindRef<T>, old: T, wanted: T, write: RecordedWrite): T {
    const next = merge(kind, old, wanted, write.subresource);
    this.writes.push(write);
    if (equal(next, old)) {
      return old;
    }
    const { deletionTimestamp, finalizers = [] } = next.metadata;
    const graceful = (gracePeriodOf(kind, next) ?? 0) > 0 && next.metadata.deletionGracePeriodSeconds !== 0;
    if (deletionTimestamp !== undefined && finalizers.length === 0 && !graceful && !hasSpecFinalizers(next)) {
      this.#remove(kind, next);
      return next;
    }
    return this.#put(kind, next, 'MODIFIED');
  }

  #bind<T extends KubeObject>(kind: KindRef<T>, binding: T, subresource: string): T {
    if (kind.plural !== 'pods' || subresource !== 'binding') {
      throw refusal(404, 'NotFound', `${kind.plural} have no subresource ${subresource}`);
    }
    const write = this.#announce('create', kind, binding.metadata, subresource);
    const pod = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
    const old = this.#find<KubeObject>(pod, binding.metadata) as AnyObject;
    if (old.spec?.['nodeName'] !== undefined) {
      throw refusal(409, 'Conflict', `pod ${old.metadata.name} is already assigned to a node`);
    }
    const { target } = binding as unknown as { readonly target: { readonly name: string } };
    const others = (
      (old.status?.['conditions'] ?? []) as readonly Readonly<Record<string, unknown>>[]
    ).filter((c) => c['type'] !== 'PodScheduled');
    const conditions = [...others, { type: 'PodScheduled', status: 'True' }];
    this.writes.push(write);
    this.#put(
      pod,
      { ...old, spec: { ...old.spec, nodeName: target.name }, status: { ...old.status, conditions } },
      'MODIFIED',
    );
    return binding;
  }

  #put<T extends KubeObject>(kind: KindRef, object: T, type: FakeEntry['type']): T {
    const resourceVersion = String(this.#store.next());
    const clean = JSON.parse(JSON.stringify(object)) as T;
    const stored = deepFreeze({ ...clean, metadata: { ...clean.metadata, resourceVersion } });
    this.#store.put(kind, stored, type);
    return stored;
  }

  #remove(kind: KindRef, object: KubeObject): void {
    this.#put(kind, object, 'DELETED');
  }
}
