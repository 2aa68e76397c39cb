/** Whether quotas have room for a write. Pure, for the server's admission. apiserver/pkg/admission/plugin/resourcequota. */
import type { KindRef } from '../../kind.ts';
import type { KubeObject } from '../../meta.ts';
import type { Pod } from '../pod.ts';
import type { ResourceQuota } from '../resource-quota.ts';
import { addUsage, amountsOf, counts, formatAmount, type Usage, usageOf } from './usage.ts';

/** A write that quotas are asked about. */
export interface QuotaRequest {
  readonly kind: Pick<KindRef, 'group' | 'plural'>;
  readonly object: KubeObject;
  /** The stored object, on update. */
  readonly old?: KubeObject | undefined;
}

/**
 * Upstream's sentence after `pods "a" is forbidden: `, or nothing when there is room.
 * @param quotas all quotas of the namespace
 * @param usedOf what a quota's resources come to now
 */
export function quotaRefusal(
  { kind, object, old }: QuotaRequest,
  quotas: readonly ResourceQuota[],
  usedOf: (quota: ResourceQuota) => Readonly<Record<string, string | number>>,
): string | undefined {
  for (const quota of quotas) {
    const names = Object.keys(quota.spec?.hard ?? {});
    const isNew = counts(quota, kind, object);
    const missing = isNew && kind.plural === 'pods' && old === undefined ? unsaid(object as Pod, names) : [];
    if (missing.length > 0) return `failed quota: ${quota.metadata.name}: must specify ${missing.join('; ')}`;
    const delta = new Map<string, number>();
    if (isNew) addUsage(delta, usageOf(kind, object));
    if (old !== undefined && counts(quota, kind, old)) addUsage(delta, usageOf(kind, old), -1);
    const refusal = exceeded(quota, delta, amountsOf(usedOf(quota)));
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function exceeded(quota: ResourceQuota, delta: Usage, used: Usage): string | undefined {
  const hard = amountsOf(quota.spec?.hard);
  const over = [...delta]
    .filter(
      ([name, more]) => more > 0 && hard.has(name) && (used.get(name) ?? 0) + more > (hard.get(name) ?? 0),
    )
    .map(([name]) => name)
    .sort();
  if (over.length === 0) return undefined;
  const say = (amounts: Usage): string =>
    over.map((name) => `${name}=${formatAmount(name, amounts.get(name) ?? 0)}`).join(',');
  return `exceeded quota: ${quota.metadata.name}, requested: ${say(delta)}, used: ${say(used)}, limited: ${say(hard)}`;
}

const mustBeSaid: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
]);

/** `limits.cpu for: main,other` for every limited resource that a container says nothing of. */
function unsaid({ spec }: Pod, names: readonly string[]): readonly string[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  return names
    .filter((name) => mustBeSaid.has(name))
    .sort()
    .flatMap((name) => {
      const side = name.startsWith('limits.') ? 'limits' : 'requests';
      const resource = name.replace(/^(?:limits|requests)\./, '');
      const silent = containers.filter(({ resources }) => resources?.[side]?.[resource] === undefined);
      return silent.length === 0 ? [] : [`${name} for: ${silent.map((one) => one.name).join(',')}`];
    });
}
