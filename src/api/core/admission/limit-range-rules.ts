/** What LimitRanges make of a new pod. Pure, for the server's admission. plugin/pkg/admission/limitranger. */
import { quantityValue } from '../../quantity.ts';
import type { Container } from '../container.ts';
import type { LimitRange, LimitRangeItem } from '../limit-range.ts';
import type { Pod } from '../pod.ts';
import type { PodSpec } from '../pod-spec.ts';
import { addUsage, amountsOf, formatAmount } from '../quota/usage.ts';

const annotation = 'kubernetes.io/limit-ranger';

type Quantities = Readonly<Record<string, string | number>>;

function itemsOf(ranges: readonly LimitRange[], type: string): readonly LimitRangeItem[] {
  return ranges.flatMap(({ spec }) => spec?.limits ?? []).filter((one) => one.type === type);
}

/** The pod with the default requests and limits of its namespace. To run before the pod's own defaults. */
export function withLimitDefaults(pod: Pod, ranges: readonly LimitRange[]): Pod {
  const items = itemsOf(ranges, 'Container');
  const limits = Object.assign({}, ...items.map((one) => one.default)) as Quantities;
  const requests = Object.assign({}, ...items.map((one) => one.defaultRequest)) as Quantities;
  const told: string[] = [];
  const complete =
    (word: string) =>
    (container: Container): Container => {
      const added = {
        requests: without(requests, { ...container.resources?.requests, ...container.resources?.limits }),
        limits: without(limits, container.resources?.limits),
      };
      for (const [side, names] of [
        ['request', Object.keys(added.requests)],
        ['limit', Object.keys(added.limits)],
      ] as const) {
        if (names.length > 0) told.push(`${names.sort().join(', ')} ${side} for ${word} ${container.name}`);
      }
      const side = (name: 'requests' | 'limits') => {
        const all = { ...container.resources?.[name], ...added[name] };
        return Object.keys(all).length === 0 ? {} : { [name]: all };
      };
      return { ...container, resources: { ...container.resources, ...side('limits'), ...side('requests') } };
    };
  const spec: PodSpec = {
    ...pod.spec,
    containers: pod.spec.containers.map(complete('container')),
    ...(pod.spec.initContainers === undefined
      ? {}
      : { initContainers: pod.spec.initContainers.map(complete('init container')) }),
  };
  if (told.length === 0) return pod;
  const annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${told.join('; ')}`,
  };
  return { ...pod, spec, metadata: { ...pod.metadata, annotations } };
}

function without(defaults: Quantities, given: Quantities | undefined): Quantities {
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => given?.[name] === undefined));
}

/** Upstream's sentences after `pods "a" is forbidden: `; empty when the pod keeps to the limits. */
export function limitRefusals(pod: Pod, ranges: readonly LimitRange[]): readonly string[] {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return [
    ...itemsOf(ranges, 'Container').flatMap((item) =>
      containers.flatMap(({ resources }) => refusals(item, resources?.requests, resources?.limits)),
    ),
    ...itemsOf(ranges, 'Pod').flatMap((item) =>
      refusals(item, total(pod.spec.containers, 'requests'), total(pod.spec.containers, 'limits')),
    ),
  ];
}

function refusals(
  { type, min = {}, max = {}, maxLimitRequestRatio = {} }: LimitRangeItem,
  requests: Quantities = {},
  limits: Quantities = {},
): readonly string[] {
  const value = (quantity: string | number | undefined): number => quantityValue(quantity) ?? 0;
  const low = Object.entries(min).flatMap(([name, least]) => {
    const request = requests[name];
    const words = `minimum ${name} usage per ${type} is ${least}`;
    if (request === undefined) return [`${words}.  No request is specified`];
    return value(request) < value(least) ? [`${words}, but request is ${request}`] : [];
  });
  const high = Object.entries(max).flatMap(([name, most]) => {
    const words = `maximum ${name} usage per ${type} is ${most}`;
    const limit = limits[name];
    if (limit === undefined) return [`${words}.  No limit is specified`];
    return value(limit) > value(most) ? [`${words}, but limit is ${limit}`] : [];
  });
  const ratios = Object.entries(maxLimitRequestRatio).flatMap(([name, most]) => {
    const words = `${name} max limit to request ratio per ${type} is ${most}`;
    const [request, limit] = [value(requests[name]), value(limits[name])];
    if (request === 0 || limit === 0) return [`${words}, but no request is specified or request is 0`];
    return limit / request > value(most)
      ? [`${words}, but provided ratio is ${(limit / request).toFixed(6)}`]
      : [];
  });
  return [...low, ...high, ...ratios];
}

function total(containers: readonly Container[], side: 'requests' | 'limits'): Quantities {
  const sums = new Map<string, number>();
  for (const { resources } of containers) {
    addUsage(sums, amountsOf(resources?.[side]));
  }
  return Object.fromEntries([...sums].map(([name, amount]) => [name, formatAmount(name, amount)]));
}
