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

/** An informer and what ends it before the others. */
interface Held {
  readonly informer: SharedInformer<KubeObject>;
  readonly end: AbortController;
}

class SharedInformerFactory implements InformerFactory {
  readonly client: ApiClient;
  readonly #options: InformerFactoryOptions;
  readonly #informers = new Map<string, Held>();
  #signal: AbortSignal | undefined;

  constructor(client: ApiClient, options: InformerFactoryOptions) {
    this.client = client;
    this.#options = options;
  }

  informer<T extends KubeObject>(kind: KindRef<T>, options: InformerOptions<T> = {}): Informer<T> {
    const informer = this.#shared(kind, options);
    informer.keepWhole();
    return informer;
  }

  metadataInformer(kind: KindRef, options: InformerOptions<KubeObject> = {}): Informer<KubeObject> {
    return this.#shared(kind, options);
  }

  #shared<T extends KubeObject>(kind: KindRef<T>, options: InformerOptions<T>): SharedInformer<T> {
    const selector = selectorOf(options);
    const id = JSON.stringify([kind.group, kind.version, kind.plural, selector]);
    // The map holds informers of every type; the id carries the kind, so what is found under it has type T.
    let informer = this.#informers.get(id)?.informer as SharedInformer<T> | undefined;
    if (informer === undefined) {
      informer = new SharedInformer<T>(kind, { ...this.#options, selector });
      const held = {
        informer: informer as unknown as SharedInformer<KubeObject>,
        end: new AbortController(),
      };
      this.#informers.set(id, held);
      if (this.#signal !== undefined) {
        this.#run(held, this.#signal);
      }
    }
    for (const [name, values] of Object.entries(options.indexes ?? {})) {
      informer.addIndex(name, values);
    }
    return informer;
  }

  forget(kind: KindRef): void {
    for (const [id, { informer, end }] of [...this.#informers]) {
      const { group, version, plural } = informer.kind;
      if (group === kind.group && version === kind.version && plural === kind.plural) {
        this.#informers.delete(id);
        end.abort();
      }
    }
  }

  #run({ informer, end }: Held, signal: AbortSignal): void {
    void informer.run(this.client, AbortSignal.any([signal, end.signal]));
  }

  async start(signal: AbortSignal): Promise<void> {
    const held = [...this.#informers.values()];
    if (this.#signal === undefined) {
      this.#signal = signal;
      for (const each of held) {
        this.#run(each, signal);
      }
    }
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([aborted, Promise.all(held.map(({ informer }) => informer.synced))]);
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
