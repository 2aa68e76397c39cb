import type { ReplicaSet, ReplicaSetStatus } from '#api/apps/replica-set.ts';
import type { Pod } from '#api/core/pod.ts';
import type { KubeObject } from '#api/meta.ts';
import { removeCondition, setCondition } from '#machinery/conditions.ts';
import type { PatchbayError } from '#machinery/errors.ts';
import { includesLabels } from '#machinery/selectors.ts';
import { availableIn, isActive, isReady, isTerminating } from '../owned/pods.ts';

/** What keeps a number of equal pods. */
export type Replicated = KubeObject & {
  readonly spec: Pick<ReplicaSet['spec'], 'replicas' | 'minReadySeconds' | 'template'>;
  readonly status?: Partial<ReplicaSetStatus> | undefined;
};

/** Status of a ReplicaSet with these pods. Pure. replica_set_utils.go calculateStatus. */
export function composeReplicaSetStatus(
  { metadata, spec, status }: Replicated,
  pods: readonly Pod[],
  failure: PatchbayError | undefined,
  now: number,
): ReplicaSetStatus {
  const active = pods.filter(isActive);
  const count = (holds: (pod: Pod) => boolean): number => active.filter(holds).length;
  const labels = spec.template.metadata?.labels;
  const conditions =
    failure === undefined
      ? removeCondition(status?.conditions, 'ReplicaFailure')
      : setCondition(
          status?.conditions,
          { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message: failure.message },
          now,
        );
  const counts = {
    fullyLabeledReplicas: count((pod) => includesLabels(pod.metadata.labels, labels)),
    readyReplicas: count(isReady),
    availableReplicas: count((pod) => availableIn(pod, spec.minReadySeconds ?? 0, now) === 0),
  };
  const said = Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0));
  return {
    replicas: active.length,
    ...said,
    terminatingReplicas: pods.filter(isTerminating).length,
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}
