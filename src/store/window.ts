import type { Entry } from './entry.ts';
import { Line } from './line.ts';

/** The newest events, in order, by resource. */
export class Window {
  readonly #limit: number;
  readonly #all = new Line();
  readonly #byResource = new Map<string, Line>();
  #start: number;

  /** `limit`: events kept in memory, older ones are read from disk; `start`: the revision before the first that will be pushed. */
  constructor(limit: number, start: number) {
    this.#limit = limit;
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
    if (this.#all.length > this.#limit) {
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
    this.#start = entry.revision;
    entry.previous = undefined;
  }
}
