/** A client that keeps a copy of what it watches, as informers do, in one of several manners, and notes what it was told. */
import { type ApiObject, type Client, objectOf } from './client.ts';
import type { Run } from './trial.ts';
import { openWatch, type Watch, type WatchEvent } from './watch.ts';

/** How a watcher behaves. */
export type Manner = 'fast' | 'slow' | 'paused' | 'reconnecting' | 'bookmarks' | 'streamed' | 'selective';

/** Events in one go: every event after `from` up to `to` that the watch is about. */
export interface Segment {
  readonly from: number;
  to: number;
  readonly revisions: number[];
}

/** What an object is compared by. */
export const summaryOf = ({ metadata, data }: ApiObject): string =>
  `${metadata.resourceVersion} ${data?.['value']}`;

/** One watcher. */
export class Watcher {
  readonly name: string;
  readonly manner: Manner;
  readonly segments: Segment[] = [];
  /** Deletions it saw: revision by name, in order. */
  readonly deleted: { readonly name: string; readonly revision: number }[] = [];
  readonly state = new Map<string, string>();
  /** How often it was told 410 and listed again. */
  expired = 0;
  readonly #run: Run;
  readonly #client: Client;
  readonly #path: string;
  #revision = 0;
  #final = Number.POSITIVE_INFINITY;
  #listed = false;
  #watch: Watch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #segment: Segment = { from: 0, to: 0, revisions: [] };

  constructor(run: Run, client: Client, path: string, manner: Manner, at: number) {
    this.#run = run;
    this.#client = client;
    this.#path = path;
    this.manner = manner;
    this.name = `${manner} ${at}`;
  }

  /** Everything up to here was seen. */
  get revision(): number {
    return this.#revision;
  }

  /** From now on it reads as fast as it can, and is done at this revision. */
  finishAt(revision: number): void {
    this.#final = revision;
    clearTimeout(this.#timer);
    this.#watch?.stream.resume();
    if (this.#revision >= revision) {
      this.#watch?.close();
    }
  }

  /** Lists and watches until it is done. */
  async follow(): Promise<void> {
    while (this.#revision < this.#final) {
      if (!this.#listed && this.manner !== 'streamed') {
        await this.#list();
      }
      if (this.#revision < this.#final) {
        await this.#stream();
      }
    }
  }

  async #list(): Promise<void> {
    const list = objectOf(await this.#client.request('GET', this.#path));
    this.#begin(Number(list.metadata.resourceVersion), list.items ?? []);
  }

  #begin(revision: number, objects: readonly ApiObject[]): void {
    this.#run.check(
      revision >= this.#revision,
      () => `${this.name}: a list went back from ${this.#revision} to ${revision}`,
    );
    this.state.clear();
    for (const object of objects) {
      this.state.set(object.metadata.name, summaryOf(object));
    }
    this.#revision = revision;
    this.#segment = { from: revision, to: revision, revisions: [] };
    this.segments.push(this.#segment);
    this.#listed = true;
  }

  async #stream(): Promise<void> {
    const streamed = this.manner === 'streamed' && !this.#listed;
    const bookmarks = streamed || this.manner === 'bookmarks' ? '&allowWatchBookmarks=true' : '';
    const start = streamed
      ? 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan'
      : `resourceVersion=${this.#revision}`;
    const initial: ApiObject[] = [];
    const separator = this.#path.includes('?') ? '&' : '?';
    const watch = await openWatch(this.#client, `${this.#path}${separator}${start}${bookmarks}`, (event) => {
      if (streamed && !this.#listed) {
        this.#initial(event, initial);
      } else {
        this.#event(event);
      }
      this.#pace(watch);
    });
    this.#watch = watch;
    if (this.manner === 'reconnecting' && this.#final === Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => watch.close(), this.#run.random.between(50, 1_500));
    }
    await watch.ended;
    clearTimeout(this.#timer);
  }

  #initial({ type, object }: WatchEvent, initial: ApiObject[]): void {
    if (type === 'BOOKMARK') {
      const end = object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';
      this.#run.check(end, () => `${this.name}: a bookmark before the end of the initial objects`);
      this.#begin(Number(object.metadata.resourceVersion), initial);
    } else {
      this.#run.check(type === 'ADDED', () => `${this.name}: ${type} among the initial objects`);
      initial.push(object);
    }
  }

  #pace(watch: Watch): void {
    if (this.#revision >= this.#final) {
      watch.close();
      return;
    }
    const ms = { slow: 1_000, paused: 10_000 }[this.manner as string];
    if (ms !== undefined && this.#final === Number.POSITIVE_INFINITY && !watch.stream.isPaused()) {
      if (this.manner === 'slow' || this.#run.random.oneIn(400)) {
        watch.stream.pause();
        this.#timer = setTimeout(() => watch.stream.resume(), ms);
      }
    }
  }

  #event({ type, object }: WatchEvent): void {
    if (type === 'ERROR') {
      this.#run.check(object.code === 410, () => `${this.name}: ${JSON.stringify(object)}`);
      this.expired += 1;
      this.#listed = false;
      return;
    }
    const { name, resourceVersion } = object.metadata;
    const revision = Number(resourceVersion);
    const dense = this.manner !== 'selective';
    this.#run.check(
      type === 'BOOKMARK' ? revision >= this.#revision : revision > this.#revision,
      () => `${this.name}: ${type} at ${revision} after ${this.#revision}`,
    );
    this.#revision = revision;
    this.#segment.to = revision;
    if (type === 'BOOKMARK') {
      return;
    }
    if (dense) {
      this.#segment.revisions.push(revision);
    }
    this.#run.check(
      this.state.has(name) === (type !== 'ADDED'),
      () => `${this.name}: ${type} of ${name}, which it ${this.state.has(name) ? 'knows' : 'does not know'}`,
    );
    if (type === 'DELETED') {
      this.state.delete(name);
      this.deleted.push({ name, revision });
    } else {
      this.state.set(name, summaryOf(object));
    }
  }
}
