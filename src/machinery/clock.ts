/** Time as a dependency, so that back-off, leases and expiry are tested without waiting. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `callback` once after `ms` milliseconds. Returns the way to cancel. */
  setTimer(callback: () => void, ms: number): () => void;
}

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, ms) {
    // Timers of Node overflow to 1 ms beyond 2^31-1.
    const timer = setTimeout(callback, Math.min(ms, 2_147_483_647));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` milliseconds, or at once when `signal` aborts. Never rejects: callers look at the signal. */
export function sleep(ms: number, signal: AbortSignal, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.setTimer(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
  });
}

/** RFC 3339 with whole seconds, as `metav1.Time`: `2026-08-22T10:00:00Z`. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** RFC 3339 with microseconds, as `metav1.MicroTime`: `2026-08-22T10:00:00.123000Z`. */
export function microTimestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000Z');
}
