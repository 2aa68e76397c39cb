/** Logs that grow: what is there, then what is added, until the container is over. */
import { once } from 'node:events';
import { watch } from 'node:fs';
import path from 'node:path';
import { type LogEntry, LogFollower, readEntries } from '#drivers/pod/cri-log.ts';
import type { ContainerDriver, ContainerView } from '#drivers/pod/driver.ts';

/** What is wanted of a log. */
export interface LogQuery {
  readonly follow: boolean;
  /** Last lines; absent: all. */
  readonly tail?: number;
  /** Milliseconds since the epoch; older lines are left out. */
  readonly since?: number;
  readonly only?: 'stdout' | 'stderr';
}

/** Yields entries; with `follow` goes on until the run is over or the signal aborts. */
export async function* logEntries(
  driver: Pick<ContainerDriver, 'list' | 'onChange'>,
  view: ContainerView,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const follower = new LogFollower(view.logFile, 0, undefined);
  const wanted = ({ stream, time }: LogEntry): boolean =>
    (query.only === undefined || query.only === stream) &&
    (query.since === undefined || Date.parse(time) >= query.since);
  const there: LogEntry[] = [];
  for await (const entry of readEntries(`${view.logFile}.1`)) there.push(entry);
  there.push(...(await follower.next()));
  yield* lastLines(there.filter(wanted), query.tail);
  if (query.follow) {
    for await (const entry of added(driver, view, follower, signal)) {
      if (wanted(entry)) yield entry;
    }
  }
}

/** What is added from now on, until the run is over. */
export async function* added(
  driver: Pick<ContainerDriver, 'list' | 'onChange'>,
  view: ContainerView,
  follower: LogFollower,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const woken = new EventTarget();
  const wake = (): void => void woken.dispatchEvent(new Event('wake'));
  const isOver = (): boolean =>
    driver.list(view.container.podUid).find(({ id }) => id === view.id)?.phase.type !== 'running';
  let hasNews = true;
  const news = (): void => {
    hasNews = true;
    wake();
  };
  const watcher = watch(path.dirname(view.logFile), (_event, name) => {
    if (name === path.basename(view.logFile)) news();
  });
  // The directory goes away with the container.
  watcher.on('error', news);
  const stop = driver.onChange(news);
  signal.addEventListener('abort', wake);
  try {
    while (!signal.aborted) {
      const wasOver = isOver();
      hasNews = false;
      yield* await follower.next();
      if (wasOver) return;
      if (!hasNews && !signal.aborted) await once(woken, 'wake');
    }
  } finally {
    watcher.close();
    stop();
    signal.removeEventListener('abort', wake);
  }
}

/** The last whole lines, with all their parts. Pure. */
export function lastLines(entries: readonly LogEntry[], count: number | undefined): readonly LogEntry[] {
  if (count === undefined) {
    return entries;
  }
  let left = count;
  let from = entries.length;
  // A line that is not finished yet counts as one.
  for (; from > 0; from -= 1) {
    const isEnd = entries[from - 1]?.isWhole === true || from === entries.length;
    if (isEnd && left === 0) break;
    if (isEnd) left -= 1;
  }
  return entries.slice(from);
}
