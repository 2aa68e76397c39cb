/** Waits for objects to reach a state, by watch. */
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';

/** What to wait for. */
export interface WaitOptions<T extends KubeObject> {
  /** Named in the error: `every node Ready`. */
  readonly what: string;
  readonly namespace?: string;
  readonly timeoutMs: number;
  readonly isReached: (objects: readonly T[]) => boolean;
  /** How far they are; told to `onChange`, and named in the error. */
  readonly describe: (objects: readonly T[]) => string;
  readonly onChange?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Resolves with the objects of a kind once `isReached` holds.
 * Throws a PatchbayError `TimedOut` that says how far they were, or `Interrupted` when `signal` aborts.
 */
export async function waitForObjects<T extends KubeObject>(
  client: ApiClient,
  kind: KindRef<T>,
  options: WaitOptions<T>,
): Promise<readonly T[]> {
  const end = new AbortController();
  const signal = options.signal === undefined ? end.signal : AbortSignal.any([options.signal, end.signal]);
  const factory = createInformerFactory(client);
  const { namespace } = options;
  const informer = factory.informer(kind, namespace === undefined ? {} : { namespace });
  const current = () => informer.list(namespace);
  try {
    return await new Promise<readonly T[]>((resolve, reject) => {
      const look = (): void => {
        options.onChange?.(options.describe(current()));
        if (options.isReached(current())) {
          resolve(current());
        }
      };
      const timer = setTimeout(() => {
        const reached = options.describe(current());
        reject(
          new PatchbayError(
            'TimedOut',
            `${options.what}: not reached after ${options.timeoutMs / 1000} s; ${reached}`,
          ),
        );
      }, options.timeoutMs);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new PatchbayError('Interrupted', `${options.what}: given up`));
      });
      informer.subscribe(look);
      factory.start(signal).then(look, reject);
    });
  } finally {
    end.abort();
  }
}
