import { corrupt } from './errors.ts';

/** Which event replaced which, found by reading a log from its newest event on. */
export class Links {
  readonly #path: string;
  readonly #compacted: number;
  /** Keys by the revision that an event met before has replaced: it must come, or it may be compacted already. */
  readonly #awaited = new Map<number, string>();
  readonly #optional = new Map<number, string>();

  /** `path`: of the store, for what is said; what was replaced up to `compacted` may be missing. */
  constructor(path: string, compacted: number) {
    this.#path = path;
    this.#compacted = compacted;
  }

  /** Takes in the next older event; true when a newer one replaced it. Throws `StoreCorrupt` when that was another object's. */
  follow(revision: number, previous: number, key: string): boolean {
    const links = this.#awaited.has(revision) ? this.#awaited : this.#optional;
    const replaced = links.get(revision);
    if (replaced !== undefined) {
      links.delete(revision);
      if (replaced !== key) {
        throw corrupt(
          this.#path,
          `revision ${revision} is of ${key}, but an event of ${replaced} replaced it`,
        );
      }
    }
    if (previous !== 0) {
      (revision > this.#compacted ? this.#awaited : this.#optional).set(previous, key);
    }
    return replaced !== undefined;
  }

  /** At the oldest event. Throws `StoreCorrupt` when one is missing. */
  end(): void {
    for (const [revision, key] of this.#awaited) {
      throw corrupt(this.#path, `revision ${revision} of ${key} was replaced, and is missing`);
    }
  }
}
