import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient } from './api-client.ts';
import type { Clock } from './clock.ts';
import type { Informer, InformerFactory, InformerOptions } from './informer.ts';
import type { Log } from './log.ts';
import { type Selector, SharedInformer } from './shared-informer.ts';

/** What the factory's informers run with. */
export interface InformerFactoryOptions {
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** Makes informers that share one watch per kind and selector; indexes asked for by several are all kept. */
export function createInformerFactory(
  client: ApiClient,
  options: InformerFactoryOptions = {},
): InformerFactory {
  return new SharedInformerFactory(client, options);
}

class SharedInformerFactory implements InformerFactory {
  readonly client: ApiClient;
  readonly #options: InformerFactoryOptions;
  readonly #informers = new Map<string, SharedInformer<KubeObject>>();
  #signal: AbortSignal | undefined;

  constructor(client: ApiClient, options: InformerFactoryOptions) {
    this.client = client;
    this.#options = options;
  }

  informer<T extends KubeObject>(kind: KindRef<T>, options: InformerOptions<T> = {}): Informer<T> {
    const selector = selectorOf(options);
    const id = JSON.stringify([kind.group, kind.version, kind.plural, selector]);
    // The map holds informers of every type; the id carries the kind, so what is found under it has type T.
    let informer = this.#informers.get(id) as SharedInformer<T> | undefined;
    if (informer === undefined) {
      informer = new SharedInformer<T>(kind, { ...this.#options, selector });
      this.#informers.set(id, informer as unknown as SharedInformer<KubeObject>);
      if (this.#signal !== undefined) {
        void informer.run(this.client, this.#signal);
      }
    }
    for (const [name, values] of Object.entries(options.indexes ?? {})) {
      informer.addIndex(name, values);
    }
    return informer;
  }

  async start(signal: AbortSignal): Promise<void> {
    const informers = [...this.#informers.values()];
    if (this.#signal === undefined) {
      this.#signal = signal;
      for (const informer of informers) {
        void informer.run(this.client, signal);
      }
    }
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([aborted, Promise.all(informers.map((informer) => informer.synced))]);
  }
}

function selectorOf(options: Selector): Selector {
  const { namespace, labelSelector, fieldSelector } = options;
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}
