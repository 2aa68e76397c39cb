/** What one object uses of quotas (kubernetes `pkg/quota/v1/evaluator/core`, apiserver `quota/v1/generic`). */
import { type Amount, amountOf, countOf } from '#api/amount.ts';
import { qosClassOf } from '#api/core/admission/pod-qos.ts';
import type { Pod } from '#api/core/pod.ts';
import {
  type Amounts,
  hasPodLevelResources,
  podLimits,
  podRequests,
  whileResized,
} from '#api/core/pod-resources.ts';
import type { QuotaScope, ResourceQuota } from '#api/core/resource-quota.ts';
import type { Service } from '#api/core/service.ts';
import type { KubeObject } from '#api/meta.ts';

/** Resources that quotas count by their plural alone. */
const plainCounts: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'resourcequotas',
  'replicationcontrollers',
]);
const standard: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const containerNames = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/** The resource of the store whose objects use a name of `spec.hard`: `requests.cpu` is about `pods`. */
export function counted(name: string): string {
  if (name.startsWith('count/')) {
    return name.slice('count/'.length);
  }
  if (name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/')) {
    return 'persistentvolumeclaims';
  }
  if (name.startsWith('services.')) {
    return 'services';
  }
  return plainCounts.has(name) ? name : 'pods';
}

/** What an object uses, by names as in `spec.hard`. `resource` is its place in the store; `now` in milliseconds. */
export function usageOf(resource: string, object: KubeObject, now: number): Amounts {
  const usage = new Map<string, Amount>([[`count/${resource}`, countOf(1)]]);
  if (resource === 'pods') {
    for (const [name, amount] of podUsage(object as Pod, now)) {
      usage.set(name, amount);
    }
    return usage;
  }
  if (plainCounts.has(resource)) {
    usage.set(resource, countOf(1));
  }
  if (resource === 'services') {
    serviceUsage(object as Service, usage);
  }
  if (resource === 'persistentvolumeclaims') {
    usage.set('requests.storage', amountOf(requestedStorage(object)));
  }
  return usage;
}

/** Pods that have ended, or should have, use nothing but their place in the store. */
function podUsage(pod: Pod, now: number): Amounts {
  const usage = new Map<string, Amount>();
  if (isOver(pod, now)) {
    return usage;
  }
  usage.set('pods', countOf(1));
  for (const [name, amount] of podRequests(pod, whileResized)) {
    usage.set(`requests.${name}`, amount);
    if (standard.has(name) || name.startsWith('hugepages-')) {
      usage.set(name, amount);
    }
  }
  for (const [name, amount] of podLimits(pod, whileResized)) {
    if (standard.has(name)) {
      usage.set(`limits.${name}`, amount);
    }
  }
  return usage;
}

function isOver({ metadata, status }: Pod, now: number): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  return (
    status?.phase === 'Succeeded' ||
    status?.phase === 'Failed' ||
    // The time of deletion includes the grace period.
    (deletionTimestamp !== undefined &&
      deletionGracePeriodSeconds !== undefined &&
      Date.parse(deletionTimestamp) < now)
  );
}

function serviceUsage({ spec }: Service, usage: Map<string, Amount>): void {
  const ports = spec?.ports ?? [];
  const balances = spec?.type === 'LoadBalancer';
  const chosen = balances && spec.allocateLoadBalancerNodePorts === false;
  if (spec?.type === 'NodePort' || balances) {
    const own = chosen ? ports.filter(({ nodePort }) => nodePort !== undefined) : ports;
    usage.set('services.nodeports', countOf(own.length));
  }
  if (balances) {
    usage.set('services.loadbalancers', countOf(1));
  }
}

function requestedStorage(claim: KubeObject): unknown {
  const { spec } = claim as {
    readonly spec?: { readonly resources?: { readonly requests?: { storage?: unknown } } };
  };
  return spec?.resources?.requests?.storage;
}

type Requirement = NonNullable<
  NonNullable<NonNullable<ResourceQuota['spec']>['scopeSelector']>['matchExpressions']
>[number];

/** True when a quota counts an object at all: scopes are about pods only. */
export function isScoped({ spec }: ResourceQuota): boolean {
  return (spec?.scopes ?? []).length + (spec?.scopeSelector?.matchExpressions ?? []).length > 0;
}

/** True when a pod has every property that a quota names. */
export function isInScopes({ spec }: ResourceQuota, pod: Pod): boolean {
  return (
    (spec?.scopes ?? []).every((scope) => hasProperty(pod, { scopeName: scope, operator: 'Exists' })) &&
    (spec?.scopeSelector?.matchExpressions ?? []).every((requirement) => hasProperty(pod, requirement))
  );
}

function hasProperty({ spec }: Pod, requirement: Requirement): boolean {
  const scope: QuotaScope = requirement.scopeName;
  switch (scope) {
    case 'Terminating':
    case 'NotTerminating':
      return (spec.activeDeadlineSeconds !== undefined) === (scope === 'Terminating');
    case 'BestEffort':
    case 'NotBestEffort':
      return (qosClassOf(spec) === 'BestEffort') === (scope === 'BestEffort');
    case 'PriorityClass':
      return hasClass(spec.priorityClassName ?? '', requirement);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(spec);
    default:
      return false;
  }
}

function hasClass(name: string, { operator, values = [] }: Requirement): boolean {
  switch (operator) {
    case 'In':
      return name !== '' && values.includes(name);
    case 'NotIn':
      return !values.includes(name);
    case 'Exists':
      return name !== '';
    default:
      return name === '';
  }
}

function crossesNamespaces({ affinity }: Pod['spec']): boolean {
  const terms = [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((one) => [
    ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ podAffinityTerm }) => podAffinityTerm,
    ),
  ]);
  return terms.some(
    ({ namespaces, namespaceSelector }) => (namespaces ?? []).length > 0 || namespaceSelector !== undefined,
  );
}

/**
 * What containers must say because a quota limits it: `must specify limits.cpu for: a,b; …`, or nothing. Those of a pod that
 * asks for something as a whole need not say anything.
 */
export function missingRequirements(pod: Pod, hard: readonly string[]): string | undefined {
  if (hasPodLevelResources(pod.spec)) {
    return undefined;
  }
  const required = containerNames.filter((name) => hard.includes(name));
  const missing = new Map<string, string[]>();
  for (const { name, resources } of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    for (const wanted of required) {
      const [side, resource] = wanted.startsWith('limits.')
        ? (['limits', wanted.slice('limits.'.length)] as const)
        : (['requests', wanted.replace('requests.', '')] as const);
      if (resources?.[side]?.[resource] === undefined) {
        missing.set(wanted, [...(missing.get(wanted) ?? []), name]);
      }
    }
  }
  if (missing.size === 0) {
    return undefined;
  }
  const words = [...missing]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, containers]) => `${name} for: ${containers.sort().join(',')}`);
  return `must specify ${words.join('; ')}`;
}
