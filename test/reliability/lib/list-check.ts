/** Lists against writes: a list tells a revision, and must show exactly what was there at it, no sooner and no later. */
import type { Run } from './trial.ts';

/** A write with the revision it was answered with, or was later seen with (then `end` is Infinity). */
export interface NumberedWrite {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
  readonly start: number;
  readonly end: number;
}

/** A list as it was answered. */
export interface SeenList {
  readonly revision: number;
  readonly items: ReadonlyMap<string, { readonly value: string; readonly revision: number }>;
  readonly start: number;
  readonly end: number;
}

/** Checks that revisions follow the order of time, and that every list is the cut at its revision. */
export function checkLists(run: Run, writes: readonly NumberedWrite[], lists: readonly SeenList[]): void {
  const byRevision = writes.toSorted((a, b) => a.revision - b.revision);
  let latestStart = -1;
  for (const { key, value, revision, start, end } of byRevision) {
    run.check(
      end >= latestStart,
      () => `${key}=${value} at revision ${revision} was over before a write with a lower one began`,
    );
    latestStart = Math.max(latestStart, start);
  }
  for (const list of lists) {
    checkList(run, byRevision, list);
  }
}

function checkList(
  run: Run,
  writes: readonly NumberedWrite[],
  { revision, items, start, end }: SeenList,
): void {
  const expected = new Map<string, NumberedWrite>();
  for (const write of writes) {
    if (write.revision <= revision) {
      expected.set(write.key, write);
    }
    run.check(
      write.revision <= revision ? write.start <= end : write.end >= start,
      () => `a list at ${revision} is on the wrong side of ${write.key}=${write.value} at ${write.revision}`,
    );
  }
  for (const [key, write] of expected) {
    const item = items.get(key);
    run.check(
      item?.value === write.value && item.revision === write.revision,
      () =>
        `a list at ${revision} shows ${key}=${item?.value} at ${item?.revision}; ${write.value} was written at ${write.revision}`,
    );
  }
  run.check(
    [...items.keys()].every((key) => expected.has(key)),
    () => `a list at ${revision} shows what was written later`,
  );
}
