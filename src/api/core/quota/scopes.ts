/** Which pods a quota with scopes counts. Pure. k8s.io/kubernetes/pkg/quota/v1/evaluator/core/pods.go. */
import { qosClassOf } from '../admission/pod-qos.ts';
import type { Pod } from '../pod.ts';
import type { QuotaScope, ResourceQuota } from '../resource-quota.ts';

type Requirement = NonNullable<
  NonNullable<NonNullable<ResourceQuota['spec']>['scopeSelector']>['matchExpressions']
>[number];

/** Whether a pod meets every scope and requirement of a quota. */
export function selectedByScopes({ spec }: ResourceQuota, pod: Pod): boolean {
  const { scopes = [], scopeSelector } = spec ?? {};
  return (
    scopes.every((scopeName) => meets({ scopeName, operator: 'Exists' }, pod)) &&
    (scopeSelector?.matchExpressions ?? []).every((requirement) => meets(requirement, pod))
  );
}

function meets({ scopeName, operator, values = [] }: Requirement, pod: Pod): boolean {
  if (scopeName === 'PriorityClass') {
    const name = pod.spec.priorityClassName ?? '';
    if (operator === 'In') return values.includes(name);
    if (operator === 'NotIn') return !values.includes(name);
    return (name !== '') === (operator === 'Exists');
  }
  return has(scopeName, pod) === (operator !== 'DoesNotExist');
}

function has(scope: QuotaScope, { spec }: Pod): boolean {
  switch (scope) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return qosClassOf(spec) === 'BestEffort';
    case 'NotBestEffort':
      return qosClassOf(spec) !== 'BestEffort';
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(spec.affinity);
    default:
      return false;
  }
}

function reachesOtherNamespaces(affinity: Pod['spec']['affinity']): boolean {
  return [affinity?.podAffinity, affinity?.podAntiAffinity]
    .flatMap((one) => [
      ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        ({ podAffinityTerm }) => podAffinityTerm,
      ),
    ])
    .some(
      ({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined,
    );
}
