import type { Entry } from './entry.ts';

/** A queue of entries that drops from the front cheaply; those of the log are in order of revision. */
export class Line {
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
