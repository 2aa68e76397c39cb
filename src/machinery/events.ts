import { type Event, event } from '#api/core/event.ts';
import { apiVersionOf, type KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient } from './api-client.ts';
import { type Clock, systemClock, timestamp } from './clock.ts';
import { isNotFound, messageOf } from './errors.ts';
import { type Log, silentLog } from './log.ts';

/** Tells people what happened to an object; never fails and never waits. */
export interface EventRecorder {
  /** `reason` is CamelCase; `message` a sentence. Equal events are counted on one Event object. */
  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** The same recorder, telling for another program. */
  as(component: string): EventRecorder;
  /** Resolves when everything told so far is written or given up. */
  flush(): Promise<void>;
}

/** What a recorder runs with. */
export interface EventRecorderOptions {
  /** Program that tells, such as `virtualmachine-controller`. */
  readonly component: string;
  /** Node it runs on, when that matters. */
  readonly host?: string;
  readonly log?: Log;
  readonly clock?: Clock;
}

interface Known {
  readonly name: string;
  readonly first: number;
  count: number;
  seen: number;
}

interface Bucket {
  tokens: number;
  filled: number;
}

/** As upstream's event broadcaster: 25 events on one object at once, then one in 5 minutes. */
const rate = { burst: 25, refillMs: 300_000 };
/** Equal events are one while the last is younger than this (milliseconds). */
const aggregationWindow = 600_000;
/** Series and buckets remembered before the oldest are dropped. */
const memory = 4096;

/** Makes a recorder that writes through `client`. */
export function createEventRecorder(client: ApiClient, options: EventRecorderOptions): EventRecorder {
  return new ApiEventRecorder(client, options);
}

class ApiEventRecorder implements EventRecorder {
  readonly #client: ApiClient;
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #buckets = new Map<string, Bucket>();
  #tail: Promise<void> = Promise.resolve();
  #sequence = 0;

  constructor(client: ApiClient, options: EventRecorderOptions) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#tell(this.#options.component, object, type, reason, message);
  }

  as(component: string): EventRecorder {
    return {
      event: (...told) => this.#tell(component, ...told),
      as: (other) => this.as(other),
      flush: () => this.flush(),
    };
  }

  #tell(component: string, ...told: Parameters<EventRecorder['event']>): void {
    const [object, type, reason, message] = told;
    if (!this.#take(object.metadata.uid ?? object.metadata.name)) {
      return;
    }
    const id = JSON.stringify([component, object.kind, object.metadata.uid, type, reason, message]);
    const now = this.#clock.now();
    const known = this.#known.get(id);
    if (known !== undefined && now - known.seen < aggregationWindow) {
      known.count += 1;
      known.seen = now;
      this.#enqueue(() => this.#repeat(object, known, id));
      return;
    }
    this.#sequence += 1;
    const suffix = `${now.toString(16)}${this.#sequence.toString(16).padStart(4, '0')}`;
    const fresh = {
      name: `${object.metadata.name.slice(0, 200)}.${suffix}`,
      first: now,
      count: 1,
      seen: now,
    };
    remember(this.#known, id, fresh);
    this.#enqueue(async () => {
      await this.#client.create(event, this.#compose(component, told, fresh));
    });
  }

  flush(): Promise<void> {
    return this.#tail;
  }

  async #repeat(object: KubeObject, known: Known, id: string): Promise<void> {
    const body = { count: known.count, lastTimestamp: timestamp(known.seen) };
    const key = { name: known.name, namespace: namespaceOf(object) };
    try {
      await this.#client.patch(event, key, { type: 'merge', body });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
      // It outlived its hour on the server; the next one starts a new series.
      this.#known.delete(id);
    }
  }

  #compose(
    component: string,
    [object, type, reason, message]: Parameters<EventRecorder['event']>,
    known: Known,
  ): Event {
    const { host } = this.#options;
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const time = timestamp(known.first);
    return {
      metadata: { name: known.name, namespace: namespaceOf(object) },
      involvedObject: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        namespace,
        uid,
        resourceVersion,
      },
      type,
      reason,
      message: message.slice(0, 1024),
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
      source: host === undefined ? { component } : { component, host },
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  #take(uid: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(uid) ?? { tokens: rate.burst, filled: now };
    const refill = Math.floor((now - bucket.filled) / rate.refillMs);
    bucket.tokens = Math.min(rate.burst, bucket.tokens + refill);
    bucket.filled += refill * rate.refillMs;
    remember(this.#buckets, uid, bucket);
    if (bucket.tokens === 0) {
      return false;
    }
    bucket.tokens -= 1;
    return true;
  }

  /** One write after the other: events never crowd out the controllers' own requests. */
  #enqueue(write: () => Promise<void>): void {
    this.#tail = this.#tail.then(write).catch((error: unknown) => {
      const { log = silentLog } = this.#options;
      log.debug({ error: messageOf(error) }, 'an event was not written');
    });
  }
}

/** The object with the `apiVersion` and `kind` an event needs to point to it. */
export function referable<T extends KubeObject>(kind: KindRef<T>, object: T): T {
  return { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
}

/** Events about cluster-scoped objects live in `default`, as upstream. */
function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace ?? 'default';
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > memory && oldest !== undefined) {
    map.delete(oldest);
  }
}
