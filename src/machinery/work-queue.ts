import { type Clock, systemClock } from './clock.ts';
import type { QueueObserver } from './queue-metrics.ts';

/** How fast failing keys come back. */
export interface WorkQueueOptions {
  readonly clock?: Clock;
  /** Milliseconds before the first retry; doubles with each. Default 10. */
  readonly baseDelay?: number;
  /** Longest delay between retries in milliseconds. Default 60,000. */
  readonly maxDelay?: number;
  /** Is told of every key. */
  readonly observer?: QueueObserver | undefined;
}

interface Delayed {
  readonly due: number;
  readonly cancel: () => void;
}

/**
 * A queue of keys: a key waits once however often it is added, is handed to one worker at a time, and comes back after
 * `done` when it was added meanwhile. Delays keep the earliest time asked for.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #baseDelay: number;
  readonly #maxDelay: number;
  readonly #observer: QueueObserver | undefined;
  readonly #ready = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #waiting: ((key: string | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#baseDelay = options.baseDelay ?? 10;
    this.#maxDelay = options.maxDelay ?? 60_000;
    this.#observer = options.observer;
  }

  /** Keys ready to be worked on. */
  get length(): number {
    return this.#ready.size;
  }

  /** Makes a key ready now. A later time it waited for is dropped: the pass to come asks again if it needs to. */
  add(key: string): void {
    if (this.#closed) {
      return;
    }
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
    if (this.#ready.has(key) || this.#again.has(key)) {
      return;
    }
    this.#observer?.added(key);
    if (this.#busy.has(key)) {
      this.#again.add(key);
    } else {
      this.#offer(key);
    }
  }

  #offer(key: string): void {
    const worker = this.#waiting.shift();
    if (worker === undefined) {
      this.#ready.add(key);
    } else {
      this.#take(key);
      worker(key);
    }
  }

  #take(key: string): void {
    this.#busy.add(key);
    this.#observer?.taken(key);
  }

  /** Makes a key ready after `ms` milliseconds, or earlier when it waits for an earlier time already. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) {
      return;
    }
    if (ms <= 0) {
      this.add(key);
      return;
    }
    this.#observer?.retried();
    const due = this.#clock.now() + ms;
    const waiting = this.#delayed.get(key);
    if (waiting !== undefined && waiting.due <= due) {
      return;
    }
    waiting?.cancel();
    this.#delayed.set(key, { due, cancel: this.#clock.setTimer(() => this.add(key), ms) });
  }

  /** Puts a failed key back: 10, 20, 40 … milliseconds, at most a minute. Returns the delay. */
  retry(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delay = Math.min(this.#baseDelay * 2 ** failures, this.#maxDelay);
    this.addAfter(key, delay);
    return delay;
  }

  /** Forgets a key's failures after a success. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, when there is one; undefined once the queue is closed. */
  next(): Promise<string | undefined> {
    const [key] = this.#ready;
    if (this.#closed) {
      return Promise.resolve(undefined);
    }
    if (key !== undefined) {
      this.#ready.delete(key);
      this.#take(key);
      return Promise.resolve(key);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Tells that the work on a key handed out by `next` is over. */
  done(key: string): void {
    this.#busy.delete(key);
    this.#observer?.done(key);
    if (this.#again.delete(key) && !this.#closed) {
      this.#delayed.get(key)?.cancel();
      this.#delayed.delete(key);
      this.#offer(key);
    }
  }

  /** Hands out nothing any more and wakes every worker with undefined. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) {
      cancel();
    }
    this.#delayed.clear();
    this.#ready.clear();
    for (const worker of this.#waiting.splice(0)) {
      worker(undefined);
    }
  }
}
