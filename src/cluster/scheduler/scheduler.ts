/** Places pods on nodes (embedded shapes; on Kubernetes its own scheduler does). */
import { type Node, node } from '#api/core/node.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import { mappingsOf } from '#api/nmstate.io/bridge-mappings.ts';
import { type NodeNetworkState, nodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import { findCondition, setCondition } from '#machinery/conditions.ts';
import { type Controller, keyOf, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isConflict, isNotFound } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { Informer, InformerEvent, InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { explainRefusal } from './explain.ts';
import { type NodeView, rejections } from './filters.ts';
import { physicalNetworksOf } from './localnets.ts';
import { add, nodeAllocatable, podRequests } from './resources.ts';
import { bestNode } from './score.ts';

/** Result of looking for a node: its name, or why there is none. */
export type Placement = { readonly nodeName: string } | { readonly refusal: string };

const bindingKind: KindRef = { group: '', version: 'v1', kind: 'Binding', plural: 'pods', namespaced: true };

/** Where a pod goes, which needs these physical networks. Pure. */
export function place(
  pod_: Pod,
  views: readonly NodeView[],
  physicalNetworks: readonly string[] = [],
): Placement {
  const judged = views.map((view) => ({ view, rejections: rejections(pod_, view, views, physicalNetworks) }));
  const fitting = judged.filter((one) => one.rejections.length === 0).map(({ view }) => view);
  const best = bestNode(pod_, fitting);
  return best === undefined
    ? { refusal: explainRefusal(pod_, judged) }
    : { nodeName: best.node.metadata.name };
}

/** The scheduler as a controller over pods that have no node yet. */
export function createScheduler(factory: InformerFactory, deps: ControllerDeps): Controller {
  const pods = factory.informer(pod, {
    indexes: {
      unscheduled: (one) => (isWaiting(one) ? ['true'] : []),
      node: (one) => (one.spec.nodeName === undefined || isOver(one) ? [] : [one.spec.nodeName]),
    },
  });
  const nodes = factory.informer(node);
  const states = factory.informer(nodeNetworkState);
  const nads = factory.informer(networkAttachmentDefinition);
  const scheduler = new Scheduler(factory, deps, { pods, nodes, states, nads });
  const waiting = (): readonly string[] => pods.byIndex('unscheduled', 'true').map(keyOf);
  return {
    name: 'scheduler',
    // Deciding is synchronous and assumes its own outcome, so several bindings may be under way at once.
    workers: 8,
    sources: [
      source(pods, (event) => {
        scheduler.forget(event);
        if (isWaiting(event.object) && event.type !== 'deleted') {
          return [keyOf(event.object)];
        }
        return freesRoom(event) ? waiting() : [];
      }),
      source(nodes, (event) => (mattersForPlacement(event) ? waiting() : [])),
      source(states, ({ object, old }) =>
        old !== undefined && equal([...mappingsOf(object)], [...mappingsOf(old)]) ? [] : waiting(),
      ),
      source(nads, ({ object, old }) => (object.spec?.config === old?.spec?.config ? [] : waiting())),
    ],
    reconcile: (key) => scheduler.reconcile(key),
  };
}

interface Informers {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly states: Informer<NodeNetworkState>;
  readonly nads: Informer<NetworkAttachmentDefinition>;
}

class Scheduler {
  readonly #factory: InformerFactory;
  readonly #deps: ControllerDeps;
  readonly #pods: Informer<Pod>;
  readonly #informers: Informers;
  /** Pods bound whose binding the informer has not shown yet. */
  readonly #assumed = new Map<string, { readonly pod: Pod; readonly nodeName: string }>();

  constructor(factory: InformerFactory, deps: ControllerDeps, informers: Informers) {
    this.#factory = factory;
    this.#deps = deps;
    this.#pods = informers.pods;
    this.#informers = informers;
  }

  /** Drops an assumption that the informer has overtaken. */
  forget({ type, object }: InformerEvent<Pod>): void {
    if (type === 'deleted' || object.spec.nodeName !== undefined) {
      this.#assumed.delete(keyOf(object));
    }
  }

  async reconcile(key: string): Promise<undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const found = this.#pods.get({ namespace, name });
    if (found === undefined || !isWaiting(found) || this.#assumed.has(key)) {
      return;
    }
    const { nads } = this.#informers;
    const placement = place(found, this.#views(), physicalNetworksOf(found, nads));
    if ('refusal' in placement) {
      await this.#refuse(found, placement.refusal);
      return;
    }
    this.#assumed.set(key, { pod: found, nodeName: placement.nodeName });
    try {
      await this.#bind(found, placement.nodeName);
    } catch (error) {
      this.#assumed.delete(key);
      // Gone, or bound by somebody else: the informer tells.
      if (!isNotFound(error) && !isConflict(error)) {
        throw error;
      }
    }
  }

  #views(): readonly NodeView[] {
    const assumed = [...this.#assumed.values()];
    const { nodes, states } = this.#informers;
    return nodes.list().map((one) => {
      const { name } = one.metadata;
      const mine = assumed.filter(({ nodeName }) => nodeName === name).map((entry) => entry.pod);
      const onIt = [...this.#pods.byIndex('node', name), ...mine];
      const used = new Map<string, number>();
      for (const each of onIt) {
        add(used, podRequests(each));
      }
      const state = states.get({ name });
      const mappings = state?.status?.currentState === undefined ? undefined : mappingsOf(state);
      return { node: one, allocatable: nodeAllocatable(one), used, pods: onIt, mappings };
    });
  }

  async #bind(found: Pod, nodeName: string): Promise<void> {
    const { name, namespace, uid } = found.metadata;
    const binding = {
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    };
    await this.#factory.client.create<KubeObject>(bindingKind, binding, { subresource: 'binding' });
    this.#deps.log.debug({ pod: keyOf(found), node: nodeName }, 'pod bound');
  }

  async #refuse(found: Pod, message: string): Promise<void> {
    const { status } = found;
    const claim = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const;
    const conditions = setCondition(status?.conditions, claim, this.#deps.clock.now());
    const patch = statusPatch(
      status,
      { ...status, conditions },
      { resourceVersion: found.metadata.resourceVersion },
    );
    if (patch === undefined) {
      return;
    }
    try {
      await this.#factory.client.patch(pod, { ...found.metadata }, patch, { subresource: 'status' });
    } catch (error) {
      if (isNotFound(error)) {
        return;
      }
      throw error;
    }
    const told = findCondition(status?.conditions, 'PodScheduled')?.message;
    if (told !== message) {
      this.#deps.events.event(referable(pod, found), 'Warning', 'FailedScheduling', message);
    }
  }
}

function isOver({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function isWaiting(one: Pod): boolean {
  const { nodeName, schedulerName = 'default-scheduler', schedulingGates = [] } = one.spec;
  return (
    nodeName === undefined &&
    schedulerName === 'default-scheduler' &&
    schedulingGates.length === 0 &&
    one.metadata.deletionTimestamp === undefined &&
    !isOver(one)
  );
}

/** A pod that leaves its node makes room; so may one that arrives, for pods that want to be near it. */
function freesRoom({ type, object, old }: InformerEvent<Pod>): boolean {
  if (type === 'deleted') {
    return object.spec.nodeName !== undefined;
  }
  return (
    old !== undefined &&
    (isOver(object) !== isOver(old) || !equal(object.metadata.labels, old.metadata.labels))
  );
}

function mattersForPlacement({ object, old }: InformerEvent<Node>): boolean {
  const view = (one: Node | undefined): unknown => ({
    labels: one?.metadata.labels,
    spec: one?.spec,
    allocatable: one?.status?.allocatable,
    ready: findCondition(one?.status?.conditions, 'Ready')?.status,
  });
  return old === undefined || !equal(view(object), view(old));
}
