import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ListOptions, ObjectKey, WatchEvent } from './api-client.ts';
import { keyOf } from './controller.ts';
import { ApiError } from './errors.ts';
import { meets, parseLabelSelector } from './selectors.ts';

/** A change in the fake's history. */
export interface FakeEntry {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly collection: string;
  readonly version: number;
  readonly object: KubeObject;
  readonly old: KubeObject | undefined;
}

/** Objects, their history and its watchers: the storage of `FakeApiClient`. */
export class FakeStore {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  #history: FakeEntry[] = [];
  #oldest = 0;
  #version = 0;
  #era = 0;
  #wake = new Set<() => void>();
  #gone = false;

  get version(): number {
    return this.#version;
  }

  next(): number {
    this.#version += 1;
    return this.#version;
  }

  get(kind: KindRef, key: ObjectKey): KubeObject | undefined {
    return this.#objects.get(collectionOf(kind))?.get(keyOf({ metadata: scoped(kind, key) }));
  }

  list(kind: KindRef, options: ListOptions): readonly KubeObject[] {
    const all = [...(this.#objects.get(collectionOf(kind))?.values() ?? [])];
    return all.filter((object) => selected(object, options)).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  put(kind: KindRef, object: KubeObject, type: FakeEntry['type']): void {
    const collection = collectionOf(kind);
    const objects = this.#objects.get(collection) ?? new Map<string, KubeObject>();
    this.#objects.set(collection, objects);
    const key = keyOf(object);
    const old = objects.get(key);
    if (type === 'DELETED') {
      objects.delete(key);
    } else {
      objects.set(key, object);
    }
    this.#history.push({ type, collection, version: this.#version, object, old });
    this.#notify();
  }

  /** Forgets history and ends every watch with 410. */
  expire(): void {
    this.#history = [];
    this.#version += 1;
    this.#oldest = this.#version;
    this.#gone = true;
    this.#era += 1;
    this.#notify();
  }

  /** Ends every watch without a word. */
  disconnect(): void {
    this.#gone = false;
    this.#era += 1;
    this.#notify();
  }

  async *watch(
    kind: KindRef,
    options: ListOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<KubeObject>> {
    const collection = collectionOf(kind);
    const era = this.#era;
    let version = Number(options.resourceVersion ?? this.#version);
    if (version < this.#oldest) {
      throw tooOld();
    }
    while (!signal.aborted) {
      if (era !== this.#era) {
        if (this.#gone) {
          throw tooOld();
        }
        return;
      }
      const entry = this.#history.find((one) => one.version > version && one.collection === collection);
      if (entry === undefined) {
        await this.#change(signal);
        continue;
      }
      version = entry.version;
      const event = seenBy(entry, options);
      if (event !== undefined) {
        yield event;
      }
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = new Set();
    for (const wake of waiting) {
      wake();
    }
  }
}

/** A change as a watcher with a selector sees it: entering is ADDED, leaving is DELETED. */
function seenBy(entry: FakeEntry, options: ListOptions): WatchEvent<KubeObject> | undefined {
  const before = entry.old !== undefined && selected(entry.old, options);
  const after = entry.type !== 'DELETED' && selected(entry.object, options);
  if (after) {
    return { type: before ? 'MODIFIED' : 'ADDED', object: entry.object };
  }
  return before ? { type: 'DELETED', object: entry.object } : undefined;
}

function selected(object: KubeObject, options: ListOptions): boolean {
  if (options.namespace !== undefined && object.metadata.namespace !== options.namespace) {
    return false;
  }
  const labels = object.metadata.labels ?? {};
  return (
    parseLabelSelector(options.labelSelector ?? '').every((requirement) => meets(requirement, labels)) &&
    (options.fieldSelector ?? '').split(',').every((term) => term === '' || fieldMatches(object, term))
  );
}

function fieldMatches(object: KubeObject, term: string): boolean {
  const [, path = '', operator, wanted] = /^([^!=]+)(==|=|!=)(.*)$/.exec(term) ?? [];
  let value: unknown = object;
  for (const part of path.split('.')) {
    value =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  }
  return (String(value ?? '') === wanted) === (operator !== '!=');
}

function scoped(kind: KindRef, key: ObjectKey): { readonly name: string; readonly namespace?: string } {
  return kind.namespaced && key.namespace !== undefined
    ? { name: key.name, namespace: key.namespace }
    : { name: key.name };
}

function collectionOf(kind: KindRef): string {
  return `${kind.group}/${kind.plural}`;
}

function tooOld(): ApiError {
  return new ApiError({
    kind: 'Status',
    status: 'Failure',
    code: 410,
    reason: 'Expired',
    message: 'too old resource version',
  });
}
