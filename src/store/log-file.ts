/**
 * The log on disk: one SQLite table of events in WAL mode. No index besides the revision: the rows of a commit land on the
 * last page, and everything else is answered from memory.
 */
import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { messageOf } from '#machinery/errors.ts';
import { Entry, type Key, textOf } from './entry.ts';
import { StoreError } from './errors.ts';
import type { Reading } from './subscription.ts';

const applicationId = 0x50425931;
const formatVersion = 1;

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

interface Row {
  readonly revision: number;
  readonly previous: number;
  readonly deleted: number;
  readonly key: string;
  readonly value: string;
  readonly checksum: number;
}

/** Positions in the log: history up to `compacted` is gone for readers, up to `swept` also from the disk. */
export interface Marks {
  readonly compacted: number;
  readonly swept: number;
}

/** How durable a commit is; only benchmarks that show what durability costs use `normal`. */
export type Synchronous = 'full' | 'normal';

export class LogFile {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #range: StatementSync;
  readonly #backwards: StatementSync;
  readonly #one: StatementSync;
  readonly #links: StatementSync;
  readonly #remove: StatementSync;
  readonly #setMark: StatementSync;

  /** Opens or creates the file, mode 0600, and locks it. Throws `StoreLocked`, `StoreCorrupt` or `StorageFailed`. */
  constructor(path: string, synchronous: Synchronous = 'full') {
    this.#path = path;
    this.#database = openLocked(path, synchronous);
    const prepare = (sql: string) => this.#database.prepare(sql);
    this.#insert = prepare('INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)');
    this.#range = prepare('SELECT * FROM log WHERE revision > ? AND revision <= ? ORDER BY revision LIMIT ?');
    this.#backwards = prepare(
      'SELECT revision, previous, key FROM log WHERE revision > ? AND revision <= ? ORDER BY revision DESC',
    );
    this.#one = prepare('SELECT * FROM log WHERE revision = ?');
    this.#links = prepare(
      'SELECT revision, previous, deleted FROM log WHERE revision > ? AND revision <= ? ORDER BY revision LIMIT ?',
    );
    this.#remove = prepare('DELETE FROM log WHERE revision = ?');
    this.#setMark = prepare('UPDATE mark SET revision = ? WHERE name = ?');
  }

  /** Appends in one transaction; when it returns, the entries are on disk. Throws `StorageFull` or `StorageFailed`, then nothing is stored. */
  append(entries: readonly Entry[]): void {
    this.#transaction(() => {
      for (const entry of entries) {
        const { revision, previousRevision, value } = entry;
        const deleted = entry.deleted ? 1 : 0;
        const key = textOf(entry);
        this.#insert.run(
          revision,
          previousRevision,
          deleted,
          key,
          value,
          checksum(revision, previousRevision, deleted, key, value),
        );
      }
    });
  }

  /** Every event in order, from the oldest kept. Throws `StoreCorrupt` at the first one that is damaged. */
  *replay(): Generator<Entry> {
    const all = this.#database.prepare('SELECT * FROM log ORDER BY revision');
    try {
      for (const row of all.iterate()) {
        yield this.#entry(row as unknown as Row);
      }
    } catch (error) {
      throw error instanceof StoreError ? error : corrupt(this.#path, messageOf(error), error);
    }
  }

  /** Reads up to `limit` events after `from` up to `to` and returns those of one resource, each with what it replaced. */
  history(resource: string, from: number, to: number, limit: number): Reading {
    const rows = this.#range.all(from, to, limit) as unknown as Row[];
    const entries = rows.filter((row) => row.key.startsWith(`${resource}/`)).map((row) => this.#entry(row));
    for (const entry of entries) {
      entry.previous = entry.previousRevision === 0 ? undefined : this.version(entry.previousRevision);
    }
    return { entries, reached: rows.length < limit ? to : (rows.at(-1)?.revision ?? to) };
  }

  /** One version by its revision. Throws `StoreCorrupt` when it should be there and is not. */
  version(revision: number): Entry {
    const row = this.#one.get(revision);
    if (row === undefined) {
      throw corrupt(this.#path, `revision ${revision} is missing`);
    }
    return this.#entry(row as unknown as Row);
  }

  /** Newest first: which key each event after `from` up to `to` wrote, and the revision it replaced. */
  *backwards(from: number, to: number): Generator<{ readonly key: string; readonly previous: number }> {
    for (const row of this.#backwards.iterate(from, to)) {
      yield row as unknown as { key: string; previous: number };
    }
  }

  marks(): Marks {
    const rows = this.#database.prepare('SELECT name, revision FROM mark').all();
    const find = (name: string): number => {
      const row = rows.find((each) => each['name'] === name);
      if (typeof row?.['revision'] !== 'number') {
        throw corrupt(this.#path, `mark ${name} is missing`);
      }
      return row['revision'];
    };
    return { compacted: find('compacted'), swept: find('swept') };
  }

  /** Writes down that history up to `revision` may go. */
  compact(revision: number): void {
    this.#transaction(() => this.#setMark.run(revision, 'compacted'));
  }

  /** Removes what at most `limit` events after `from` up to `to` replaced; returns the revision reached. */
  sweep(from: number, to: number, limit: number): number {
    const links = this.#links.all(from, to, limit);
    const last = links.at(-1)?.['revision'];
    const reached = links.length < limit || typeof last !== 'number' ? to : last;
    this.#transaction(() => {
      for (const link of links) {
        if (link['previous'] !== 0) {
          this.#remove.run(link['previous'] as number);
        }
        if (link['deleted'] === 1) {
          this.#remove.run(link['revision'] as number);
        }
      }
      this.#setMark.run(reached, 'swept');
    });
    return reached;
  }

  close(): void {
    this.#database.close();
  }

  #entry(row: Row): Entry {
    const [resource = '', namespace = '', name = ''] = row.key.split('/', 3);
    if (row.checksum !== checksum(row.revision, row.previous, row.deleted, row.key, row.value)) {
      throw corrupt(this.#path, `the checksum of revision ${row.revision} (${row.key}) is wrong`);
    }
    const key: Key = { resource, namespace, name };
    return new Entry(key, row.revision, row.deleted === 1, row.value, undefined, row.previous);
  }

  #transaction(body: () => void): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      body();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack(error);
    }
  }

  #rollBack(error: unknown): never {
    if (this.#database.isTransaction) {
      this.#database.exec('ROLLBACK');
    }
    const full = sqliteCode(error) === 13;
    throw new StoreError(
      full ? 'StorageFull' : 'StorageFailed',
      full
        ? `the disk that holds ${this.#path} is full; nothing of this write was stored. Free some space and try again`
        : `writing ${this.#path} failed`,
      { cause: error },
    );
  }
}

function openLocked(path: string, synchronous: Synchronous): DatabaseSync {
  try {
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
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
  const finding = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
  if (finding !== 'ok') {
    throw corrupt(path, String(finding));
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
function sqliteCode(error: unknown): number {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : -1;
}

function checksum(revision: number, previous: number, deleted: number, key: string, value: string): number {
  return crc32(value, crc32(`${revision} ${previous} ${deleted} ${key}\n`));
}

/** The error for a store that cannot be trusted. */
export function corrupt(path: string, finding: string, cause?: unknown): StoreError {
  return new StoreError(
    'StoreCorrupt',
    `the store ${path} is damaged: ${finding}. Nothing was changed; restore a backup, or move the file away to start empty`,
    { cause },
  );
}
