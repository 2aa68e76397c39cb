/** Every writing call of a write fails once, in every manner: the store says so, keeps what it acknowledged, and stays usable. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '#store/errors.ts';
import { Store } from '#store/store.ts';
import type { Failure, PowerFileSystem } from './lib/power.ts';
import type { Run } from './lib/trial.ts';

/** A small write, and one that has SQLite move its log into the database. */
const sizes = { 'a small write': 100, 'a write with a checkpoint': 4_300_000 };

/** Goes through all calls of both writes; of the big one, some only unless the run is full. */
export async function everyFailure(run: Run, disk: PowerFileSystem): Promise<void> {
  let at = 0;
  for (const [what, size] of Object.entries(sizes)) {
    const stride = size < 1_000 ? 1 : run.plan.share >= 1 ? 7 : 700;
    for (const how of ['EIO', 'ENOSPC', 'short'] as const) {
      for (let n = 1; await failOnce(run, disk, `f${at++}`, { what, size, how, n }); n += stride) {
        run.count('failed calls');
      }
    }
  }
}

interface Case {
  readonly what: string;
  readonly size: number;
  readonly how: Failure;
  readonly n: number;
}

/** False: the write has fewer calls than `n`. */
async function failOnce(run: Run, disk: PowerFileSystem, name: string, test: Case): Promise<boolean> {
  const label = `${test.what}, call ${test.n} ${test.how}`;
  const path = join(disk.directory, name);
  const store = new Store({ path });
  const put = (key: string, size = 10) =>
    store.put({ key: { resource: 'r', namespace: '', name: key }, encode: () => key.padEnd(size, 'x') });
  const kept = ['a', 'b', 'c'];
  for (const key of kept) {
    await put(key);
  }
  await disk.fail(test.n, test.how);
  const refused = await put('probe', test.size).then(
    () => undefined,
    (error: unknown) => error,
  );
  const reached = (await disk.calls()) >= test.n;
  await disk.heal();
  if (refused === undefined) {
    kept.push('probe');
  } else {
    run.check(refused instanceof StoreError, () => `${label}: ${String(refused)}`);
  }
  const expectFull = refused instanceof StoreError && refused.reason === 'StorageFull';
  if (refused === undefined || expectFull) {
    await put('later').then(
      () => kept.push('later'),
      (error: unknown) => run.violation(`${label}: no write is possible afterwards: ${String(error)}`),
    );
  } else {
    const later = await put('later').then(
      () => 'done',
      () => 'refused',
    );
    run.check(later === 'refused', () => `${label}: a write was acknowledged after the store had failed`);
  }
  const listed = [...store.list({ resource: 'r' })].map((entry) => entry.name).sort();
  run.check(
    listed.join() === kept.toSorted().join(),
    () => `${label}: in memory ${listed.join()}, kept ${kept.join()}`,
  );
  await disk.cut('drop', 1);
  inspectCopy(run, label, disk, name, kept, expectFull ? [] : ['probe', 'later']);
  store.close();
  for (const suffix of ['', '-wal']) {
    rmSync(`${path}${suffix}`, { force: true });
  }
  return reached;
}

/** Opens what the disk holds after a power cut, elsewhere: the store at hand is still open. */
function inspectCopy(
  run: Run,
  label: string,
  disk: PowerFileSystem,
  name: string,
  kept: readonly string[],
  unsure: readonly string[],
): void {
  const directory = mkdtempSync(join(tmpdir(), 'patchbay-failure-'));
  try {
    for (const suffix of ['', '-wal']) {
      cpSync(join(disk.directory, `${name}${suffix}`), join(directory, `${name}${suffix}`), { force: true });
    }
    const store = new Store({ path: join(directory, name) });
    const found = new Set([...store.list({ resource: 'r' })].map((entry) => entry.name));
    store.close();
    const lost = kept.filter((key) => !found.has(key));
    const odd = [...found].filter((key) => !kept.includes(key) && !unsure.includes(key));
    run.check(
      lost.length + odd.length === 0,
      () => `${label}: after the cut lost ${lost.join()}, odd ${odd.join()}`,
    );
  } catch (error) {
    run.violation(`${label}: the store does not open after the cut: ${String(error)}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
