/**
 * The log on disk: one SQLite table of events in WAL mode. No index besides the revision: the rows of a commit land on the
 * last page, and everything else is answered from memory.
 */
import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { messageOf } from '#machinery/errors.ts';
import { Entry, type Key, textOf } from './entry.ts';
import { corrupt, StoreError } from './errors.ts';
import { mapped, openLocked, type Synchronous, sqliteCode } from './open-database.ts';
import type { Reading } from './subscription.ts';

interface Row {
  readonly revision: number;
  readonly previous: number;
  readonly deleted: number;
  readonly key: string;
  readonly value: string;
  readonly checksum: number;
}

type RowArray = readonly [number, number, number, string, string, number];

/** Positions in the log: history up to `compacted` is gone for readers, up to `swept` also from the disk. */
export interface Marks {
  readonly compacted: number;
  readonly swept: number;
}

/** Who takes what a scan finds. */
interface Found {
  /** Gives the strings of a key. */
  place(key: Key): Key;
  take(entry: Entry): void;
}

/** What an event replaced is there, and of the same object. */
const brokenLink = `
  SELECT newer.previous, newer.key, older.key AS other
  FROM log AS newer LEFT JOIN log AS older ON older.revision = newer.previous
  WHERE newer.previous <> 0 AND newer.revision > ? AND older.key IS NOT newer.key LIMIT 1`;

/** Characters of events read from disk at once; a reader may keep them for as long as its client does not read. */
const historySize = 1024 * 1024;

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
    const prepare = (sql: string) => {
      try {
        return this.#database.prepare(sql);
      } catch (error) {
        this.#database.close();
        throw corrupt(path, messageOf(error), error); // its table has other columns
      }
    };
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

  /**
   * Hands over what is stored now, newest first, and returns the newest revision, 0 when there is none. All of it is checked,
   * with the removals of what is gone, and that each event that is not compacted is linked to what it replaced. Of history,
   * most of a busy log, nothing is made: it is checked when it is read. Throws `StoreCorrupt`.
   */
  scan(found: Found): number {
    try {
      return mapped(this.#database, () => {
        const { compacted, swept } = this.marks();
        this.#findCurrent(found);
        this.#checkLinks(compacted);
        // What compaction left half done may lack what it replaced: there a link cannot be followed, only read right.
        for (const row of this.#range.iterate(swept, compacted, -1)) this.#check(row as unknown as Row);
        return Number(this.#database.prepare('SELECT max(revision) AS last FROM log').get()?.['last'] ?? 0);
      });
    } catch (error) {
      throw error instanceof StoreError ? error : corrupt(this.#path, messageOf(error), error);
    }
  }

  #findCurrent({ place, take }: Found): void {
    const current = this.#database.prepare(
      `SELECT revision, previous, deleted, key, value, checksum FROM log
       WHERE revision NOT IN (SELECT previous FROM log) ORDER BY revision DESC`,
    );
    current.setReturnArrays(true); // a start reads all of it
    for (const array of current.iterate() as unknown as Iterable<RowArray>) {
      const [revision, previous, deleted, key, value, sum] = array;
      const row = { revision, previous, deleted, key, value, checksum: sum };
      this.#check(row);
      if (deleted === 0) take(entryOf(row, place(keyOf(key))));
    }
  }

  /** Number of events, with those that others replaced. */
  count(): number {
    return Number(this.#database.prepare('SELECT count(*) AS n FROM log').get()?.['n']);
  }

  #checkLinks(compacted: number): void {
    const broken = this.#database.prepare(brokenLink).get(compacted);
    if (broken === undefined) return;
    const { previous, key, other } = broken;
    throw corrupt(
      this.#path,
      other === null
        ? `revision ${previous} of ${key} was replaced, and is missing`
        : `revision ${previous} is of ${other}, but an event of ${key} replaced it`,
    );
  }

  /**
   * Reads up to `limit` events, or a few big ones, after `from` up to `to` and returns those of one resource, each with what
   * it replaced.
   */
  history(resource: string, from: number, to: number, limit: number): Reading {
    const rows: Row[] = [];
    let size = 0;
    let cut = limit;
    for (const row of this.#range.iterate(from, to, limit) as unknown as Iterable<Row>) {
      rows.push(row);
      size += row.value.length;
      if (size >= historySize) {
        cut = rows.length;
        break;
      }
    }
    const entries = rows.filter((row) => row.key.startsWith(`${resource}/`)).map((row) => this.#entry(row));
    for (const entry of entries) {
      entry.previous = entry.previousRevision === 0 ? undefined : this.version(entry.previousRevision);
    }
    return { entries, reached: rows.length < cut ? to : (rows.at(-1)?.revision ?? to) };
  }

  /** One version by its revision. Throws `StoreCorrupt` when it should be there and is not. */
  version(revision: number): Entry {
    const entry = this.find(revision);
    if (entry === undefined) {
      throw corrupt(this.#path, `revision ${revision} is missing`);
    }
    return entry;
  }

  /** One version by its revision; undefined when it is not there. Throws `StoreCorrupt` when it is damaged. */
  find(revision: number): Entry | undefined {
    const row = this.#one.get(revision);
    return row === undefined ? undefined : this.#entry(row as unknown as Row);
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

  /** Bytes on disk, without what is on its way there. */
  get size(): number {
    return statSync(this.#path).size;
  }

  /** The database, for copying it. */
  get database(): DatabaseSync {
    return this.#database;
  }

  get path(): string {
    return this.#path;
  }

  close(): void {
    this.#database.close();
  }

  #entry(row: Row): Entry {
    this.#check(row);
    return entryOf(row, keyOf(row.key));
  }

  #check({ revision, previous, deleted, key, value, checksum: sum }: Row): void {
    if (sum !== checksum(revision, previous, deleted, key, value)) {
      throw corrupt(this.#path, `the checksum of revision ${revision} (${key}) is wrong`);
    }
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

function entryOf({ revision, deleted, value, previous }: Row, key: Key): Entry {
  return new Entry(key, revision, deleted === 1, value, undefined, previous);
}

/** The opposite of `textOf`. */
function keyOf(text: string): Key {
  const first = text.indexOf('/');
  const second = text.indexOf('/', first + 1);
  return {
    resource: text.slice(0, first),
    namespace: text.slice(first + 1, second),
    name: text.slice(second + 1),
  };
}

function checksum(revision: number, previous: number, deleted: number, key: string, value: string): number {
  return crc32(value, crc32(`${revision} ${previous} ${deleted} ${key}\n`));
}
