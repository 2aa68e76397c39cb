/** How many pods of a PodDisruptionBudget may be evicted. Pure. k8s.io/kubernetes/pkg/controller/disruption. */
import type { Pod } from '#api/core/pod.ts';
import { scaledValue } from '#api/number-rules.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '#api/policy/pod-disruption-budget.ts';
import { setCondition } from '#machinery/conditions.ts';
import { isReady } from '../owned/pods.ts';

/** Milliseconds after which a pod whose eviction was granted, and that is still there, counts again. */
export const evictionTimeout = 120_000;

/** A budget with its pods. */
export interface BudgetView {
  readonly budget: PodDisruptionBudget;
  readonly pods: readonly Pod[];
  /** How many pods the controllers of these pods want, together. Throws when one does not say. */
  readonly expected: () => number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

type Disrupted = NonNullable<PodDisruptionBudgetStatus['disruptedPods']>;

/** The status of a budget. Throws what `expected` throws. */
export function composeBudgetStatus(view: BudgetView): PodDisruptionBudgetStatus {
  const { budget, pods, now } = view;
  const disrupted = stillDisrupted(view);
  const currentHealthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      !Object.hasOwn(disrupted, pod.metadata.name) &&
      isReady(pod),
  ).length;
  const { expectedPods, desiredHealthy } = wanted(view);
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const { generation } = budget.metadata;
  return {
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed,
    expectedPods,
    ...(Object.keys(disrupted).length === 0 ? {} : { disruptedPods: disrupted }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: setCondition(
      budget.status?.conditions,
      {
        type: 'DisruptionAllowed',
        status: disruptionsAllowed > 0 ? 'True' : 'False',
        reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
        message: '',
        ...(generation === undefined ? {} : { observedGeneration: generation }),
      },
      now,
    ),
  };
}

/** The status when nobody can say how many pods there should be: nothing may be evicted. */
export function composeFailedStatus({ budget, now }: BudgetView, message: string): PodDisruptionBudgetStatus {
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0, ...rest } = budget.status ?? {};
  const { generation } = budget.metadata;
  const conditions = setCondition(
    budget.status?.conditions,
    {
      type: 'DisruptionAllowed',
      status: 'False',
      reason: 'SyncFailed',
      message,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    },
    now,
  );
  return { ...rest, currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed: 0, conditions };
}

function wanted({ budget, pods, expected }: BudgetView) {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined) {
    const expectedPods = expected();
    const desiredHealthy = Math.max(0, expectedPods - scaledValue(maxUnavailable, expectedPods, true));
    return { expectedPods, desiredHealthy };
  }
  if (typeof minAvailable === 'string') {
    const expectedPods = expected();
    return { expectedPods, desiredHealthy: scaledValue(minAvailable, expectedPods, true) };
  }
  return { expectedPods: pods.length, desiredHealthy: minAvailable ?? 0 };
}

/** Pods whose eviction was granted lately and that do not show it yet. */
function stillDisrupted({ budget, pods, now }: BudgetView): Disrupted {
  const there = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  return Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(([name, time]) => {
      const pod = there.get(name);
      return (
        pod !== undefined &&
        pod.metadata.deletionTimestamp === undefined &&
        Date.parse(time) + evictionTimeout > now
      );
    }),
  );
}

/** Milliseconds until the next granted eviction is forgotten. */
export function recheckIn(status: PodDisruptionBudgetStatus, now: number): number | undefined {
  const times = Object.values(status.disruptedPods ?? {}).map(
    (time) => Date.parse(time) + evictionTimeout - now,
  );
  return times.length === 0 ? undefined : Math.max(1, Math.min(...times));
}
