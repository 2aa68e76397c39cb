/** Lets things that are no API objects (QEMU, the kernel, the guest's agent) ask for a pass of a controller. */
import { pod } from '#api/core/pod.ts';
import type { KubeObject } from '#api/meta.ts';
import type { Source } from '#machinery/controller.ts';
import type { Informer, InformerEvent } from '#machinery/informer.ts';

/** A source of keys that is fired by hand. */
export interface Trigger {
  readonly source: Source;
  /** Asks for a pass over this key. Before the controller listens, keys are kept. */
  fire(key: string): void;
}

/** Makes one. */
export function createTrigger(): Trigger {
  const handlers = new Set<(event: InformerEvent<KubeObject>) => void>();
  const early = new Set<string>();
  const eventOf = (name: string): InformerEvent<KubeObject> => ({
    type: 'updated',
    object: { metadata: { name } },
  });
  const informer: Informer<KubeObject> = {
    kind: pod,
    synced: Promise.resolve(),
    get: () => undefined,
    list: () => [],
    byIndex: () => [],
    subscribe(handler) {
      handlers.add(handler);
      for (const key of early) handler(eventOf(key));
      early.clear();
      return () => handlers.delete(handler);
    },
  };
  return {
    source: { informer, keys: (event) => [event.object.metadata.name] },
    fire(key) {
      if (handlers.size === 0) {
        early.add(key);
      }
      for (const handler of handlers) handler(eventOf(key));
    },
  };
}
