/** A policy's enactment on this node: names, conditions, whose turn it is. Pure. */
import type { Node } from '#api/core/node.ts';
import type { Condition } from '#api/meta.ts';
import type { NodeNetworkConfigurationEnactment } from '#api/nmstate.io/node-network-configuration-enactment.ts';
import type { NodeNetworkConfigurationPolicy } from '#api/nmstate.io/node-network-configuration-policy.ts';
import { timestamp } from '#machinery/clock.ts';
import { hasCondition, setCondition } from '#machinery/conditions.ts';
import { includesLabels } from '#machinery/selectors.ts';

export const policyLabel = 'nmstate.io/policy';
export const nodeLabel = 'nmstate.io/node';

type Status = NonNullable<NodeNetworkConfigurationEnactment['status']>;

/** Types of conditions, of which one is True. */
const types = ['Available', 'Failing', 'Progressing', 'Pending', 'Aborted'] as const;

/** How far a policy is on a node. */
export interface Stage {
  readonly type: (typeof types)[number];
  readonly reason: string;
  readonly message: string;
}

/** The stages there are; messages are upstream's, what differs on this node is added. */
export const stages = {
  progressing: (): Stage => ({
    type: 'Progressing',
    reason: 'ConfigurationProgressing',
    message: 'Applying desired state',
  }),
  retrying: (message: string): Stage => ({ type: 'Progressing', reason: 'Retrying', message }),
  available: (notes: readonly string[]): Stage => ({
    type: 'Available',
    reason: 'SuccessfullyConfigured',
    message: ['successfully reconciled', ...notes].join('; '),
  }),
  failing: (message: string): Stage => ({ type: 'Failing', reason: 'FailedToConfigure', message }),
  pending: (): Stage => ({
    type: 'Pending',
    reason: 'MaxUnavailableLimitReached',
    message: 'Waiting for progressing nodes to finish',
  }),
  aborted: (): Stage => ({
    type: 'Aborted',
    reason: 'ConfigurationAborted',
    message: 'Not begun, because another node failed to apply the policy',
  }),
} as const;

/** `<node>.<policy>`. */
export function enactmentName(node: string, policy: string): string {
  return `${node}.${policy}`;
}

/** Status at a stage; conditions that stay as they are keep their times. */
export function enactmentStatus(
  before: Status | undefined,
  policy: NodeNetworkConfigurationPolicy,
  stage: Stage,
  retryCount: number,
  now: number,
): Status {
  const generation = policy.metadata.generation ?? 1;
  const known = before?.policyGeneration === generation ? before : undefined;
  let conditions: readonly Condition[] = known?.conditions ?? [];
  for (const type of types) {
    const holds = type === stage.type;
    conditions = setCondition(
      conditions,
      {
        type,
        status: holds ? 'True' : 'False',
        reason: stage.reason,
        ...(holds && { message: stage.message.slice(0, 2048) }),
      },
      now,
    );
  }
  return {
    ...known,
    desiredState: policy.spec?.desiredState ?? {},
    desiredStateMetaInfo: known?.desiredStateMetaInfo ?? {
      version: String(generation),
      time: timestamp(now),
    },
    conditions: [...conditions],
    policyGeneration: generation,
    retryCount,
  };
}

/** True when the enactment is of this generation and at that stage. */
export function isAt(
  enactment: NodeNetworkConfigurationEnactment | undefined,
  policy: NodeNetworkConfigurationPolicy,
  type: Stage['type'],
): boolean {
  return (
    enactment?.status?.policyGeneration === (policy.metadata.generation ?? 1) &&
    hasCondition(enactment.status.conditions, type)
  );
}

/** True when the policy is for the node. */
export function isFor(policy: NodeNetworkConfigurationPolicy, node: Node | undefined): boolean {
  return node !== undefined && includesLabels(node.metadata.labels, policy.spec?.nodeSelector);
}

/** Whether this node may begin: as many as `maxUnavailable` at a time, in the order of their names. */
export function turnOf(
  nodeName: string,
  policy: NodeNetworkConfigurationPolicy,
  nodes: readonly Node[],
  enactments: readonly NodeNetworkConfigurationEnactment[],
): 'go' | 'wait' | 'abort' {
  const matching = nodes.filter(
    (node) => isFor(policy, node) && (isReady(node) || node.metadata.name === nodeName),
  );
  const stageOf = (name: string): NodeNetworkConfigurationEnactment | undefined =>
    enactments.find(({ metadata }) => metadata.name === enactmentName(name, policy.metadata.name));
  if (
    matching.some(
      ({ metadata }) => metadata.name !== nodeName && isAt(stageOf(metadata.name), policy, 'Failing'),
    )
  ) {
    return 'abort';
  }
  const before = matching.filter(({ metadata }) => metadata.name < nodeName);
  const busy = before.filter(({ metadata }) => {
    const enactment = stageOf(metadata.name);
    return !isAt(enactment, policy, 'Available') && !isAt(enactment, policy, 'Aborted');
  });
  return busy.length < slots(policy.spec?.maxUnavailable, matching.length) ? 'go' : 'wait';
}

/** A number, or a percentage of the matching nodes rounded up; at least 1. */
export function slots(maxUnavailable: number | string | undefined, matching: number): number {
  const value = maxUnavailable ?? '50%';
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  const number = percent === undefined ? Number(value) : Math.ceil((matching * Number(percent)) / 100);
  return Number.isFinite(number) ? Math.max(1, number) : 1;
}

function isReady(node: Node): boolean {
  return hasCondition(node.status?.conditions, 'Ready');
}
