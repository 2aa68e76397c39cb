/**
 * What objects count as in a ResourceQuota. Pure. k8s.io/kubernetes/pkg/quota/v1/evaluator/core.
 * CPU is counted in thousandths of a core, all else in whole units.
 */
import type { KindRef } from '../../kind.ts';
import type { KubeObject } from '../../meta.ts';
import { quantityValue } from '../../quantity.ts';
import type { Pod } from '../pod.ts';
import type { ResourceQuota } from '../resource-quota.ts';
import type { Service } from '../service.ts';
import { selectedByScopes } from './scopes.ts';

/** Amount by name of a quota's resource. */
export type Usage = ReadonlyMap<string, number>;

const listedKinds: ReadonlySet<string> = new Set([
  'services',
  'configmaps',
  'secrets',
  'resourcequotas',
  'replicationcontrollers',
  'persistentvolumeclaims',
]);

/** What one object counts as, by every name a quota may use for it. */
export function usageOf(kind: Pick<KindRef, 'group' | 'plural'>, object: KubeObject): Usage {
  const qualified = kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
  const usage = new Map<string, number>([[`count/${qualified}`, 1]]);
  if (kind.group !== '') return usage;
  if (listedKinds.has(kind.plural)) usage.set(kind.plural, 1);
  if (kind.plural === 'services') addService(usage, object as Service);
  if (kind.plural === 'pods' && takesResources(object as Pod)) addPod(usage, object as Pod);
  return usage;
}

/** A pod at its end, or one whose node never confirmed its end, takes nothing. */
function takesResources({ metadata, status }: Pod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  return metadata.deletionTimestamp === undefined || metadata.deletionGracePeriodSeconds !== 0;
}

function addService(usage: Map<string, number>, { spec }: Service): void {
  const ports = spec.ports?.length ?? 0;
  const balanced = spec.type === 'LoadBalancer';
  const own = balanced && spec.allocateLoadBalancerNodePorts === false;
  usage.set('services.loadbalancers', balanced ? 1 : 0);
  const given = (spec.ports ?? []).filter(({ nodePort = 0 }) => nodePort > 0).length;
  usage.set('services.nodeports', spec.type === 'NodePort' || balanced ? (own ? given : ports) : 0);
}

function addPod(usage: Map<string, number>, pod: Pod): void {
  usage.set('pods', 1);
  for (const [name, amount] of podAmounts(pod, 'requests')) {
    usage.set(`requests.${name}`, amount);
    if (
      name === 'cpu' ||
      name === 'memory' ||
      name === 'ephemeral-storage' ||
      name.startsWith('hugepages-')
    ) {
      usage.set(name, amount);
    }
  }
  for (const [name, amount] of podAmounts(pod, 'limits')) usage.set(`limits.${name}`, amount);
}

/** Sum of the containers and sidecars, or the largest init container where that is more, plus the overhead. */
function podAmounts({ spec }: Pod, side: 'requests' | 'limits'): Usage {
  const total = new Map<string, number>();
  const inits = spec.initContainers ?? [];
  const sidecar = (one: (typeof inits)[number]) => one.restartPolicy === 'Always';
  for (const one of [...spec.containers, ...inits.filter(sidecar)]) {
    addUsage(total, amountsOf(one.resources?.[side]));
  }
  for (const one of inits.filter((each) => !sidecar(each))) {
    for (const [name, amount] of amountsOf(one.resources?.[side])) {
      total.set(name, Math.max(total.get(name) ?? 0, amount));
    }
  }
  addUsage(total, amountsOf(spec.overhead));
  return total;
}

/** Quantities as amounts. */
export function amountsOf(quantities: Readonly<Record<string, string | number>> | undefined): Usage {
  return new Map(
    Object.entries(quantities ?? {}).map(([name, quantity]) => {
      const value = quantityValue(quantity) ?? 0;
      // Rounded at 15 digits first: 0.1 + 0.2 cores are 300 thousandths, not 301.
      return [name, Math.ceil(Number((isCpu(name) ? value * 1000 : value).toPrecision(15)))];
    }),
  );
}

function isCpu(name: string): boolean {
  return name === 'cpu' || name.endsWith('.cpu');
}

/** Adds `usage` to `total`, `times` times. */
export function addUsage(total: Map<string, number>, usage: Usage, times = 1): void {
  for (const [name, amount] of usage) total.set(name, (total.get(name) ?? 0) + amount * times);
}

/** An amount as a quantity: `1500m`, `512Mi`, `4`. */
export function formatAmount(name: string, amount: number): string {
  if (isCpu(name)) return amount % 1000 === 0 ? `${amount / 1000}` : `${amount}m`;
  const binary = /(?:^|\.)(?:memory|ephemeral-storage|storage|hugepages-.*)$/.test(name);
  let value = amount;
  for (const suffix of ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi']) {
    if (!binary || value === 0 || value % 1024 !== 0) return `${value}${suffix}`;
    value /= 1024;
  }
  return `${amount}`;
}

/** Whether a quota counts an object: the quota's scopes are about pods. */
export function counts(
  quota: ResourceQuota,
  kind: Pick<KindRef, 'group' | 'plural'>,
  object: KubeObject,
): boolean {
  const { scopes = [], scopeSelector } = quota.spec ?? {};
  if (scopes.length === 0 && (scopeSelector?.matchExpressions ?? []).length === 0) return true;
  return kind.group === '' && kind.plural === 'pods' && selectedByScopes(quota, object as Pod);
}

/** What a quota's resources come to, of the objects of its namespace. Resources that nothing can count are left out. */
export function usedOf(
  quota: ResourceQuota,
  kinds: readonly KindRef[],
  list: (kind: KindRef) => readonly KubeObject[],
): Readonly<Record<string, string>> {
  const names = Object.keys(quota.spec?.hard ?? {});
  const total = new Map<string, number>();
  for (const kind of kinds.filter((one) => one.namespaced && concerns(one, names))) {
    for (const object of list(kind)) {
      if (counts(quota, kind, object)) addUsage(total, usageOf(kind, object));
    }
  }
  const known = new Set(
    kinds.map(({ group, plural }) => `count/${group === '' ? plural : `${plural}.${group}`}`),
  );
  return Object.fromEntries(
    names
      .filter((name) => !name.startsWith('count/') || known.has(name))
      .map((name) => [name, formatAmount(name, total.get(name) ?? 0)]),
  );
}

/** Whether objects of a kind can count as one of these resources. */
export function concerns(
  { group, plural }: Pick<KindRef, 'group' | 'plural'>,
  names: readonly string[],
): boolean {
  const qualified = group === '' ? plural : `${plural}.${group}`;
  return names.some((name) => {
    if (name === `count/${qualified}` || (group === '' && name === plural)) return true;
    if (group !== '') return false;
    if (plural === 'services') return name.startsWith('services.');
    return (
      plural === 'pods' &&
      !name.startsWith('count/') &&
      !listedKinds.has(name) &&
      !name.startsWith('services.')
    );
  });
}
