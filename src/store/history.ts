import { StoreError } from './errors.ts';
import type { LogFile } from './log-file.ts';
import type { Reading, Subscriptions } from './subscription.ts';
import type { Window } from './window.ts';

/** Old versions of objects: how far back they can be read, and what forgets them. */
export class History {
  readonly #file: LogFile;
  readonly #window: Window;
  readonly #subscriptions: Subscriptions;
  /** Readers of old versions, by the revision that was the newest when they began. */
  readonly #holds = new Set<{ readonly revision: number }>();
  #compacted: number;
  #swept: number;

  constructor(file: LogFile, window: Window, subscriptions: Subscriptions) {
    this.#file = file;
    this.#window = window;
    this.#subscriptions = subscriptions;
    const { compacted, swept } = file.marks();
    this.#compacted = compacted;
    this.#swept = swept;
  }

  /** Events up to this revision can no longer be read. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Throws `Gone` when events after `from` were compacted. */
  checkKept(from: number): void {
    if (from < this.#compacted) {
      throw new StoreError('Gone', `too old resource version: ${from} (${this.#compacted})`);
    }
  }

  /** Keeps versions readable that are stored at `revision`, until the returned function is called. */
  hold(revision: number): () => void {
    const held = { revision };
    this.#holds.add(held);
    return () => this.#holds.delete(held);
  }

  /** Forgets history up to `target`, then removes it from the disk in batches between other work, until `stop` says so. */
  async compact(target: number, stop: () => boolean, batch: number): Promise<void> {
    if (target > this.#compacted) {
      this.#subscriptions.advance(this.#compacted, target);
      this.#file.compact(target);
      this.#compacted = target;
      this.#window.dropThrough(target);
      this.#subscriptions.wakeBehind(target);
    }
    while (this.#swept < this.#sweepable() && !stop()) {
      this.#swept = this.#file.sweep(this.#swept, this.#sweepable(), batch);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Up to `limit` events of a resource after a revision; `newest` is the store's. Throws `Gone`. */
  events(resource: string, after: number, limit: number, newest: number): Reading {
    this.checkKept(after);
    let from = after;
    while (from < this.#window.start) {
      const page = this.#file.history(resource, from, this.#window.start, limit);
      from = page.reached;
      if (page.entries.length > 0) {
        return page;
      }
    }
    const entries = this.#window.after(resource, from, limit);
    const last = entries.length < limit ? newest : (entries.at(-1)?.revision ?? newest);
    return { entries, reached: Math.max(from, last) };
  }

  /** What was replaced up to this revision nobody reads any more. */
  #sweepable(): number {
    return Math.min(this.#compacted, ...[...this.#holds].map(({ revision }) => revision));
  }
}
