/** Deletes Events after an hour, as upstream's API server does by a lease of etcd. */
import { type Event, event } from '#api/core/event.ts';
import { type Controller, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';

/** Milliseconds an Event lives after it was last seen. */
export const eventLifetime = 3_600_000;
/** Milliseconds between two rounds at least: many Events expire together. */
const pace = 60_000;
const round = 'expired';

/** The controller that deletes old Events. */
export function createEventExpiry(factory: InformerFactory, deps: ControllerDeps): Controller {
  const events = factory.informer(event);
  const waiting = { due: false };
  return {
    name: 'event-expiry',
    // One key for all, woken by the first Event only: the round itself knows when the next one is due.
    sources: [source(events, ({ type }) => (type === 'added' && !waiting.due ? [round] : []))],
    async reconcile() {
      const now = deps.clock.now();
      let next: number | undefined;
      for (const one of events.list()) {
        const left = lastSeen(one) + eventLifetime - now;
        if (left <= 0) {
          await expire(one);
        } else {
          next = Math.min(next ?? left, left);
        }
      }
      waiting.due = next !== undefined;
      return next === undefined ? undefined : { requeueAfter: Math.max(next, pace) };
    },
  };

  async function expire({ metadata }: Event): Promise<void> {
    try {
      await factory.client.delete(event, metadata);
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }
}

/** When an Event was last seen, in milliseconds since the epoch. */
export function lastSeen({ metadata, series, lastTimestamp, eventTime }: Event): number {
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp];
  return Math.max(0, ...times.map((time) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time)));
}
