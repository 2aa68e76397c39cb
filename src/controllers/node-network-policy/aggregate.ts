/** A policy's status from its enactments. Pure. */
import type { Node } from '#api/core/node.ts';
import type { Condition } from '#api/meta.ts';
import type { NodeNetworkConfigurationEnactment } from '#api/nmstate.io/node-network-configuration-enactment.ts';
import type { NodeNetworkConfigurationPolicy } from '#api/nmstate.io/node-network-configuration-policy.ts';
import { timestamp } from '#machinery/clock.ts';
import { type ConditionClaim, hasCondition, setCondition } from '#machinery/conditions.ts';
import { includesLabels } from '#machinery/selectors.ts';

/** What a status is composed from. */
export interface PolicyInput {
  readonly policy: NodeNetworkConfigurationPolicy;
  readonly nodes: readonly Node[];
  /** The enactments of this policy. */
  readonly enactments: readonly NodeNetworkConfigurationEnactment[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

type Status = NonNullable<NodeNetworkConfigurationPolicy['status']>;
type Verdict = Readonly<Record<'Available' | 'Degraded' | 'Progressing' | 'Ignored', Condition['status']>>;

interface Counts {
  readonly matching: number;
  readonly available: number;
  readonly failing: number;
  readonly aborted: number;
  /** Nodes whose network is being changed now. */
  readonly unavailable: number;
}

export const nodeLabel = 'nmstate.io/node';
export const policyLabel = 'nmstate.io/policy';

/** Names of the nodes a policy is for: those with every label of its selector, all when it has none. */
export function matchingNodes(
  policy: NodeNetworkConfigurationPolicy,
  nodes: readonly Node[],
): readonly string[] {
  return nodes
    .filter(({ metadata }) => includesLabels(metadata.labels, policy.spec?.nodeSelector))
    .map(({ metadata }) => metadata.name);
}

/** Composes the policy's status. Conditions, reasons and messages are upstream's. */
export function composePolicyStatus(input: PolicyInput): Status {
  const { policy, now } = input;
  const generation = String(policy.metadata.generation ?? 1);
  const counts = count(input);
  const { verdict, reason, message } = judge(counts);
  let conditions: readonly Condition[] = policy.status?.conditions ?? [];
  for (const [type, status] of Object.entries(verdict) as [keyof Verdict, Condition['status']][]) {
    const claim: ConditionClaim = { type, status, reason, ...(status === 'True' ? { message } : {}) };
    conditions = heartbeat(conditions, setCondition(conditions, claim, now), type, now);
  }
  const bookkeeping = {
    unavailableNodeCount: counts.unavailable,
    unavailableNodeCountMap: { [generation]: counts.unavailable },
  };
  const known = policy.status ?? {};
  const moved = (known.unavailableNodeCount ?? 0) !== counts.unavailable;
  return {
    ...known,
    conditions,
    ...bookkeeping,
    ...(moved ? { lastUnavailableNodeCountUpdate: timestamp(now) } : {}),
  };
}

/** `lastHeartbeatTime` moves with what the condition says, so that an unchanged policy is not written again. */
function heartbeat(
  before: readonly Condition[],
  after: readonly Condition[],
  type: string,
  now: number,
): readonly Condition[] {
  return before === after
    ? after
    : after.map((condition) =>
        condition.type === type ? { ...condition, lastHeartbeatTime: timestamp(now) } : condition,
      );
}

function count({ policy, nodes, enactments }: PolicyInput): Counts {
  const names = new Set(matchingNodes(policy, nodes));
  const current = enactments.filter(
    ({ metadata, status }) =>
      names.has(metadata.labels?.[nodeLabel] ?? '') &&
      (status?.policyGeneration ?? policy.metadata.generation) === policy.metadata.generation,
  );
  const having = (type: string): number =>
    current.filter(({ status }) => hasCondition(status?.conditions, type)).length;
  return {
    matching: names.size,
    available: having('Available'),
    failing: having('Failing'),
    aborted: having('Aborted'),
    unavailable: having('Progressing'),
  };
}

function judge({ matching, available, failing, aborted }: Counts): {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly message: string;
} {
  if (matching === 0) {
    return {
      verdict: { Available: 'False', Degraded: 'False', Progressing: 'False', Ignored: 'True' },
      reason: 'NoMatchingNode',
      message: 'Policy does not match any node',
    };
  }
  const finished = available + failing + aborted;
  if (finished < matching) {
    return {
      verdict: { Available: 'Unknown', Degraded: 'Unknown', Progressing: 'True', Ignored: 'False' },
      reason: 'ConfigurationProgressing',
      message: `Policy is progressing ${finished}/${matching} nodes finished`,
    };
  }
  if (failing + aborted > 0) {
    const skipped = aborted === 0 ? '' : `, ${aborted} nodes aborted configuration`;
    return {
      verdict: { Available: 'False', Degraded: 'True', Progressing: 'False', Ignored: 'False' },
      reason: 'FailedToConfigure',
      message: `${failing}/${matching} nodes failed to configure${skipped}`,
    };
  }
  return {
    verdict: { Available: 'True', Degraded: 'False', Progressing: 'False', Ignored: 'False' },
    reason: 'SuccessfullyConfigured',
    message: `${available}/${matching} nodes successfully configured`,
  };
}
