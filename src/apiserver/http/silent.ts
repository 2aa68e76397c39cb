/** Connections that were made and then asked nothing: each costs some 64 KiB, and whoever wants to do harm makes many. */

/** What can be cut. */
interface Connection {
  destroy(): unknown;
}

/** How many of them may be open, and for how long they may be silent once there are more, in milliseconds. */
const defaults = { limit: 256, patienceMs: 250 };

/**
 * Those that have not sent the head of a request. Clients send it with the end of the handshake, so that few are here and not
 * for long. When there are more than the limit, a new one has the oldest cut.
 */
export class SilentConnections {
  readonly #since = new Map<Connection, number>();
  readonly #limits: typeof defaults;
  readonly #now: () => number;

  constructor(limits: Partial<typeof defaults> = {}, now: () => number = () => performance.now()) {
    this.#limits = { ...defaults, ...limits };
    this.#now = now;
  }

  /** A connection is there. */
  add(connection: Connection): void {
    this.#since.set(connection, this.#now());
    for (const [oldest, since] of this.#since) {
      if (this.#since.size <= this.#limits.limit || this.#now() - since < this.#limits.patienceMs) {
        return;
      }
      this.#since.delete(oldest);
      oldest.destroy();
    }
  }

  /** It asked something, or is gone. */
  delete(connection: Connection): void {
    this.#since.delete(connection);
  }
}
