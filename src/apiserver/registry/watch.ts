import type { KindDefinition } from '#api/kind.ts';
import { apiVersionOf } from '#api/kind.ts';
import { ApiError, messageOf, type StatusBody } from '#machinery/errors.ts';
import { Entry } from '#store/entry.ts';
import { StoreError } from '#store/errors.ts';
import type { Subscription } from '#store/subscription.ts';
import { failure, gone, invalidOptions } from '../api-errors.ts';
import type { Outgoing } from '../http/exchange.ts';
import { isTrue } from '../http/request-info.ts';
import { cause } from '../schema/causes.ts';
import type { Call, Services } from './call.ts';
import { parseRevision } from './list.ts';
import { isInPlace, type Selection, selectionOf } from './selection.ts';
import { wholeNumber } from './write-options.ts';

/** How an event's object is shown. `removed` events of a selector's border show the old object with the new version. */
export type Render = (entry: Entry) => string;

const bookmarkMs = 60_000;
/** Longest watch without `timeoutSeconds`, as in kube-apiserver: 30 to 60 minutes, spread so that clients do not return together. */
const minTimeoutMs = 30 * 60_000;
/** Events read at once, and what may be written without looking at the connection. */
const batch = 200;

/** What a watch asks for. */
interface WatchOptions {
  readonly from: number;
  /** Objects there already come first, as ADDED. */
  readonly initial: boolean;
  /** A bookmark tells where the initial objects end. */
  readonly markInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

/** Reads the options of a watch. Throws 400 or 422. */
function watchOptions(query: URLSearchParams): WatchOptions {
  const version = query.get('resourceVersion') ?? '';
  const send = query.get('sendInitialEvents');
  const bookmarks = isTrue(query.get('allowWatchBookmarks'));
  const match = query.get('resourceVersionMatch') ?? '';
  if (send !== null && match !== 'NotOlderThan') {
    const why = 'resourceVersionMatch must be set to NotOlderThan if sendInitialEvents is set';
    throw invalidOptions('ListOptions', cause('FieldValueForbidden', 'resourceVersionMatch', why));
  }
  if (send === null && match !== '') {
    const why = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    throw invalidOptions('ListOptions', cause('FieldValueForbidden', 'resourceVersionMatch', why));
  }
  const seconds = wholeNumber(query, 'timeoutSeconds') ?? 0;
  const newest = version === '' || version === '0';
  return {
    from: newest ? 0 : parseRevision(version),
    initial: send === null ? newest : isTrue(send),
    markInitialEnd: isTrue(send) && bookmarks,
    bookmarks,
    timeoutMs: seconds > 0 ? seconds * 1000 : minTimeoutMs * (1 + Math.random()),
  };
}

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
      this.#sendInitial(objects);
    });
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
    this.#onEnd();
  }

  #initial(): readonly Entry[] {
    const { resource, namespace } = this.#selection;
    return [...this.#services.store.list({ resource, namespace })].filter((entry) =>
      this.#selection.matches(entry),
    );
  }

  #sendInitial(objects: readonly Entry[]): void {
    for (let at = 0; at < objects.length; at += batch) {
      const page = objects.slice(at, at + batch);
      this.#write(page.map((entry) => this.#event('ADDED', this.#render(entry))).join(''));
    }
    if (this.#options.markInitialEnd) {
      this.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    }
    this.#pump();
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
      if (!this.#blocked && !this.#ended) {
        this.#pump();
        this.#bookmark();
      }
      if (!this.#ended) {
        this.#stops.shift();
        this.#scheduleBookmark();
      }
    }, bookmarkMs);
    this.#stops.unshift(stop);
  }

  #finish(): void {
    if (this.#options.bookmarks && !this.#blocked) {
      this.#pump();
      this.#bookmark();
    }
    this.end();
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const revision = this.#subscription?.revision;
    if (revision === undefined || this.#ended) {
      return;
    }
    const metadata = {
      resourceVersion: String(revision),
      creationTimestamp: null,
      ...(annotations === undefined ? {} : { annotations }),
    };
    const object = { kind: this.#kind.kind, apiVersion: apiVersionOf(this.#kind), metadata };
    this.#write(this.#event('BOOKMARK', JSON.stringify(object)));
  }

  /** Sends what there is until the connection is full or everything is sent. */
  #pump(): void {
    this.#guard(() => {
      while (!this.#blocked && !this.#ended && this.#subscription !== undefined) {
        const entries = this.#subscription.read(batch);
        if (entries.length === 0) {
          return;
        }
        this.#write(entries.map((entry) => this.#transition(entry)).join(''));
      }
    });
  }

  /** The event that an entry is for this watch: selectors turn changes into arrivals and departures. */
  #transition(entry: Entry): string {
    const selection = this.#selection;
    if (!isInPlace(selection, entry)) {
      return '';
    }
    const { previous } = entry;
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
