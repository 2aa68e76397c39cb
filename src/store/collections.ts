import type { Entry, Key } from './entry.ts';

/** The live objects of one resource in one namespace, by name. */
class Bucket {
  readonly resource: string;
  readonly namespace: string;
  readonly entries = new Map<string, Entry>();
  #sorted: string[] = [];
  #added: string[] = [];
  #stale = false;

  constructor({ resource, namespace }: Key) {
    this.resource = resource;
    this.namespace = namespace;
  }

  set(entry: Entry): void {
    if (!this.entries.has(entry.name)) {
      this.#added.push(entry.name);
    }
    this.entries.set(entry.name, entry);
  }

  delete(name: string): void {
    if (this.entries.delete(name)) {
      this.#stale = true;
    }
  }

  /** Names in order. Inserts only append; the merge happens when somebody reads, who walks all of them anyway. */
  names(): readonly string[] {
    if (this.#stale) {
      this.#sorted = this.#sorted.filter((name) => this.entries.has(name));
      this.#added = this.#added.filter((name) => this.entries.has(name));
      this.#stale = false;
    }
    if (this.#added.length > 0) {
      this.#sorted = merge(this.#sorted, this.#added.sort(compare));
      this.#added = [];
    }
    return this.#sorted;
  }
}

/** The newest version of every object, in the order lists are served. */
export class Collections {
  readonly #resources = new Map<string, Map<string, Bucket>>();
  readonly #namespaces = new Map<string, readonly string[]>();

  get(key: Key): Entry | undefined {
    return this.#resources.get(key.resource)?.get(key.namespace)?.entries.get(key.name);
  }

  /** The key of an object, in strings that cost no more memory than they must for as long as it lives. */
  place(key: Key): Key {
    const bucket = this.#resources.get(key.resource)?.get(key.namespace);
    const known = bucket?.entries.get(key.name);
    if (known !== undefined) {
      return known;
    }
    const { resource, namespace } = bucket ?? {
      resource: detached(key.resource),
      namespace: detached(key.namespace),
    };
    return { resource, namespace, name: detached(key.name) };
  }

  /** Puts an entry in its place, or removes its object when the entry is a deletion. */
  apply(entry: Entry): void {
    const buckets = this.#resources.get(entry.resource) ?? new Map<string, Bucket>();
    this.#resources.set(entry.resource, buckets);
    let bucket = buckets.get(entry.namespace);
    if (bucket === undefined) {
      bucket = new Bucket(entry);
      buckets.set(entry.namespace, bucket);
      this.#namespaces.delete(entry.resource);
    }
    if (!entry.deleted) {
      bucket.set(entry);
      return;
    }
    bucket.delete(entry.name);
    if (bucket.entries.size === 0) {
      buckets.delete(entry.namespace);
      this.#namespaces.delete(entry.resource);
    }
  }

  count(resource: string, namespace?: string): number {
    const buckets = this.#resources.get(resource);
    if (namespace !== undefined) {
      return buckets?.get(namespace)?.entries.size ?? 0;
    }
    let sum = 0;
    for (const bucket of buckets?.values() ?? []) {
      sum += bucket.entries.size;
    }
    return sum;
  }

  /** In order of namespace and name, after `after` when given. */
  *walk(resource: string, namespace?: string, after?: Pick<Key, 'namespace' | 'name'>): Generator<Entry> {
    const buckets = this.#resources.get(resource);
    for (const each of namespace === undefined ? this.#namespacesOf(resource) : [namespace]) {
      const bucket = buckets?.get(each);
      if (bucket === undefined || (after !== undefined && each < after.namespace)) {
        continue;
      }
      const names = bucket.names();
      for (let at = after?.namespace === each ? position(names, after.name) : 0; at < names.length; at++) {
        const entry = bucket.entries.get(names[at] ?? '');
        if (entry !== undefined) {
          yield entry;
        }
      }
    }
  }

  #namespacesOf(resource: string): readonly string[] {
    const known =
      this.#namespaces.get(resource) ?? [...(this.#resources.get(resource)?.keys() ?? [])].sort(compare);
    this.#namespaces.set(resource, known);
    return known;
  }
}

/** A copy of its own: a part of another string (a URL, say) would keep all of that in memory. */
function detached(text: string): string {
  return Buffer.from(text).toString();
}

/** Order of names and namespaces: by UTF-16 unit, the same as by byte for what they may contain. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Index of the first name greater than `name`. */
function position(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? '') <= name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function merge(sorted: readonly string[], added: readonly string[]): string[] {
  const result: string[] = [];
  let at = 0;
  for (const name of added) {
    while (at < sorted.length && (sorted[at] ?? '') < name) {
      result.push(sorted[at++] ?? '');
    }
    if (sorted[at] !== name && result.at(-1) !== name) {
      result.push(name);
    }
  }
  while (at < sorted.length) {
    result.push(sorted[at++] ?? '');
  }
  return result;
}
