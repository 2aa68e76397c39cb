/** Where an object lives: `resource` is `plural.group` (or `plural`), `namespace` is empty for cluster-scoped objects. */
export interface Key {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

/** Text form of a key, `resource/namespace/name`; sorts as lists are sorted. */
export function textOf(key: Key): string {
  return `${key.resource}/${key.namespace}/${key.name}`;
}

/** Where a version's text is found once it is no longer in memory. */
export interface TextSource {
  /** Reads the text again and keeps it with the entry. Throws `Gone` when compaction removed it, or what reading the disk throws. */
  load(entry: Entry): string;
}

/**
 * One version of one object, immutable once committed. A chain of `previous` reaches back as far as the watch window
 * in memory does, so that an event knows what it replaced. Hundreds of thousands of these are in memory: few fields.
 */
export class Entry implements Key {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** The write that made this version. */
  readonly revision: number;
  /** True for the last version of a deleted object: the event that removed it. */
  readonly deleted: boolean;
  /** The version replaced; undefined for a creation and for entries that left the watch window. */
  previous: Entry | undefined;
  /** Revision of the version replaced, 0 for a creation. */
  readonly previousRevision: number;
  /** Anything a reader derived from `value` and wants to keep with it; lost when the text leaves the memory. */
  derived: unknown = undefined;
  #text: string | TextSource;

  constructor(
    key: Key,
    revision: number,
    deleted: boolean,
    value: string,
    previous: Entry | undefined,
    previousRevision: number,
  ) {
    this.resource = key.resource;
    this.namespace = key.namespace;
    this.name = key.name;
    this.revision = revision;
    this.deleted = deleted;
    this.#text = value;
    this.previous = previous;
    this.previousRevision = previousRevision;
  }

  /** The object as text, with the revision already in it; from disk when memory no longer has it. */
  get value(): string {
    return typeof this.#text === 'string' ? this.#text : this.#text.load(this);
  }

  /** Keeps the text in memory. */
  keep(text: string): void {
    this.#text = text;
  }

  /** Forgets the text; returns how many characters that were. */
  forget(source: TextSource): number {
    const length = typeof this.#text === 'string' ? this.#text.length : 0;
    this.#text = source;
    this.derived = undefined;
    return length;
  }
}
