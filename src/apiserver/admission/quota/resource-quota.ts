/** Quotas are kept (apiserver `admission/plugin/resourcequota`): the last plug-in, which never waits. */
import { type Amount, amountOf, amountText, minus, plus, zero } from '#api/amount.ts';
import type { Pod } from '#api/core/pod.ts';
import type { Amounts } from '#api/core/pod-resources.ts';
import type { ResourceQuota } from '#api/core/resource-quota.ts';
import { qualified } from '../../api-errors.ts';
import type { Services } from '../../registry/call.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { isResize, podOf } from '../pods/pod.ts';
import { refused } from '../refusals.ts';
import { Watched } from '../watched.ts';
import type { QuotaStatus } from './status.ts';
import { UsageTracker } from './tracker.ts';
import { counted, isInScopes, isScoped, missingRequirements, usageOf } from './usage.ts';

export type Quotas = ReadonlyMap<string, readonly ResourceQuota[]>;

export function resourceQuotas(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  status: QuotaStatus,
): AdmissionPlugin {
  const quotas = new Watched<ResourceQuota, Quotas>(store, 'resourcequotas', byNamespace);
  const tracker = new UsageTracker(store, clock, (namespace) => {
    status.touch(namespace);
  });
  status.follow(tracker, () => quotas.value);
  return {
    name: 'ResourceQuota',
    concerns: (target) =>
      (target.operation === 'CREATE' || target.operation === 'UPDATE') &&
      (target.subresource === '' || isResize(target)) &&
      quotas.value.has(target.namespace),
    validate(attributes) {
      const { kind, object, namespace, name, dryRun } = attributes;
      const resource = qualified(kind);
      if (object === undefined || !kind.namespaced) {
        return;
      }
      const about = (quotas.value.get(namespace) ?? []).filter(({ spec }) =>
        Object.keys(spec?.hard ?? {}).some((hard) => counted(hard) === resource),
      );
      for (const quota of about) {
        check(quota, tracker, attributes, resource, clock.now());
      }
      if (!dryRun && about.length > 0) {
        tracker.reserve(resource, namespace, name, object);
      }
    },
  };
}

/** Quotas by namespace, in order of their names. */
export function byNamespace(quotas: readonly ResourceQuota[]): Quotas {
  const found = new Map<string, ResourceQuota[]>();
  for (const quota of quotas) {
    const { namespace = '' } = quota.metadata;
    found.set(namespace, [...(found.get(namespace) ?? []), quota]);
  }
  return found;
}

/** Throws 403 when a quota leaves no room for a write. */
function check(
  quota: ResourceQuota,
  tracker: UsageTracker,
  attributes: Attributes,
  resource: string,
  now: number,
): void {
  const { object, old } = attributes;
  const hard = quota.spec?.hard ?? {};
  const pod = resource === 'pods' ? podOf(attributes) : undefined;
  if (object === undefined || (isScoped(quota) && (pod === undefined || !isInScopes(quota, pod)))) {
    return;
  }
  const missing =
    pod === undefined || attributes.operation !== 'CREATE'
      ? undefined
      : missingRequirements(pod, Object.keys(hard));
  if (missing !== undefined) {
    throw refused(attributes, `failed quota: ${quota.metadata.name}: ${missing}`);
  }
  const before = old === undefined ? undefined : oldUsage(quota, resource, old as unknown as Pod, now);
  const requested = increase(usageOf(resource, object, now), before, hard);
  if (requested.size === 0) {
    return;
  }
  const used = tracker.used(quota);
  const exceeded = [...requested.keys()].filter(
    (name) => plus(used.get(name) ?? zero, requested.get(name) ?? zero).nano > amountOf(hard[name]).nano,
  );
  if (exceeded.length > 0) {
    const limited = new Map(exceeded.map((name) => [name, amountOf(hard[name])]));
    const words = [
      `exceeded quota: ${quota.metadata.name}`,
      `requested: ${shown(exceeded, requested)}`,
      `used: ${shown(exceeded, used)}`,
      `limited: ${shown(exceeded, limited)}`,
    ];
    throw refused(attributes, words.join(', '));
  }
}

/** What the stored version used of a quota: nothing when the quota did not count it. */
function oldUsage(quota: ResourceQuota, resource: string, old: Pod, now: number): Amounts | undefined {
  return isScoped(quota) && !isInScopes(quota, old) ? undefined : usageOf(resource, old, now);
}

/** What a write needs more than before, of what the quota limits. */
function increase(
  usage: Amounts,
  before: Amounts | undefined,
  hard: Readonly<Record<string, unknown>>,
): Map<string, Amount> {
  const more = new Map<string, Amount>();
  for (const [name, amount] of usage) {
    const difference = minus(amount, before?.get(name) ?? zero);
    if (difference.nano > 0n && hard[name] !== undefined) {
      more.set(name, difference);
    }
  }
  return more;
}

/** `cpu=1,pods=2`. */
function shown(names: readonly string[], amounts: Amounts): string {
  return names
    .toSorted()
    .map((name) => `${name}=${amountText(amounts.get(name) ?? zero)}`)
    .join(',');
}
