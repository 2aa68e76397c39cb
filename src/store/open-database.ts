/** Opening the database of a store: its format, its lock, and what is wrong with it. */
import { chmodSync, closeSync, openSync, readSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '#machinery/errors.ts';
import { corrupt, StoreError } from './errors.ts';

const applicationId = 0x50425931;
const formatVersion = 1;
/** Bytes; what a file has beyond is read as usual. */
const largestMap = 1024 ** 3;

const layout = `
  CREATE TABLE log (
    revision INTEGER PRIMARY KEY,
    previous INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE mark (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO mark VALUES ('compacted', 0), ('swept', 0);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
`;

/** How durable a commit is; only benchmarks that show what durability costs use `normal`. */
export type Synchronous = 'full' | 'normal';

/** Opens or creates a database, mode 0600, and locks it until it is closed. Throws `StoreLocked`, `StoreCorrupt` or `StorageFailed`. */
export function openLocked(path: string, synchronous: Synchronous): DatabaseSync {
  try {
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    readThrough(path);
  } catch (error) {
    throw new StoreError('StorageFailed', `cannot create or open the store ${path}`, { cause: error });
  }
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Exclusive before anything else: the lock is held until the process ends, and the WAL index stays off shared memory.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE; COMMIT;');
    database.exec(
      `PRAGMA synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}; PRAGMA journal_size_limit = 16777216;`,
    );
    prepareLayout(database, path);
    return database;
  } catch (error) {
    database.close();
    throw openingError(error, path);
  }
}

function prepareLayout(database: DatabaseSync, path: string): void {
  const number = (pragma: string) =>
    Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
  const tables = database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'];
  if (tables === 0 && number('application_id') === 0) {
    database.exec(`BEGIN; ${layout} COMMIT;`);
    return;
  }
  if (number('application_id') !== applicationId) {
    throw corrupt(path, 'it is a database of another program');
  }
  if (number('user_version') !== formatVersion) {
    throw new StoreError(
      'StoreCorrupt',
      `the store ${path} has format ${number('user_version')}, this version reads format ${formatVersion}: use the version of Patchbay that wrote it`,
    );
  }
  const finding = mapped(
    database,
    () => Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0],
  );
  if (finding !== 'ok') {
    throw corrupt(path, String(finding));
  }
}

/**
 * Reads a file once, before it is locked: what the disk cannot read is an error here, and would end the process in `mapped`.
 * Not later, because closing any descriptor of a file gives up the process's locks on it.
 */
function readThrough(path: string): void {
  const chunk = Buffer.allocUnsafe(1024 * 1024);
  const file = openSync(path, 'r');
  try {
    while (readSync(file, chunk) > 0);
  } finally {
    closeSync(file);
  }
}

/** Lets the database read its file as memory meanwhile: a start that reads all of it takes half as long without a call per page. */
export function mapped<T>(database: DatabaseSync, body: () => T): T {
  database.exec(`PRAGMA mmap_size = ${largestMap}`);
  try {
    return body();
  } finally {
    database.exec('PRAGMA mmap_size = 0');
  }
}

function openingError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) {
    return error;
  }
  const code = sqliteCode(error);
  if (code === 5 || code === 6) {
    return new StoreError(
      'StoreLocked',
      `the store ${path} is in use by another process: only one API server may run on it`,
      {
        cause: error,
      },
    );
  }
  return code === 11 || code === 26
    ? corrupt(path, messageOf(error), error)
    : new StoreError('StorageFailed', `cannot open the store ${path}`, { cause: error });
}

/** The primary result code of SQLite (https://sqlite.org/rescode.html), or -1. */
export function sqliteCode(error: unknown): number {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : -1;
}
