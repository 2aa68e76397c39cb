/** What was written while others watched: every acknowledged write in the order of its revision. */
import type { Run } from './trial.ts';
import type { Watcher } from './watcher.ts';

/** One object's writes: one writer makes them one after another. */
interface Line {
  readonly revisions: number[];
  /** Index into `revisions` behind which a deletion was answered, whose answer does not tell its revision. */
  readonly deletions: number[];
}

/** The record of all writers. */
export class Written {
  readonly #byName = new Map<string, Line>();

  put(name: string, revision: number): void {
    this.#line(name).revisions.push(revision);
  }

  deleted(name: string): void {
    const line = this.#line(name);
    line.deletions.push(line.revisions.length - 1);
  }

  /** Compares what every watcher was told with what was written: nothing lost, nothing twice, nothing out of order. */
  compare(run: Run, watchers: readonly Watcher[]): void {
    const revisions = this.#revisions(run, watchers);
    const sorted = [...revisions].sort((a, b) => a - b);
    run.figure('writes', sorted.length);
    for (const watcher of watchers.filter(({ manner }) => manner !== 'selective')) {
      for (const { from, to, revisions: seen } of watcher.segments) {
        const expected = sorted.slice(firstAfter(sorted, from), firstAfter(sorted, to));
        run.count('events compared', expected.length);
        const at = expected.findIndex((revision, index) => seen[index] !== revision);
        const where = `${watcher.name}, events after ${from} up to ${to}`;
        run.check(
          at < 0 && seen.length === expected.length,
          () =>
            `${where}: number ${at} is ${seen[at]}, ${expected[at]} was written; ${seen.length} of ${expected.length}`,
        );
      }
    }
  }

  /** All revisions, those of deletions as the watchers saw them; each deletion must lie where its writer was told it. */
  #revisions(run: Run, watchers: readonly Watcher[]): Set<number> {
    const seen = new Map<string, Set<number>>();
    for (const { name, revision } of watchers
      .filter((w) => w.manner !== 'selective')
      .flatMap((w) => w.deleted)) {
      seen.set(name, (seen.get(name) ?? new Set()).add(revision));
    }
    const all = new Set([...this.#byName.values()].flatMap((line) => line.revisions));
    for (const [name, { revisions, deletions }] of this.#byName) {
      for (const at of deletions) {
        const low = revisions[at] ?? 0;
        const high = revisions[at + 1] ?? Number.POSITIVE_INFINITY;
        const found = [...(seen.get(name) ?? [])].filter((revision) => revision > low && revision < high);
        run.check(
          found.length === 1,
          () =>
            `${name} was deleted once between ${low} and ${high}; watchers were told ${found.join() || 'nothing'}`,
        );
        for (const revision of found) {
          all.add(revision);
        }
      }
    }
    return all;
  }

  #line(name: string): Line {
    const line = this.#byName.get(name) ?? { revisions: [], deletions: [] };
    this.#byName.set(name, line);
    return line;
  }
}

/** Index of the first number above `value` in a sorted list. */
function firstAfter(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
