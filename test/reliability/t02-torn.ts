/** Files of a store cut or spoilt at any byte: it opens without the torn write, or says what is damaged, and tells nothing wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '#store/errors.ts';
import { Store } from '#store/store.ts';
import type { Run } from './lib/trial.ts';

const writes = 40;
const tail = 4_096;

/** Makes a store, copies its files as a power cut would leave them, spoils the copies and opens them. */
export async function tornFiles(run: Run): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'patchbay-torn-'));
  try {
    const whole = await runningFiles(directory);
    for (let cut = 1; cut <= tail; cut += run.plan.share >= 1 ? 1 : 101) {
      const kept = whole.log.subarray(0, whole.log.length - cut);
      openTorn(run, directory, whole.database, kept, `the log without its last ${cut} bytes`);
      const spoilt = Buffer.concat([kept, Buffer.alloc(cut, run.random.between(0, 255))]);
      openTorn(run, directory, whole.database, spoilt, `the log with ${cut} wrong bytes at its end`);
    }
    // Closed since: the database holds every write.
    const closed = readFileSync(join(directory, 'whole.db'));
    for (let round = 0; round < run.scaled(2_000); round++) {
      openSpoilt(run, directory, closed);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface Files {
  readonly database: Buffer;
  readonly log: Buffer;
}

function textAt(at: number): string {
  return `value ${at} `.padEnd(300, String(at));
}

/** The files of a store that runs: the log holds every write. */
async function runningFiles(directory: string): Promise<Files> {
  const path = join(directory, 'whole.db');
  const store = new Store({ path });
  for (let at = 0; at < writes; at++) {
    const key = { resource: 'r', namespace: '', name: String(at) };
    await store.put({ key, encode: () => textAt(at) });
  }
  const files = { database: readFileSync(path), log: readFileSync(`${path}-wal`) };
  store.close();
  return files;
}

function openTorn(run: Run, directory: string, database: Buffer, log: Buffer, what: string): void {
  const path = join(directory, 'torn.db');
  writeFileSync(path, database);
  writeFileSync(`${path}-wal`, log);
  try {
    const store = new Store({ path });
    const found = [...store.list({ resource: 'r' })];
    store.close();
    const wrong = found.filter(({ name, value }) => value !== textAt(Number(name)));
    run.check(
      found.length >= writes - 1 && wrong.length === 0,
      () => `${what}: ${found.length} of ${writes} writes, ${wrong.length} of them wrong`,
    );
    run.count('torn logs opened');
  } catch (error) {
    run.violation(`${what}: the store does not open: ${String(error)}`);
  }
}

/** One byte of the database is another: the store says that it is damaged, or the byte was of no use. */
function openSpoilt(run: Run, directory: string, database: Buffer): void {
  const path = join(directory, 'spoilt.db');
  const bytes = Buffer.from(database);
  const at = run.random.between(0, bytes.length - 1);
  bytes[at] = (bytes[at] ?? 0) ^ run.random.between(1, 255);
  writeFileSync(path, bytes);
  rmSync(`${path}-wal`, { force: true });
  run.count('spoilt databases opened');
  try {
    const store = new Store({ path });
    const found = [...store.list({ resource: 'r' })];
    store.close();
    const right = found.filter(({ name, value }) => value === textAt(Number(name)));
    run.check(
      right.length === writes && found.length === writes,
      () => `byte ${at} is spoilt: ${right.length} of ${writes} writes are right, and nothing was said`,
    );
  } catch (error) {
    const clear = error instanceof StoreError && error.message.includes(path);
    run.check(clear, () => `byte ${at} is spoilt: ${String(error)}`);
    run.count('damage told');
  }
}
