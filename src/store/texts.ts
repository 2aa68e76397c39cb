import type { Entry, TextSource } from './entry.ts';
import { Line } from './line.ts';

/**
 * Which versions have their text in memory: those written or read last, up to a budget. A big store costs what its index
 * costs; the texts of what nobody touches are on disk only, where reading one takes some microseconds.
 */
export class Texts implements TextSource {
  readonly #budget: number;
  readonly #read: (revision: number) => string;
  readonly #kept = new Line();
  #length = 0;

  /** `budget` in characters; `read` gets a version's text from disk. */
  constructor(budget: number, read: (revision: number) => string) {
    this.#budget = budget;
    this.#read = read;
  }

  /** Takes in an entry that has its text; others lose theirs when there is no room for all. */
  keep(entry: Entry): void {
    this.#kept.push(entry);
    this.#length += entry.value.length;
    while (this.#length > this.#budget) {
      this.#length -= this.#kept.shift()?.forget(this) ?? this.#length;
    }
  }

  load(entry: Entry): string {
    const text = this.#read(entry.revision);
    entry.keep(text);
    this.keep(entry);
    return text;
  }
}
