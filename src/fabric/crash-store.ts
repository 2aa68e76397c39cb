/** For tests: objects as informers show them, without a server. */
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import { keyOf } from '#machinery/controller.ts';
import type { Informer } from '#machinery/informer.ts';

/** Objects as an informer shows them. */
export function storeOf<T extends KubeObject>(
  kind: KindRef<T>,
): Informer<T> & { readonly map: Map<string, T>; put(object: T): void } {
  const map = new Map<string, T>();
  return {
    kind,
    map,
    put: (object) => void map.set(keyOf(object), object),
    synced: Promise.resolve(),
    get: (key) => map.get(keyOf({ metadata: key })),
    list: (namespace) =>
      [...map.values()].filter(({ metadata }) => (namespace ?? metadata.namespace) === metadata.namespace),
    byIndex: () => [],
    subscribe: () => () => undefined,
  };
}
