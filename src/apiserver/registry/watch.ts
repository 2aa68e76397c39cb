import type { KindDefinition } from '#api/kind.ts';
import { apiVersionOf } from '#api/kind.ts';
import { ApiError, messageOf, type StatusBody } from '#machinery/errors.ts';
import { Entry } from '#store/entry.ts';
import { StoreError } from '#store/errors.ts';
import type { Subscription } from '#store/subscription.ts';
import { failure, gone } from '../api-errors.ts';
import type { Outgoing } from '../http/exchange.ts';
import type { Call, Services } from './call.ts';
import { isInPlace, type Selection, selectionOf } from './selection.ts';
import { type WatchOptions, watchOptions } from './watch-options.ts';

/** How an event's object is shown. `removed` events of a selector's border show the old object with the new version. */
export type Render = (entry: Entry) => string;

const bookmarkMs = 60_000;
/** Events read at once. */
const batch = 200;
/** Characters written before looking at the connection: what a watch that nobody reads may cost. */
const pieceSize = 64 * 1024;
/** How long a client that does not read may keep the connection of a watch that has ended. */
const unreadMs = 30_000;

/**
 * Prepares a watch. The returned function takes over the connection and returns the way to end it from outside.
 * Throws 400 or 422; a version that is too old is told as an ERROR event, as upstream does.
 */
export function watch(
  services: Services,
  call: Call,
  kind: KindDefinition,
  render: Render,
): (response: Outgoing, onEnd: () => void) => () => void {
  const selection = selectionOf(call, kind);
  const options = watchOptions(call.info.query);
  return (response, onEnd) => {
    const stream = new WatchStream(services, kind, selection, options, render, response, onEnd);
    stream.start();
    return () => stream.end();
  };
}

class WatchStream {
  readonly #services: Services;
  readonly #kind: KindDefinition;
  readonly #selection: Selection;
  readonly #options: WatchOptions;
  readonly #render: Render;
  readonly #response: Outgoing;
  readonly #onEnd: () => void;
  readonly #stops: (() => void)[] = [];
  #subscription: Subscription | undefined;
  /** What was read and not yet written. */
  #pieces: Iterator<string, undefined> = [].values();
  #blocked = false;
  #ended = false;

  constructor(
    services: Services,
    kind: KindDefinition,
    selection: Selection,
    options: WatchOptions,
    render: Render,
    response: Outgoing,
    onEnd: () => void,
  ) {
    this.#services = services;
    this.#kind = kind;
    this.#selection = selection;
    this.#options = options;
    this.#render = render;
    this.#response = response;
    this.#onEnd = onEnd;
  }

  start(): void {
    this.#response.statusCode = 200;
    this.#response.setHeader('content-type', 'application/json');
    this.#response.setHeader('cache-control', 'no-cache, private');
    this.#response.flushHeaders?.();
    this.#response.on('close', () => this.end());
    this.#response.on('error', () => this.end());
    this.#response.on('drain', () => {
      this.#blocked = false;
      this.#pump();
    });
    this.#guard(() => {
      const { store } = this.#services;
      const { initial, from } = this.#options;
      // Nothing happens between the two: what is listed and what is subscribed meet exactly.
      const objects = initial ? this.#initial() : [];
      const start = initial || from === 0 ? store.revision : from;
      this.#subscription = store.subscribe(this.#selection.resource, start, () => this.#pump());
      this.#pieces = this.#initialPieces(objects);
    });
    this.#pump();
    this.#startTimers();
  }

  /** Ends the watch properly: clients start again where they were. */
  end(): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#subscription?.close();
    for (const stop of this.#stops) {
      stop();
    }
    this.#response.end();
    if (this.#blocked) {
      const cancel = this.#services.clock.setTimer(() => this.#response.destroy(), unreadMs);
      this.#response.on('close', cancel);
    }
    this.#onEnd();
  }

  #initial(): readonly Entry[] {
    const { resource, namespace } = this.#selection;
    return [...this.#services.store.list({ resource, namespace })].filter((entry) =>
      this.#selection.matches(entry),
    );
  }

  *#initialPieces(objects: readonly Entry[]): Generator<string, undefined> {
    yield* inPieces(objects, (entry) => this.#event('ADDED', this.#render(entry)));
    if (this.#options.markInitialEnd) {
      yield this.#bookmarkText({ 'k8s.io/initial-events-end': 'true' });
    }
  }

  #startTimers(): void {
    const { clock } = this.#services;
    this.#stops.push(clock.setTimer(() => this.#finish(), this.#options.timeoutMs));
    if (this.#options.bookmarks) {
      this.#scheduleBookmark();
    }
  }

  #scheduleBookmark(): void {
    const stop = this.#services.clock.setTimer(() => {
      this.#bookmark();
      if (!this.#ended) {
        this.#stops.shift();
        this.#scheduleBookmark();
      }
    }, bookmarkMs);
    this.#stops.unshift(stop);
  }

  #finish(): void {
    if (this.#options.bookmarks) {
      this.#bookmark();
    }
    this.end();
  }

  /** Tells how far the watch is, once everything up to there has been written. */
  #bookmark(): void {
    this.#pump();
    const { store } = this.#services;
    // A watch may start in the future; that nothing happened until then is not known yet.
    if (!this.#blocked && !this.#ended && (this.#subscription?.revision ?? 0) <= store.revision) {
      this.#write(this.#bookmarkText());
    }
  }

  #bookmarkText(annotations?: Readonly<Record<string, string>>): string {
    const metadata = {
      resourceVersion: String(this.#subscription?.revision ?? 0),
      ...(annotations === undefined ? {} : { annotations }),
    };
    const object = { kind: this.#kind.kind, apiVersion: apiVersionOf(this.#kind), metadata };
    return this.#event('BOOKMARK', JSON.stringify(object));
  }

  /** Sends what there is until the connection is full or everything is sent. */
  #pump(): void {
    this.#guard(() => {
      while (!this.#blocked && !this.#ended) {
        const piece = this.#nextPiece();
        if (piece === undefined) {
          return;
        }
        this.#write(piece);
      }
      this.#subscription?.check();
    });
  }

  #nextPiece(): string | undefined {
    for (;;) {
      const { done, value } = this.#pieces.next();
      if (done !== true) {
        return value;
      }
      const entries = this.#subscription?.read(batch) ?? [];
      if (entries.length === 0) {
        return undefined;
      }
      // What an event replaced is forgotten with the window; the event may be written later than that.
      const changes = entries.map((entry) => ({ entry, previous: entry.previous }));
      this.#pieces = inPieces(changes, ({ entry, previous }) => this.#transition(entry, previous));
    }
  }

  /** The event that an entry is for this watch: selectors turn changes into arrivals and departures. */
  #transition(entry: Entry, previous: Entry | undefined): string {
    const selection = this.#selection;
    if (!isInPlace(selection, entry)) {
      return '';
    }
    const was = previous !== undefined && selection.matches(previous);
    const is = !entry.deleted && selection.matches(entry);
    if (is) {
      return this.#event(was ? 'MODIFIED' : 'ADDED', this.#render(entry));
    }
    if (!was) {
      return '';
    }
    return this.#event('DELETED', this.#render(entry.deleted ? entry : departed(entry, previous)));
  }

  #event(type: string, object: string): string {
    return `{"type":"${type}","object":${object}}\n`;
  }

  #write(text: string): void {
    if (text !== '' && !this.#ended && !this.#response.write(text)) {
      this.#blocked = true;
    }
  }

  #guard(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#write(this.#event('ERROR', JSON.stringify(statusOf(error))));
      this.end();
    }
  }
}

/** The texts of some, joined to pieces of some size. */
function* inPieces<T>(items: readonly T[], textOf: (item: T) => string): Generator<string, undefined> {
  let piece = '';
  for (const item of items) {
    piece += textOf(item);
    if (piece.length >= pieceSize) {
      yield piece;
      piece = '';
    }
  }
  if (piece !== '') {
    yield piece;
  }
}

/** The object as it last matched, with the version of the change that made it not match. */
function departed(entry: Entry, previous: Entry): Entry {
  const value = previous.value.replace(
    `"resourceVersion":"${previous.revision}"`,
    `"resourceVersion":"${entry.revision}"`,
  );
  return new Entry(previous, entry.revision, false, value, undefined, previous.revision);
}

function statusOf(error: unknown): StatusBody {
  if (error instanceof ApiError) {
    return error.status;
  }
  if (error instanceof StoreError && error.reason === 'Gone') {
    return gone(error.message).status;
  }
  return failure(500, 'InternalError', messageOf(error)).status;
}
