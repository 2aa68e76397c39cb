/** How long to wait before something that ended is started again. Only Node's own modules. */

const longestMs = 10_000;
/** What ran this long counts as healthy: its next restart is quick again. */
const healthyMs = 30_000;

/** Delays that double with every end, up to 10 s. */
export class RestartDelay {
  readonly #firstMs: number;
  #nextMs: number;

  constructor(firstMs: number) {
    this.#firstMs = firstMs;
    this.#nextMs = firstMs;
  }

  /** Milliseconds to wait after what ran for `ranMs` has ended. */
  next(ranMs: number): number {
    if (ranMs > healthyMs) {
      this.#nextMs = this.#firstMs;
    }
    const delay = this.#nextMs;
    this.#nextMs = Math.min(this.#nextMs * 2, longestMs);
    return delay;
  }
}
