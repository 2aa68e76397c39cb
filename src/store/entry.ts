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

/**
 * One version of one object, immutable once committed. A chain of `previous` reaches back as far as the watch window
 * in memory does, so that an event knows what it replaced.
 */
export class Entry implements Key {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** The write that made this version. */
  readonly revision: number;
  /** True for the last version of a deleted object: the event that removed it. */
  readonly deleted: boolean;
  /** The object as text, with the revision already in it. */
  readonly value: string;
  /** The version replaced; undefined for a creation and for entries that left the watch window. */
  previous: Entry | undefined;
  /** Revision of the version replaced, 0 for a creation. */
  readonly previousRevision: number;
  /** Anything a reader derived from `value` and wants to keep with it. */
  derived: unknown = undefined;

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
    this.value = value;
    this.previous = previous;
    this.previousRevision = previousRevision;
  }
}
