import type { Clock } from './clock.ts';

interface FakeTimer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test advances it. */
export class FakeClock implements Clock {
  #now: number;
  #timers: readonly FakeTimer[] = [];

  /** Starts at `start` milliseconds since the epoch. */
  constructor(start = Date.parse('2026-01-01T00:00:00Z')) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, ms: number): () => void {
    const timer = { due: this.#now + Math.max(0, ms), callback };
    this.#timers = [...this.#timers, timer];
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Timers still set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves on by `ms`, firing what falls due in order, and lets promises settle between timers. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#timers.filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) {
        break;
      }
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.due);
      next.callback();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets every promise that can settle without input or output do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });
}
