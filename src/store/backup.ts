/** Copies of a store: made while it runs, checked before they are trusted, put in the place of a store that does not run. */
import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import { StoreError } from './errors.ts';
import { LogFile } from './log-file.ts';

/** Pages copied at once; writes get their turn in between. */
const pagesAtOnce = 256;
/** How far revisions jump when a backup is restored, so that none is used twice (etcd's `--bump-revision`). */
const revisionGap = 1_000_000_000;

/** A copy on disk, in one file. */
export interface StoreCopy {
  readonly path: string;
  readonly bytes: number;
  /** Of the whole file, in hex. */
  readonly sha256: string;
  /** Newest revision in it. */
  readonly revision: number;
}

/** What a checked copy holds. */
export interface CopyContent {
  readonly revision: number;
  readonly events: number;
}

/** Copies a running store's database into a new file, mode 0600. Rejects with `StorageFull` or `StorageFailed`; then no file is left. */
export async function copyDatabase(database: DatabaseSync, target: string): Promise<StoreCopy> {
  try {
    closeSync(openSync(target, 'wx', 0o600));
    await backup(database, target, { rate: pagesAtOnce });
    const copy = new DatabaseSync(target);
    // One file, not two: what is copied says WAL, as its source.
    copy.exec('PRAGMA journal_mode = DELETE');
    const last = copy
      .prepare(
        "SELECT max(r) AS r FROM (SELECT max(revision) AS r FROM log UNION SELECT revision FROM mark WHERE name = 'compacted')",
      )
      .get();
    copy.close();
    return {
      path: target,
      bytes: statSync(target).size,
      sha256: await sha256Of(target),
      revision: Number(last?.['r'] ?? 0),
    };
  } catch (error) {
    rmSync(target, { force: true });
    throw error instanceof StoreError
      ? error
      : new StoreError('StorageFailed', `the backup ${target} was not written`, { cause: error });
  }
}

/** Copies the store of a server that does not run. Rejects with `StoreLocked`, `StoreCorrupt` or `StorageFailed`. */
export async function copyStopped(store: string, target: string): Promise<StoreCopy> {
  if (!existsSync(store)) {
    throw new StoreError('StorageFailed', `there is no store at ${store}: nothing to copy`);
  }
  const log = new LogFile(store);
  try {
    return await copyDatabase(log.database, target);
  } finally {
    log.close();
  }
}

/** Digest of a file, in hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Reads a copy event by event. Throws `StoreCorrupt`, `StoreLocked` or `StorageFailed`; the file stays as it is. */
function checkCopy(file: string): CopyContent {
  const log = new LogFile(file);
  try {
    const { compacted } = log.marks();
    const last = log.scan({ place: (key) => key, take: () => undefined });
    return { revision: Math.max(compacted, last), events: log.count() };
  } finally {
    log.close();
  }
}

/**
 * Puts a copy in the place of a store that no server uses; the store that was there is kept as `FILE.before-restore`.
 * Revisions go on behind the copy's, with a gap, and its history ends there: watchers list again instead of seeing time
 * go back. Throws `StoreLocked` when a server runs, `StoreCorrupt` when the copy is damaged; then nothing was changed.
 */
export function restoreCopy(copy: string, store: string): CopyContent {
  const fresh = `${store}.${randomUUID()}`;
  try {
    copyFileSync(copy, fresh);
    chmodSync(fresh, 0o600);
    const content = checkCopy(fresh);
    const release = holdStore(store);
    try {
      endHistory(fresh, content.revision + revisionGap);
      adoptOwner(fresh, existsSync(store) ? store : path.dirname(store));
    } finally {
      release();
    }
    replace(fresh, store);
    return content;
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Makes sure that nobody runs on the store, and leaves its log in one file. */
function holdStore(store: string): () => void {
  if (!existsSync(store)) {
    return () => undefined;
  }
  const log = new LogFile(store);
  return () => log.close();
}

function endHistory(file: string, revision: number): void {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;');
  database.prepare("UPDATE mark SET revision = ? WHERE name = 'compacted'").run(revision);
  database.close();
}

/** Root restores for the user that the server runs as. */
function adoptOwner(file: string, like: string): void {
  if (process.getuid?.() === 0) {
    const { uid, gid } = statSync(like);
    chownSync(file, uid, gid);
  }
}

function replace(fresh: string, store: string): void {
  if (existsSync(store)) {
    renameSync(store, `${store}.before-restore`);
  }
  for (const suffix of ['-wal', '-shm']) {
    rmSync(`${store}${suffix}`, { force: true });
  }
  renameSync(fresh, store);
  const directory = openSync(path.dirname(store), 'r');
  fsyncSync(directory);
  closeSync(directory);
}
