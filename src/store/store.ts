/**
 * Objects as text, every write an event in an append-only log. Reads and watches come from memory; a write is answered
 * when its event is on disk. Writes that arrive in one turn of the event loop share one commit.
 */
import { randomUUID } from 'node:crypto';
import { copyDatabase, type StoreCopy } from './backup.ts';
import { Collections } from './collections.ts';
import { Entry, type Key, textOf } from './entry.ts';
import { corrupt, refusal, StoreError } from './errors.ts';
import { History } from './history.ts';
import { LogFile } from './log-file.ts';
import { type Observer, Observers } from './observers.ts';
import { type ListQuery, pastList } from './past.ts';
import { type Subscription, Subscriptions } from './subscription.ts';
import { Texts } from './texts.ts';
import { Window } from './window.ts';
import type { Pending, StoreOptions, Write, WriteObserver } from './write.ts';

const defaults = { window: 10_000, texts: 16 * 1024 * 1024 };

export class Store {
  readonly #file: LogFile;
  readonly #state = new Collections();
  readonly #window: Window;
  readonly #history: History;
  readonly #texts: Texts;
  readonly #subscriptions = new Subscriptions();
  readonly #observers = new Observers();
  #pending: Pending[] = [];
  /** Versions written but not yet on disk, by key text. */
  #ahead = new Map<string, Entry>();
  #flush: Promise<void> | undefined;
  #revision: number;
  #next: number;
  #failure: StoreError | undefined;
  #timed: ((seconds: number) => void) | undefined;
  #written: WriteObserver | undefined;

  /** Opens and reads the whole log. Throws `StoreLocked`, `StoreCorrupt` or `StorageFailed`. */
  constructor(options: StoreOptions) {
    this.#file = new LogFile(options.path, options.synchronous);
    const budget = options.texts ?? defaults.texts;
    this.#texts = new Texts(budget, (revision) => this.#textAt(revision));
    try {
      const { compacted } = this.#file.marks();
      this.#revision = Math.max(compacted, this.#load(budget));
      this.#window = new Window(options.window ?? defaults.window, this.#revision);
      this.#history = new History(this.#file, this.#window, this.#subscriptions);
      this.#next = this.#revision + 1;
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** Newest revision that is on disk. */
  get revision(): number {
    return this.#revision;
  }

  /** Events up to this revision can no longer be watched. */
  get compactedRevision(): number {
    return this.#history.compacted;
  }

  /** Why the store takes no writes, when it takes none. */
  get failure(): StoreError | undefined {
    return this.#failure;
  }

  /** The object as it is on disk. */
  get(key: Key): Entry | undefined {
    return this.#state.get(key);
  }

  /** The object as the next write will find it: with writes that are on their way to disk. */
  head(key: Key): Entry | undefined {
    const ahead = this.#ahead.get(textOf(key));
    return ahead === undefined ? this.#state.get(key) : ahead.deleted ? undefined : ahead;
  }

  /** Number of objects now. */
  count(resource: string, namespace?: string): number {
    return this.#state.count(resource, namespace);
  }

  /**
   * The objects in order of namespace and name; a consistent cut when consumed without waiting.
   * Throws `Gone` when `revision` was compacted and `Future` when it does not exist yet.
   */
  list(query: ListQuery): Iterable<Entry> {
    const { resource, namespace, after, revision } = query;
    if (revision === undefined || revision === this.#revision) {
      return this.#state.walk(resource, namespace, after);
    }
    if (revision > this.#revision) {
      throw new StoreError(
        'Future',
        `revision ${revision} does not exist yet, the newest is ${this.#revision}`,
      );
    }
    this.#history.checkKept(revision);
    return pastList(query, revision, this.#state, this.#window, this.#file);
  }

  /** Creates or replaces. Rejects with `AlreadyExists`, `NotFound`, `Conflict`, `StorageFull` or `StorageFailed`. */
  put(write: Write): Promise<Entry> {
    return this.#submit(write, false);
  }

  /** Removes; `encode` gives the object as it was, with the revision of the removal. Rejects as `put` does. */
  delete(write: Write): Promise<Entry> {
    return this.#submit(write, true);
  }

  /** Resolves when everything written before is on disk; rejects when that failed. */
  settled(): Promise<void> {
    return this.#flush ?? Promise.resolve();
  }

  /**
   * Every event of a resource after `from`, in order. `wake` is called (at most once per turn of the event loop) when
   * there is something to read. Throws `Gone` when events after `from` were compacted.
   */
  subscribe(resource: string, from: number, wake: () => void): Subscription {
    this.#history.checkKept(from);
    return this.#subscriptions.add(resource, from, wake, (after, limit) =>
      this.#history.events(resource, after, limit, this.#revision),
    );
  }

  /**
   * Calls `observer` with every event of a resource, in order, once it is on disk and before its writer is answered:
   * whoever follows a write sees what the observer made of it. Returns the way to stop.
   */
  observe(resource: string, observer: Observer): () => void {
    return this.#observers.add(resource, observer);
  }

  /**
   * Forgets history up to `revision`, then removes it from the disk in small batches between other work.
   * Resolves when done or when `signal` aborts; what is left (also for {@link hold}) is removed by the next call.
   */
  compact(revision: number, signal?: AbortSignal, batch = 500): Promise<void> {
    const stop = (): boolean => signal?.aborted === true || this.#failure !== undefined;
    return this.#history.compact(Math.min(revision, this.#revision), stop, batch);
  }

  /**
   * Keeps the versions that are stored now readable, even when they are replaced and compacted, until the returned
   * function is called: for whoever reads a long list bit by bit.
   */
  hold(): () => void {
    return this.#history.hold(this.#revision);
  }

  /** Bytes on disk. */
  get size(): number {
    return this.#file.size;
  }

  /** Copies everything that is on disk into a new file beside the store. Rejects with `StorageFull` or `StorageFailed`. */
  backup(): Promise<StoreCopy> {
    return copyDatabase(this.#file.database, `${this.#file.path}.backup-${randomUUID()}`);
  }

  /** Calls `observer` with the seconds that each commit took. */
  onCommit(observer: (seconds: number) => void): void {
    this.#timed = observer;
  }

  /** Calls `observer` for each write once it is on disk or has failed. */
  onWrite(observer: WriteObserver): void {
    this.#written = observer;
  }

  /** Commits what is on its way, then closes the file. Later writes reject with `StoreClosed`. */
  close(): void {
    if (this.#failure?.reason === 'StoreClosed') {
      return;
    }
    this.#commit();
    this.#failure = new StoreError('StoreClosed', 'the store is closed');
    this.#subscriptions.close();
    this.#file.close();
  }

  /** Finds every object, and keeps `room` characters of the texts written last. Returns the newest revision. */
  #load(room: number): number {
    const kept: Entry[] = [];
    const last = this.#file.scan({
      place: (key) => this.#state.place(key),
      take: (entry) => {
        const newer = this.#state.get(entry)?.revision;
        if (newer !== undefined) {
          throw corrupt(
            this.#file.path,
            `revision ${newer} of ${textOf(entry)} does not say that it replaced ${entry.revision}`,
          );
        }
        room -= entry.value.length;
        if (room < 0) entry.forget(this.#texts);
        else kept.push(entry);
        this.#state.apply(entry);
      },
    });
    for (const entry of kept.reverse()) this.#texts.keep(entry);
    return last;
  }

  #submit(write: Write, deleting: boolean): Promise<Entry> {
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure);
    }
    const text = textOf(write.key);
    const current = this.head(write.key);
    const refused = refusal(write.key, write.expected, current, deleting);
    if (refused !== undefined) {
      // What it collided with may not be on disk yet: the refusal must not tell of something that then never was.
      return this.#ahead.has(text)
        ? this.settled().then(() => Promise.reject(refused))
        : Promise.reject(refused);
    }
    const revision = this.#next;
    const value = write.encode(revision);
    this.#next += 1;
    const entry = new Entry(
      current ?? this.#state.place(write.key),
      revision,
      deleting,
      value,
      current,
      current?.revision ?? 0,
    );
    this.#ahead.set(text, entry);
    return new Promise((resolve, reject) => {
      this.#pending.push({ entry, resolve, reject, began: performance.now() });
      this.#flush ??= this.#scheduleCommit();
    });
  }

  #scheduleCommit(): Promise<void> {
    const flush = new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        const error = this.#commit();
        return error === undefined ? resolve() : reject(error);
      });
    });
    // Each writer learns of a failure through its own promise; nobody may be waiting for this one.
    flush.catch(() => undefined);
    return flush;
  }

  #tell(pending: readonly Pending[], error: unknown): void {
    const written = this.#written;
    if (written === undefined) {
      return;
    }
    const now = performance.now();
    for (const { entry, began } of pending) {
      const operation = entry.deleted ? 'delete' : entry.previousRevision === 0 ? 'create' : 'update';
      written(operation, entry.resource, (now - began) / 1000, error);
    }
  }

  #commit(): unknown {
    const pending = this.#pending;
    this.#pending = [];
    this.#flush = undefined;
    if (pending.length === 0) {
      return undefined;
    }
    const error = this.#append(pending);
    this.#ahead = new Map();
    this.#tell(pending, error);
    if (error !== undefined) {
      this.#next = this.#revision + 1;
      for (const each of pending) {
        each.reject(error);
      }
      return error;
    }
    for (const { entry, resolve } of pending) {
      this.#state.apply(entry);
      this.#texts.keep(entry);
      this.#window.push(entry);
      this.#revision = entry.revision;
      this.#subscriptions.wake(entry.resource);
      this.#observers.tell(entry);
      resolve(entry);
    }
    return undefined;
  }

  #append(pending: readonly Pending[]): unknown {
    const started = performance.now();
    try {
      this.#file.append(pending.map((each) => each.entry));
      this.#timed?.((performance.now() - started) / 1000);
      return undefined;
    } catch (error) {
      if (error instanceof StoreError && error.reason === 'StorageFailed') {
        // After a failed fsync nobody knows what the disk holds: stop writing, keep reading.
        this.#failure = error;
      }
      return error;
    }
  }

  /** The text of a version that is no longer in memory: one that is stored now, or that was not compacted yet. */
  #textAt(revision: number): string {
    const entry = this.#file.find(revision);
    if (entry !== undefined) {
      return entry.value;
    }
    if (revision <= this.#history.compacted) {
      throw new StoreError('Gone', `revision ${revision} was compacted (${this.#history.compacted})`);
    }
    throw corrupt(this.#file.path, `revision ${revision} is missing`);
  }
}
