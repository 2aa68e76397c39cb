/** Defaults and bounds of containers and pods (kubernetes `plugin/pkg/admission/limitranger`). */
import { type Amount, amountOf, amountText } from '#api/amount.ts';
import type { Container } from '#api/core/container.ts';
import type { LimitRange, LimitRangeItem } from '#api/core/limit-range.ts';
import type { Pod } from '#api/core/pod.ts';
import { type Amounts, amountsOf, podLimits, podRequests } from '#api/core/pod-resources.ts';
import type { Store } from '#store/store.ts';
import type { AdmissionPlugin } from '../plugin.ts';
import { aggregate, refused } from '../refusals.ts';
import { listed } from '../stored.ts';
import { isNewPod, isResize, podOf, withSpec } from './pod.ts';

type Quantities = Readonly<Record<string, string | number>>;
const bare = { excludeOverhead: true };
const annotation = 'kubernetes.io/limit-ranger';

export function limitRanger(store: Store): AdmissionPlugin {
  const rangesOf = (namespace: string) => listed<LimitRange>(store, 'limitranges', namespace);
  return {
    name: 'LimitRanger',
    concerns: (target) =>
      (isNewPod(target) || isResize(target)) && store.count('limitranges', target.namespace) > 0,
    mutate(attributes) {
      const pod = podOf(attributes);
      return pod === undefined
        ? attributes.object
        : rangesOf(attributes.namespace).reduce(
            withDefaults,
            pod as unknown as NonNullable<typeof attributes.object>,
          );
    },
    validate(attributes) {
      const pod = podOf(attributes);
      for (const range of pod === undefined ? [] : rangesOf(attributes.namespace)) {
        const faults = pod === undefined ? [] : faultsOf(range, pod);
        if (faults.length > 0) {
          throw refused(attributes, aggregate(faults));
        }
      }
    },
  };
}

/** The pod with what the range gives containers that say nothing. */
export function withDefaults<T>(object: T, range: LimitRange): T {
  const pod = object as unknown as Pod;
  let limits: Quantities = {};
  let requests: Quantities = {};
  for (const item of range.spec?.limits ?? []) {
    if (item.type === 'Container') {
      limits = { ...limits, ...item.default };
      requests = { ...requests, ...item.defaultRequest };
    }
  }
  const notes: string[] = [];
  const complete = (word: string) => (container: Container) => {
    const { name, resources = {} } = container;
    const lacking = (wanted: Quantities, given: Quantities | undefined, side: string): Quantities => {
      const missing = Object.keys(wanted).filter((resource) => given?.[resource] === undefined);
      if (missing.length > 0) {
        notes.push(`${missing.sort().join(', ')} ${side} for ${word} ${name}`);
      }
      return { ...wanted, ...given };
    };
    const wholeRequests = lacking(requests, resources.requests, 'request');
    const wholeLimits = lacking(limits, resources.limits, 'limit');
    return {
      ...container,
      resources: {
        ...resources,
        ...(Object.keys(wholeLimits).length === 0 ? {} : { limits: wholeLimits }),
        ...(Object.keys(wholeRequests).length === 0 ? {} : { requests: wholeRequests }),
      },
    };
  };
  const { containers, initContainers } = pod.spec;
  const spec = {
    containers: containers.map(complete('container')),
    ...(initContainers === undefined
      ? {}
      : { initContainers: initContainers.map(complete('init container')) }),
  };
  if (notes.length === 0) {
    return object;
  }
  const annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
  return withSpec({ ...pod, metadata: { ...pod.metadata, annotations } }, spec) as T;
}

/** Why a pod does not fit, in upstream's words. */
export function faultsOf(range: LimitRange, pod: Pod): readonly string[] {
  return (range.spec?.limits ?? []).flatMap((item) => {
    if (item.type === 'Container') {
      return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(({ resources }) =>
        itemFaults(item, amountsOf(resources?.requests), amountsOf(resources?.limits)),
      );
    }
    return item.type === 'Pod' ? itemFaults(item, podRequests(pod, bare), podLimits(pod, bare)) : [];
  });
}

function itemFaults(item: LimitRangeItem, requests: Amounts, limits: Amounts): readonly string[] {
  const check = (
    bounds: Quantities | undefined,
    fault: (at: Bound, request: Amount | undefined, limit: Amount | undefined) => string | undefined,
  ) =>
    Object.entries(bounds ?? {})
      .map(([resource, bound]) =>
        fault(
          { resource, type: item.type, bound: amountOf(bound) },
          requests.get(resource),
          limits.get(resource),
        ),
      )
      .filter((each) => each !== undefined);
  return [
    ...check(item.min, belowMinimum),
    ...check(item.max, aboveMaximum),
    ...check(item.maxLimitRequestRatio, aboveRatio),
  ];
}

interface Bound {
  readonly resource: string;
  readonly type: string;
  readonly bound: Amount;
}

function belowMinimum({ resource, type, bound }: Bound, request?: Amount, limit?: Amount) {
  const words = `minimum ${resource} usage per ${type} is ${amountText(bound)}`;
  if (request === undefined) {
    return `${words}.  No request is specified`;
  }
  if (request.nano < bound.nano) {
    return `${words}, but request is ${amountText(request)}`;
  }
  return limit !== undefined && limit.nano < bound.nano
    ? `${words}, but limit is ${amountText(limit)}`
    : undefined;
}

function aboveMaximum({ resource, type, bound }: Bound, request?: Amount, limit?: Amount) {
  const words = `maximum ${resource} usage per ${type} is ${amountText(bound)}`;
  if (limit === undefined) {
    return `${words}.  No limit is specified`;
  }
  if (limit.nano > bound.nano) {
    return `${words}, but limit is ${amountText(limit)}`;
  }
  return request !== undefined && request.nano > bound.nano
    ? `${words}, but request is ${amountText(request)}`
    : undefined;
}

function aboveRatio({ resource, type, bound }: Bound, request?: Amount, limit?: Amount) {
  const words = `${resource} max limit to request ratio per ${type} is ${amountText(bound)}`;
  if (request === undefined || request.nano === 0n) {
    return `${words}, but no request is specified or request is 0`;
  }
  if (limit === undefined || limit.nano === 0n) {
    return `${words}, but no limit is specified or limit is 0`;
  }
  const ratio = Number(limit.nano) / Number(request.nano);
  return ratio > Number(bound.nano) / 1e9 ? `${words}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
