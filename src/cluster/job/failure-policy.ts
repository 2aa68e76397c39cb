/** What a failed pod entails. Pure. k8s.io/kubernetes/pkg/controller/job/pod_failure_policy.go. */
import type { Job } from '#api/batch/job.ts';
import type { Pod } from '#api/core/pod.ts';

type Rule = NonNullable<Job['spec']['podFailurePolicy']>['rules'][number];

/** `Count` when no rule fits. `FailJob` brings the sentence for the condition. */
export interface FailureVerdict {
  readonly action: 'Count' | 'FailJob' | 'Ignore';
  readonly message?: string;
}

/** Judges a failed pod by the first rule that fits. */
export function judgeFailure({ spec }: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const why = fits(rule, pod);
    if (why !== undefined) {
      const message = `${why} matching ${rule.action} rule at index ${index}`;
      if (rule.action === 'FailJob') return { action: 'FailJob', message };
      return { action: rule.action === 'Ignore' ? 'Ignore' : 'Count' };
    }
  }
  return { action: 'Count' };
}

function fits({ onExitCodes, onPodConditions }: Rule, { metadata, status }: Pod): string | undefined {
  const pod = `${metadata.namespace}/${metadata.name}`;
  for (const { name, state } of onExitCodes === undefined
    ? []
    : [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]) {
    const code = state?.terminated?.exitCode;
    const { containerName, operator, values = [] } = onExitCodes ?? {};
    const meant = containerName === undefined || containerName === name;
    if (meant && code !== undefined && code !== 0 && values.includes(code) === (operator === 'In')) {
      return `Container ${name} for pod ${pod} failed with exit code ${code}`;
    }
  }
  const found = (onPodConditions ?? []).find((wanted) =>
    status?.conditions?.some((one) => one.type === wanted.type && one.status === (wanted.status || 'True')),
  );
  return found === undefined ? undefined : `Pod ${pod} has condition ${found.type}`;
}
