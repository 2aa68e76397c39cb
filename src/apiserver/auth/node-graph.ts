/** What the objects on each node use, kept up to date by the store's commits; a decision lists nothing. */
import type { Entry } from '#store/entry.ts';
import type { Store } from '#store/store.ts';
import { isRecord } from '../registry/metadata.ts';
import { type ApiObject, objectOf } from '../registry/objects.ts';
import { referencesOf } from './node-references.ts';

const followed = ['pods', 'virtualmachineinstances.kubevirt.io'] as const;

/** Pods and virtual machine instances by node, with the ConfigMaps, Secrets and service accounts they use. */
export class NodeGraph {
  /** What each object adds: edges, as they are counted. */
  readonly #edges = new Map<string, readonly string[]>();
  readonly #counts = new Map<string, number>();
  readonly #stops: readonly (() => void)[];

  constructor(store: Store) {
    this.#stops = followed.map((resource) => {
      for (const entry of store.list({ resource })) {
        this.#take(entry);
      }
      return store.observe(resource, (entry) => this.#take(entry));
    });
  }

  close(): void {
    for (const stop of this.#stops) {
      stop();
    }
  }

  /** True when something on the node uses the object. */
  uses(
    node: string,
    resource: 'configmaps' | 'secrets' | 'serviceaccounts',
    namespace: string,
    name: string,
  ): boolean {
    return this.#counts.has(edge(node, resource, namespace, name));
  }

  #take(entry: Entry): void {
    const key = `${entry.resource}/${entry.namespace}/${entry.name}`;
    for (const old of this.#edges.get(key) ?? []) {
      const left = (this.#counts.get(old) ?? 1) - 1;
      if (left > 0) {
        this.#counts.set(old, left);
      } else {
        this.#counts.delete(old);
      }
    }
    this.#edges.delete(key);
    const edges = entry.deleted ? [] : edgesOf(objectOf(entry));
    if (edges.length > 0) {
      this.#edges.set(key, edges);
    }
    for (const one of edges) {
      this.#counts.set(one, (this.#counts.get(one) ?? 0) + 1);
    }
  }
}

/** Where a Pod or a VirtualMachineInstance runs. */
export function nodeNameOf(object: ApiObject): string | undefined {
  const holder = object.kind === 'Pod' ? object['spec'] : object['status'];
  const name = isRecord(holder) ? holder['nodeName'] : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

function edgesOf(object: ApiObject): readonly string[] {
  const node = nodeNameOf(object);
  if (node === undefined) {
    return [];
  }
  const namespace = object.metadata.namespace ?? '';
  const spec = object['spec'];
  const edges = referencesOf(spec).map(({ resource, name }) => edge(node, resource, namespace, name));
  const account = isRecord(spec) ? spec['serviceAccountName'] : undefined;
  if (object.kind === 'Pod') {
    const name = typeof account === 'string' && account !== '' ? account : 'default';
    edges.push(edge(node, 'serviceaccounts', namespace, name));
  }
  return [...new Set(edges)];
}

function edge(node: string, resource: string, namespace: string, name: string): string {
  return `${node} ${resource}/${namespace}/${name}`;
}
