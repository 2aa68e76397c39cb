import type { Entry } from './entry.ts';

/** Events in order, and the revision up to which there are no others. */
export interface Reading {
  readonly entries: readonly Entry[];
  readonly reached: number;
}

/**
 * A place in the log. It holds no events itself: whoever reads slowly reads the same log later (from disk when need be),
 * so a slow reader costs no memory and misses nothing until compaction passes it.
 */
export class Subscription {
  readonly #read: (after: number, limit: number) => Reading;
  readonly #wake: () => void;
  readonly #onClose: (self: Subscription) => void;
  #revision: number;
  #closed = false;

  constructor(
    from: number,
    wake: () => void,
    read: (after: number, limit: number) => Reading,
    onClose: (self: Subscription) => void,
  ) {
    this.#revision = from;
    this.#wake = wake;
    this.#read = read;
    this.#onClose = onClose;
  }

  /** Every event up to this revision has been read. */
  get revision(): number {
    return this.#revision;
  }

  /** Up to `limit` next events, none when there are no more now. Throws `Gone` when compaction removed some unread. */
  read(limit: number): readonly Entry[] {
    if (this.#closed) {
      return [];
    }
    const { entries, reached } = this.#read(this.#revision, limit);
    this.#revision = Math.max(this.#revision, reached);
    return entries;
  }

  /** Throws `Gone` when compaction removed events that were not read. */
  check(): void {
    if (!this.#closed) {
      this.#read(this.#revision, 0);
    }
  }

  /** Moves on to where nothing was missed: a reader of what never changes is not overtaken by compaction. */
  advance(): void {
    const { entries, reached } = this.#read(this.#revision, 1);
    if (entries.length === 0) {
      this.#revision = Math.max(this.#revision, reached);
    }
  }

  /** Tells the reader that reading is worth it. */
  wake(): void {
    if (!this.#closed) {
      this.#wake();
    }
  }

  close(): void {
    this.#closed = true;
    this.#onClose(this);
  }
}

/** All readers, by resource. */
export class Subscriptions {
  readonly #byResource = new Map<string, Set<Subscription>>();
  readonly #woken = new Set<string>();

  add(
    resource: string,
    from: number,
    wake: () => void,
    read: (after: number, limit: number) => Reading,
  ): Subscription {
    const subscribed = this.#byResource.get(resource) ?? new Set();
    this.#byResource.set(resource, subscribed);
    const subscription = new Subscription(from, wake, read, (self) => subscribed.delete(self));
    subscribed.add(subscription);
    return subscription;
  }

  /** Wakes a resource's readers once the writers got their answers; what several commits bring goes out together. */
  wake(resource: string): void {
    if (!this.#byResource.has(resource)) {
      return;
    }
    if (this.#woken.size === 0) {
      setImmediate(() => this.#wakeAll());
    }
    this.#woken.add(resource);
  }

  /** Before compaction from one revision to another: readers that have nothing to read up to there go on from there. */
  advance(from: number, to: number): void {
    for (const subscribed of this.#byResource.values()) {
      for (const subscription of subscribed) {
        if (subscription.revision >= from && subscription.revision < to) {
          subscription.advance();
        }
      }
    }
  }

  /** Readers that compaction overtook must learn that they are lost without waiting for the next event. */
  wakeBehind(revision: number): void {
    for (const subscribed of this.#byResource.values()) {
      for (const subscription of subscribed) {
        if (subscription.revision < revision) {
          subscription.wake();
        }
      }
    }
  }

  close(): void {
    for (const subscribed of this.#byResource.values()) {
      for (const subscription of subscribed) {
        subscription.close();
      }
    }
  }

  #wakeAll(): void {
    const resources = [...this.#woken];
    this.#woken.clear();
    for (const resource of resources) {
      for (const subscription of this.#byResource.get(resource) ?? []) {
        subscription.wake();
      }
    }
  }
}
