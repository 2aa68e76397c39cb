/** Everything that changes in the API, as watches tell it: who was written how often, and when something was first seen. */
import { kinds } from '#api/kinds.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient, WatchEvent } from '#machinery/api-client.ts';
import { now } from './session.ts';

/** One write of one object. */
export interface Write {
  readonly kind: string;
  readonly type: WatchEvent<KubeObject>['type'];
  /** Milliseconds since the epoch at which the watch told it. */
  readonly at: number;
  readonly object: KubeObject;
}

/** Watches all kinds. */
export class ApiLog {
  readonly writes: Write[] = [];
  readonly #waiting = new Set<() => void>();

  /** Starts watching from now on; resolves when every kind was listed. */
  static async start(client: ApiClient, signal: AbortSignal): Promise<ApiLog> {
    const log = new ApiLog();
    for (const kind of kinds) {
      const { resourceVersion } = await client.list(kind);
      void log.#follow(kind.kind, client.watch(kind, { resourceVersion }, signal));
    }
    return log;
  }

  /** The first write since `start` (an index into `writes`) that a predicate accepts. */
  async first(start: number, is: (write: Write) => boolean, signal: AbortSignal): Promise<Write> {
    for (;;) {
      signal.throwIfAborted();
      const found = this.writes.slice(start).find(is);
      if (found !== undefined) {
        return found;
      }
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  async #follow(kind: string, events: AsyncIterable<WatchEvent<KubeObject>>): Promise<void> {
    for await (const { type, object } of events) {
      if (type === 'BOOKMARK') {
        continue;
      }
      this.writes.push({ kind, type, at: now(), object });
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    }
  }
}
