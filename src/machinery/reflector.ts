import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient, ListOptions, WatchEvent } from './api-client.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { ApiError, messageOf } from './errors.ts';
import { type Log, silentLog } from './log.ts';

/** Where a reflector puts what it hears. */
export interface ReflectorSink<T extends KubeObject> {
  /** Everything there is, after a list. */
  replace(objects: readonly T[]): void;
  /** One change, after the last list. */
  apply(event: WatchEvent<T>): void;
}

/** What a reflector runs with. */
export interface ReflectorOptions {
  readonly selector: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;
  readonly log?: Log;
  readonly clock?: Clock;
  /** 0 <= x < 1; spreads the back-off of many clients. */
  readonly random?: () => number;
}

/** Objects asked for with one list request. */
const pageSize = 500;
/** Milliseconds. */
const backOff = { first: 200, longest: 30_000 };

/**
 * Lists a kind, then watches it from the list's version, and so on until `signal` aborts: lists again when the server
 * has forgotten the version (410), backs off when it is not reached. Never rejects.
 */
export async function reflect<T extends KubeObject>(
  client: ApiClient,
  kind: KindRef<T>,
  sink: ReflectorSink<T>,
  signal: AbortSignal,
  options: ReflectorOptions,
): Promise<void> {
  const { log = silentLog, clock = systemClock, random = Math.random } = options;
  const position: Position = { version: undefined, failures: 0 };
  while (!signal.aborted) {
    const started = clock.now();
    try {
      await follow(client, kind, sink, signal, options, position);
      // A server that ends watches at once must not be asked in a tight loop.
      if (clock.now() - started < 1000) {
        position.failures += 1;
        await sleep(delay(position.failures, random), signal, clock);
      }
    } catch (error) {
      if (signal.aborted) {
        return;
      }
      const retryInMs = retryDelay(error, position, random);
      log.warn({ kind: kind.kind, error: messageOf(error), retryInMs }, 'watch interrupted');
      await sleep(retryInMs, signal, clock);
    }
  }
}

interface Position {
  version: string | undefined;
  failures: number;
}

/** One list, when the version is not known, and one watch. */
async function follow<T extends KubeObject>(
  client: ApiClient,
  kind: KindRef<T>,
  sink: ReflectorSink<T>,
  signal: AbortSignal,
  { selector }: ReflectorOptions,
  position: Position,
): Promise<void> {
  position.version ??= await listAll(client, kind, sink, selector, signal);
  const watch = client.watch(kind, { ...selector, resourceVersion: position.version }, signal);
  for await (const event of watch) {
    position.version = event.object.metadata.resourceVersion ?? position.version;
    position.failures = 0;
    if (event.type !== 'BOOKMARK') {
      sink.apply(event);
    }
  }
}

function retryDelay(error: unknown, position: Position, random: () => number): number {
  const expired = error instanceof ApiError && error.code === 410;
  if (expired) {
    position.version = undefined;
  }
  position.failures += 1;
  return expired && position.failures === 1 ? 0 : delay(position.failures, random);
}

async function listAll<T extends KubeObject>(
  client: ApiClient,
  kind: KindRef<T>,
  sink: ReflectorSink<T>,
  selector: ListOptions,
  signal: AbortSignal,
): Promise<string> {
  const objects: T[] = [];
  let next: string | undefined;
  for (;;) {
    const page = await client.list(kind, {
      ...selector,
      limit: pageSize,
      ...(next === undefined ? {} : { continue: next }),
    });
    objects.push(...page.items);
    next = page.continue;
    if (next === undefined) {
      if (!signal.aborted) {
        sink.replace(objects);
      }
      return page.resourceVersion;
    }
  }
}

/** 0.2, 0.4, 0.8 … 30 s, each shortened by up to a half. */
function delay(failures: number, random: () => number): number {
  const full = Math.min(backOff.first * 2 ** (failures - 1), backOff.longest);
  return Math.max(backOff.first, full * (0.5 + random() / 2));
}
