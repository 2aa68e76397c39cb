import type { Collections } from './collections.ts';
import { type Entry, type Key, textOf } from './entry.ts';
import type { LogFile } from './log-file.ts';
import type { Window } from './window.ts';

/** What to list. */
export interface ListQuery {
  readonly resource: string;
  readonly namespace?: string | undefined;
  /** Start behind this object. */
  readonly after?: Pick<Key, 'namespace' | 'name'> | undefined;
  /** As of this revision; default: now. Throws `Gone` when compacted, `Future` when it does not exist yet. */
  readonly revision?: number | undefined;
}

/** A list as it was at a revision that is still kept: today's objects with every later event undone. */
export function pastList(
  query: ListQuery,
  revision: number,
  state: Collections,
  window: Window,
  file: LogFile,
): readonly Entry[] {
  const was = undone(query.resource, revision, window, file);
  const entries: Entry[] = [];
  for (const entry of state.walk(query.resource, query.namespace, query.after)) {
    if (!was.has(textOf(entry))) {
      entries.push(entry);
    }
  }
  for (const value of was.values()) {
    const entry = typeof value === 'number' ? file.version(value) : value;
    if (entry !== undefined && within(entry, query)) {
      entries.push(entry);
    }
  }
  return entries.sort(byPlace);
}

/** What every object written after `revision` was then: a version, its revision on disk, or nothing. */
function undone(
  resource: string,
  revision: number,
  window: Window,
  file: LogFile,
): Map<string, Entry | number | undefined> {
  const was = new Map<string, Entry | number | undefined>();
  for (const entry of window.backwards(resource, revision)) {
    was.set(textOf(entry), entry.previous);
  }
  if (revision < window.start) {
    for (const { key, previous } of file.backwards(revision, window.start)) {
      if (key.startsWith(`${resource}/`)) {
        was.set(key, previous === 0 ? undefined : previous);
      }
    }
  }
  return was;
}

function within(entry: Entry, query: ListQuery): boolean {
  if (query.namespace !== undefined && entry.namespace !== query.namespace) {
    return false;
  }
  return query.after === undefined || byPlace(entry, query.after) > 0;
}

function byPlace(a: Pick<Key, 'namespace' | 'name'>, b: Pick<Key, 'namespace' | 'name'>): number {
  if (a.namespace !== b.namespace) {
    return a.namespace < b.namespace ? -1 : 1;
  }
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
