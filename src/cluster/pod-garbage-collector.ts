/** Removes pods of nodes that are gone for good (embedded shapes; Kubernetes has its own). */
import { type Node, node } from '#api/core/node.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';

/** Milliseconds a node must be gone before its pods are: upstream's quarantine. */
export const quarantine = 40_000;

/** The pod garbage collector. */
export function createPodGarbageCollector(factory: InformerFactory, deps: ControllerDeps): Controller {
  const nodes = factory.informer(node);
  const pods = factory.informer(pod, {
    indexes: { assigned: ({ spec }) => (spec.nodeName === undefined ? [] : [spec.nodeName]) },
  });
  const loop = new LostPodLoop(factory, deps, pods, nodes);
  return {
    name: 'pod-garbage-collector',
    sources: [
      source(pods, ({ type, object, old }) => {
        if (type === 'deleted') {
          loop.forget(keyOf(object));
          return [];
        }
        return old?.spec.nodeName === object.spec.nodeName ? [] : [keyOf(object)];
      }),
      source(nodes, ({ type, object }) =>
        type === 'updated' ? [] : pods.byIndex('assigned', object.metadata.name).map(keyOf),
      ),
    ],
    reconcile: (key) => loop.reconcile(key),
  };
}

class LostPodLoop {
  readonly #client: ApiClient;
  readonly #deps: ControllerDeps;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  /** When a pod's node was first missed. */
  readonly #missed = new Map<string, number>();

  constructor(factory: InformerFactory, deps: ControllerDeps, pods: Informer<Pod>, nodes: Informer<Node>) {
    this.#client = factory.client;
    this.#deps = deps;
    this.#pods = pods;
    this.#nodes = nodes;
  }

  forget(key: string): void {
    this.#missed.delete(key);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const found = this.#pods.get({ namespace, name });
    const nodeName = found?.spec.nodeName;
    if (found === undefined || nodeName === undefined || this.#nodes.get({ name: nodeName }) !== undefined) {
      this.#missed.delete(key);
      return undefined;
    }
    const now = this.#deps.clock.now();
    const since = this.#missed.get(key) ?? now;
    this.#missed.set(key, since);
    if (now - since < quarantine) {
      return { requeueAfter: quarantine - (now - since) };
    }
    if (await this.#isGone(nodeName)) {
      await this.#remove(found, nodeName);
    }
    return undefined;
  }

  /** The informer may be behind: only the server's word lets pods be removed. */
  async #isGone(name: string): Promise<boolean> {
    try {
      await this.#client.get(node, { name });
      return false;
    } catch (error) {
      if (isNotFound(error)) {
        return true;
      }
      throw error;
    }
  }

  async #remove(found: Pod, nodeName: string): Promise<void> {
    const { name, namespace, uid } = found.metadata;
    const message = `Node ${nodeName}, which this pod was on, is gone.`;
    try {
      if (found.status?.phase !== 'Failed' && found.status?.phase !== 'Succeeded') {
        const body = { status: { phase: 'Failed', reason: 'NodeLost', message } };
        await this.#client.patch(
          pod,
          { name, namespace },
          { type: 'merge', body },
          { subresource: 'status' },
        );
      }
      this.#deps.events.event(referable(pod, found), 'Warning', 'NodeLost', message);
      const preconditions = uid === undefined ? {} : { preconditions: { uid } };
      await this.#client.delete(pod, { name, namespace }, { gracePeriodSeconds: 0, ...preconditions });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }
}
