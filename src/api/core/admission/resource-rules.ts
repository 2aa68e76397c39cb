/** Rules and defaults of requests and limits. k8s.io/kubernetes/pkg/apis/core, validation and defaults of 1.36. */
import { amountText } from '../../amount.ts';
import { forbidden, invalid, notSupported } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { quantityCauses, quantityValue } from '../../quantity.ts';
import type { Container } from '../container.ts';
import { type Amounts, amountsOf, isPodLevelResource, podLimits, podRequests } from '../pod-resources.ts';
import type { PodSpec } from '../pod-spec.ts';

type Resources = NonNullable<Container['resources']>;

/** The sum of the containers alone. */
const bare = { excludeOverhead: true, skipPodLevelResources: true };
const podLevelNames = ['cpu', 'hugepages-', 'memory'];

/** Checks amounts of a container or a pod; `field` is where they stand. */
export function resourceCauses({ limits = {}, requests = {} }: Resources, field: string): readonly Cause[] {
  return [
    ...Object.entries(limits).flatMap(([name, value]) => quantityCauses(`${field}.limits[${name}]`, value)),
    ...Object.entries(requests).flatMap(([name, value]) => {
      const at = `${field}.requests`;
      const causes = quantityCauses(`${at}[${name}]`, value);
      const limit = limits[name];
      const over =
        limit !== undefined &&
        (quantityValue(value) ?? 0) > (quantityValue(limit) ?? Number.POSITIVE_INFINITY);
      return over
        ? [...causes, invalid(at, String(value), `must be less than or equal to ${name} limit of ${limit}`)]
        : causes;
    }),
  ];
}

/** Checks the resources that the containers of a pod share; `field` is where they stand. */
export function podLevelCauses(spec: PodSpec, field: string): readonly Cause[] {
  const { resources, os } = spec;
  if (resources === undefined) {
    return [];
  }
  if (os?.name === 'windows') {
    return [forbidden(field, 'may not be set for a windows pod')];
  }
  return [
    ...(resources.claims === undefined
      ? []
      : [forbidden(`${field}.claims`, 'claims may not be set for Resources at pod-level')]),
    ...(['limits', 'requests'] as const).flatMap((side) =>
      Object.keys(resources[side] ?? {})
        .filter((name) => !isPodLevelResource(name))
        .map((name) => notSupported(`${field}.${side}[${name}]`, name, podLevelNames)),
    ),
    ...resourceCauses(resources, field),
    ...shareCauses(spec, resources, field),
  ];
}

/** A pod asks for no less than its containers together, and none of these may have more than the pod. */
function shareCauses(spec: PodSpec, { requests, limits }: Resources, field: string): readonly Cause[] {
  const ofPod = amountsOf(limits);
  const hugePages = [...podLimits({ spec }, bare)].filter(([name]) => isHugePages(name));
  return [
    ...tooLittle(amountsOf(requests), podRequests({ spec }, bare), `${field}.requests`, 'requests'),
    ...tooLittle(ofPod, new Map(hugePages), `${field}.limits`, 'limits'),
    ...spec.containers.flatMap((container, index) =>
      [...amountsOf(container.resources?.limits)].flatMap(([name, own]) => {
        const most = ofPod.get(name);
        const at = `${field}.containers[${index}][${name}].limits`;
        return most === undefined || own.nano <= most.nano
          ? []
          : [invalid(at, amountText(own), `must be less than or equal to pod limits of ${amountText(most)}`)];
      }),
    ),
  ];
}

function tooLittle(given: Amounts, needed: Amounts, field: string, side: string): readonly Cause[] {
  return [...needed].flatMap(([name, sum]) => {
    const amount = given.get(name);
    const detail = `must be greater than or equal to aggregate container ${side} of ${amountText(sum)}`;
    return amount === undefined || amount.nano >= sum.nano
      ? []
      : [invalid(`${field}[${name}]`, amountText(amount), detail)];
  });
}

/**
 * The pod with what follows from the resources that its containers share. Huge pages that containers are limited to are its
 * limits; where it has limits, its requests are those of its containers, or its limits where these ask for nothing.
 */
export function withPodLevelDefaults(spec: PodSpec): PodSpec {
  const { requests, limits } = spec.resources ?? {};
  if (Object.keys({ ...requests, ...limits }).length === 0) {
    return spec;
  }
  const pages = written(
    podLimits({ spec }, bare),
    (name) => isHugePages(name) && requests?.[name] === undefined,
  );
  const most = { ...pages, ...limits };
  if (Object.keys(most).length === 0) {
    return spec;
  }
  const shared = Object.fromEntries(Object.entries(most).filter(([name]) => isPodLevelResource(name)));
  const asked = written(
    podRequests({ spec }, bare),
    (name) => isPodLevelResource(name) && !isHugePages(name),
  );
  return {
    ...spec,
    resources: { ...spec.resources, limits: most, requests: { ...shared, ...asked, ...requests } },
  };
}

function written(amounts: Amounts, isWanted: (name: string) => boolean): Record<string, string> {
  const wanted = [...amounts].filter(([name]) => isWanted(name));
  return Object.fromEntries(wanted.map(([name, amount]) => [name, amountText(amount)]));
}

/** What cannot be given to more than one is never asked for in less than the limit. */
function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-');
}
