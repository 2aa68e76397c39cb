/** Notices nodes that have stopped answering (embedded shapes; Kubernetes has its own). */
import { type Lease, lease } from '#api/coordination.k8s.io/lease.ts';
import { type Node, node } from '#api/core/node.ts';
import type { Condition } from '#api/meta.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { timestamp } from '#machinery/clock.ts';
import { findCondition, setCondition } from '#machinery/conditions.ts';
import { type Controller, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { statusPatch } from '#machinery/status-patch.ts';

type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];

export const leaseNamespace = 'kube-node-lease';
/** Milliseconds without a heartbeat after which a node is unreachable: upstream's default. */
export const gracePeriod = 40_000;

const taintKeys = {
  False: 'node.kubernetes.io/not-ready',
  Unknown: 'node.kubernetes.io/unreachable',
} as const;

/** What was last heard of a node. The node's own clock is not trusted: what counts is when its lease changed here. */
interface Heartbeat {
  readonly renewTime: string | undefined;
  readonly heard: number;
}

/** The node lifecycle controller. */
export function createNodeLifecycle(factory: InformerFactory, deps: ControllerDeps): Controller {
  const nodes = factory.informer(node);
  const leases = factory.informer(lease, { namespace: leaseNamespace });
  const loop = new NodeLoop(factory, deps, nodes, leases);
  return {
    name: 'node-lifecycle',
    sources: [
      source(nodes, ({ type, object }) => {
        if (type === 'deleted') {
          loop.forget(object.metadata.name);
        }
        return [object.metadata.name];
      }),
      source(leases, ({ object }) => [object.metadata.name]),
    ],
    reconcile: (name) => loop.reconcile(name),
  };
}

class NodeLoop {
  readonly #client: ApiClient;
  readonly #deps: ControllerDeps;
  readonly #nodes: Informer<Node>;
  readonly #leases: Informer<Lease>;
  readonly #heartbeats = new Map<string, Heartbeat>();

  constructor(
    factory: InformerFactory,
    deps: ControllerDeps,
    nodes: Informer<Node>,
    leases: Informer<Lease>,
  ) {
    this.#client = factory.client;
    this.#deps = deps;
    this.#nodes = nodes;
    this.#leases = leases;
  }

  forget(name: string): void {
    this.#heartbeats.delete(name);
  }

  async reconcile(name: string): Promise<ReconcileResult | undefined> {
    const found = this.#nodes.get({ name });
    if (found === undefined) {
      return undefined;
    }
    const now = this.#deps.clock.now();
    const left = this.#lastHeard(name, now) + gracePeriod - now;
    const silent = left <= 0;
    const conditions = silent ? silentConditions(found.status?.conditions, now) : found.status?.conditions;
    // One write at a time: the taints follow when the informer shows the conditions.
    if (!(await this.#writeConditions(found, conditions))) {
      await this.#writeTaints(found, composeTaints(found.spec?.taints ?? [], conditions, now));
    }
    return silent ? undefined : { requeueAfter: left };
  }

  #lastHeard(name: string, now: number): number {
    const renewTime = this.#leases.get({ name, namespace: leaseNamespace })?.spec?.renewTime;
    const known = this.#heartbeats.get(name);
    if (known !== undefined && known.renewTime === renewTime) {
      return known.heard;
    }
    this.#heartbeats.set(name, { renewTime, heard: now });
    return now;
  }

  async #writeConditions(found: Node, conditions: readonly Condition[] | undefined): Promise<boolean> {
    const { name, resourceVersion } = found.metadata;
    const patch = statusPatch(found.status, { ...found.status, conditions }, { resourceVersion });
    if (patch === undefined) {
      return false;
    }
    await this.#client.patch(node, { name }, patch, { subresource: 'status' }).catch(ignoreGone);
    const { log, events } = this.#deps;
    log.warn({ node: name }, 'node stopped renewing its lease');
    events.event(referable(node, found), 'Warning', 'NodeNotReady', `Node ${name} has stopped answering`);
    return true;
  }

  async #writeTaints(found: Node, taints: readonly Taint[]): Promise<void> {
    if (equal(taints, found.spec?.taints ?? [])) {
      return;
    }
    const { name, resourceVersion } = found.metadata;
    const body = { metadata: { resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } };
    await this.#client.patch(node, { name }, { type: 'merge', body }).catch(ignoreGone);
  }
}

/** Conditions of a node nobody hears from: all Unknown, with upstream's reason. Pure. */
export function silentConditions(known: readonly Condition[] | undefined, now: number): readonly Condition[] {
  const message = 'The agent of this node has stopped renewing its Lease.';
  const types = new Set(['Ready', ...(known ?? []).map(({ type }) => type)]);
  let list = known ?? [];
  for (const type of types) {
    if (findCondition(list, type)?.status !== 'Unknown') {
      list = setCondition(list, { type, status: 'Unknown', reason: 'NodeStatusUnknown', message }, now);
    }
  }
  return list;
}

/** The node's taints with those that its `Ready` condition asks for, and without those it does not. Pure. */
export function composeTaints(
  taints: readonly Taint[],
  conditions: readonly Condition[] | undefined,
  now: number,
): readonly Taint[] {
  // A node that has not reported yet is kept free by the scheduler itself.
  const status = findCondition(conditions, 'Ready')?.status ?? 'True';
  const wanted = status === 'True' ? undefined : taintKeys[status];
  const ours: readonly string[] = Object.values(taintKeys);
  const kept = taints.filter(({ key }) => !ours.includes(key) || key === wanted);
  const missing = (['NoSchedule', 'NoExecute'] as const).filter(
    (effect) =>
      wanted !== undefined && !kept.some((taint) => taint.key === wanted && taint.effect === effect),
  );
  return [...kept, ...missing.map((effect) => ({ key: wanted ?? '', effect, timeAdded: timestamp(now) }))];
}

function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) {
    throw error;
  }
  return undefined;
}
