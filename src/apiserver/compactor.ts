import type { Clock } from '#machinery/clock.ts';
import type { Store } from '#store/store.ts';
import type { Log } from './log.ts';

/** How long history is kept for watches, as kube-apiserver has etcd keep it. */
const keepMs = 5 * 60_000;
const everyMs = 60_000;
/** Most events kept, however young: disk is not endless. */
const mostEvents = 100_000;

/**
 * Compacts the store now and then from time to time: a server that never lives long must not leave a log that grows, which
 * every start reads. Returns the way to stop.
 */
export function compactor(store: Store, clock: Clock, log: Log, keepEvents = mostEvents): () => void {
  const abort = new AbortController();
  const marks: { readonly at: number; readonly revision: number }[] = [];
  let cancel = (): void => undefined;
  const tick = (): void => {
    const now = clock.now();
    marks.push({ at: now, revision: store.revision });
    const old = marks.findLastIndex((mark) => mark.at <= now - keepMs);
    const byAge = old < 0 ? 0 : (marks[old]?.revision ?? 0);
    marks.splice(0, Math.max(0, old));
    const target = Math.max(byAge, store.revision - keepEvents);
    const done = target > store.compactedRevision ? store.compact(target, abort.signal) : Promise.resolve();
    done.catch((error: unknown) => log.error({ err: error }, 'compaction failed')).finally(schedule);
  };
  const schedule = (): void => {
    if (!abort.signal.aborted) {
      cancel = clock.setTimer(tick, everyMs);
    }
  };
  tick();
  return () => {
    abort.abort();
    cancel();
  };
}
