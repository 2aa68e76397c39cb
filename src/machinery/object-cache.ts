import type { KubeObject } from '#api/meta.ts';
import { keyOf } from './controller.ts';
import type { InformerEvent } from './informer.ts';

/** Values of an object under one index. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

/** Objects by key, by namespace and by any number of indexes. */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #namespaces = new Map<string, Map<string, T>>();
  readonly #functions = new Map<string, IndexFunction<T>>();
  readonly #indexes = new Map<string, Map<string, Map<string, T>>>();

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): readonly string[] {
    return [...this.#objects.keys()];
  }

  list(namespace?: string): readonly T[] {
    const objects = namespace === undefined ? this.#objects : this.#namespaces.get(namespace);
    return objects === undefined ? [] : [...objects.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) {
      throw new TypeError(`there is no index named ${index}`);
    }
    return [...(found.get(value)?.values() ?? [])];
  }

  /** Adds an index over what is there and what will come. An index of that name is kept. */
  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#functions.has(name)) {
      return;
    }
    this.#functions.set(name, values);
    const index = new Map<string, Map<string, T>>();
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) {
      enter(index, values(object), key, object);
    }
  }

  /** Puts an object in, frozen, and says what that changed; undefined when this very version was there already. */
  put(object: T): InformerEvent<T> | undefined {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (old !== undefined && old.metadata.resourceVersion === object.metadata.resourceVersion) {
      return undefined;
    }
    this.#drop(key, old);
    const frozen = deepFreeze(object);
    this.#objects.set(key, frozen);
    enter(this.#namespaces, [object.metadata.namespace ?? ''], key, frozen);
    for (const [name, values] of this.#functions) {
      enter(this.#indexes.get(name) ?? new Map(), values(frozen), key, frozen);
    }
    return old === undefined ? { type: 'added', object: frozen } : { type: 'updated', object: frozen, old };
  }

  /** Takes an object out. `last` is its last version, when the server told it. */
  remove(key: string, last?: T): InformerEvent<T> | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) {
      return undefined;
    }
    this.#drop(key, old);
    return { type: 'deleted', object: last === undefined ? old : deepFreeze(last), old };
  }

  #drop(key: string, old: T | undefined): void {
    if (old === undefined) {
      return;
    }
    this.#objects.delete(key);
    leave(this.#namespaces, [old.metadata.namespace ?? ''], key);
    for (const [name, values] of this.#functions) {
      leave(this.#indexes.get(name) ?? new Map(), values(old), key);
    }
  }
}

function enter<T>(
  index: Map<string, Map<string, T>>,
  values: readonly string[],
  key: string,
  object: T,
): void {
  for (const value of values) {
    const entries = index.get(value);
    if (entries === undefined) {
      index.set(value, new Map([[key, object]]));
    } else {
      entries.set(key, object);
    }
  }
}

function leave<T>(index: Map<string, Map<string, T>>, values: readonly string[], key: string): void {
  for (const value of values) {
    const entries = index.get(value);
    entries?.delete(key);
    if (entries?.size === 0) {
      index.delete(value);
    }
  }
}

/** Freezes a JSON value through and through, so that no reader changes what all readers share. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) {
      deepFreeze(part);
    }
  }
  return value;
}
