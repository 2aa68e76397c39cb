/** Notices nodes that have stopped answering (embedded shapes; Kubernetes has its own). */
import { type Lease, lease } from '#api/coordination.k8s.io/lease.ts';
import { type Node, node } from '#api/core/node.ts';
import type { Condition } from '#api/meta.ts';
import { timestamp } from '#machinery/clock.ts';
import { findCondition, setCondition } from '#machinery/conditions.ts';
import { type Controller, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { InformerFactory } from '#machinery/informer.ts';
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
  const heartbeats = new Map<string, Heartbeat>();
  return {
    name: 'node-lifecycle',
    sources: [
      source(nodes, ({ type, object }) => {
        if (type === 'deleted') {
          heartbeats.delete(object.metadata.name);
        }
        return [object.metadata.name];
      }),
      source(leases, ({ object }) => [object.metadata.name]),
    ],
    reconcile,
  };

  async function reconcile(name: string): Promise<ReconcileResult | undefined> {
    const found = nodes.get({ name });
    if (found === undefined) {
      return undefined;
    }
    const now = deps.clock.now();
    const left = hear(name, leases.get({ name, namespace: leaseNamespace }), now) + gracePeriod - now;
    const silent = left <= 0;
    const conditions = silent ? silentConditions(found.status?.conditions, now) : found.status?.conditions;
    // One write at a time: the taints follow when the informer shows the conditions.
    if (!(await writeConditions(found, conditions))) {
      await writeTaints(found, composeTaints(found.spec?.taints ?? [], conditions, now));
    }
    return silent ? undefined : { requeueAfter: left };
  }

  function hear(name: string, found: Lease | undefined, now: number): number {
    const renewTime = found?.spec?.renewTime;
    const known = heartbeats.get(name);
    if (known !== undefined && known.renewTime === renewTime) {
      return known.heard;
    }
    heartbeats.set(name, { renewTime, heard: now });
    return now;
  }

  async function writeConditions(
    found: Node,
    conditions: readonly Condition[] | undefined,
  ): Promise<boolean> {
    const { name, resourceVersion } = found.metadata;
    const patch = statusPatch(found.status, { ...found.status, conditions }, { resourceVersion });
    if (patch === undefined) {
      return false;
    }
    await factory.client.patch(node, { name }, patch, { subresource: 'status' }).catch(ignoreGone);
    deps.log.warn({ node: name }, 'node stopped renewing its lease');
    deps.events.event(
      referable(node, found),
      'Warning',
      'NodeNotReady',
      `Node ${name} has stopped answering`,
    );
    return true;
  }

  async function writeTaints(found: Node, taints: readonly Taint[]): Promise<void> {
    if (equal(taints, found.spec?.taints ?? [])) {
      return;
    }
    const { name, resourceVersion } = found.metadata;
    const body = { metadata: { resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } };
    await factory.client.patch(node, { name }, { type: 'merge', body }).catch(ignoreGone);
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
