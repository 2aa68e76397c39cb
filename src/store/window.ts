import type { Entry } from './entry.ts';

/** A queue that drops from the front cheaply. */
class Line {
  #entries: Entry[] = [];
  #start = 0;

  get length(): number {
    return this.#entries.length - this.#start;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  shift(): Entry | undefined {
    const entry = this.#entries[this.#start++];
    if (this.#start > 64 && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
    return entry;
  }

  /** Up to `limit` entries after `revision`. */
  after(revision: number, limit: number): Entry[] {
    let low = this.#start;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.revision ?? 0) <= revision) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return this.#entries.slice(low, low + limit);
  }

  /** Newest first, down to but without `revision`. */
  *backwards(revision: number): Generator<Entry> {
    for (let at = this.#entries.length - 1; at >= this.#start; at--) {
      const entry = this.#entries[at];
      if (entry === undefined || entry.revision <= revision) {
        return;
      }
      yield entry;
    }
  }
}

/** Bounds of the events kept in memory; older ones are read from disk. */
export interface WindowLimits {
  readonly events: number;
  /** Characters of replaced versions that only the window still holds. */
  readonly replaced: number;
}

/** The newest events, in order, by resource. */
export class Window {
  readonly #limits: WindowLimits;
  readonly #all = new Line();
  readonly #byResource = new Map<string, Line>();
  #replaced = 0;
  #start: number;

  /** `start`: the revision before the first event that will be pushed. */
  constructor(limits: WindowLimits, start: number) {
    this.#limits = limits;
    this.#start = start;
  }

  /** Every event after this revision is here. */
  get start(): number {
    return this.#start;
  }

  push(entry: Entry): void {
    this.#all.push(entry);
    let line = this.#byResource.get(entry.resource);
    if (line === undefined) {
      line = new Line();
      this.#byResource.set(entry.resource, line);
    }
    line.push(entry);
    this.#replaced += retained(entry);
    while (this.#all.length > this.#limits.events || this.#replaced > this.#limits.replaced) {
      this.#drop();
    }
  }

  /** Drops every event up to and including `revision`. */
  dropThrough(revision: number): void {
    while (
      this.#start < revision &&
      this.#all.length > 0 &&
      (this.#all.after(0, 1)[0]?.revision ?? 0) <= revision
    ) {
      this.#drop();
    }
    this.#start = Math.max(this.#start, revision);
  }

  after(resource: string, revision: number, limit: number): readonly Entry[] {
    return this.#byResource.get(resource)?.after(revision, limit) ?? [];
  }

  backwards(resource: string, revision: number): Iterable<Entry> {
    return this.#byResource.get(resource)?.backwards(revision) ?? [];
  }

  #drop(): void {
    const entry = this.#all.shift();
    if (entry === undefined) {
      return;
    }
    const line = this.#byResource.get(entry.resource);
    line?.shift();
    if (line?.length === 0) {
      this.#byResource.delete(entry.resource);
    }
    this.#replaced -= retained(entry);
    this.#start = entry.revision;
    entry.previous = undefined;
  }
}

function retained(entry: Entry): number {
  return (entry.previous?.value.length ?? 0) + (entry.deleted ? entry.value.length : 0);
}
