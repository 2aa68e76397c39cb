/** Endpoints spread over EndpointSlices. Pure. k8s.io/endpointslice reconciler.go. */
import type { Service } from '#api/core/service.ts';
import { service as serviceKind } from '#api/core/service.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '#api/discovery.k8s.io/endpoint-slice.ts';
import type { ObjectMeta } from '#api/meta.ts';
import { equal } from '#machinery/merge-patch.ts';
import { controllerReference } from '../owned/claims.ts';
import type { Backend, Family } from './backends.ts';

/** Most endpoints in one slice, as upstream's --max-endpoints-per-slice. */
export const sliceSize = 100;
export const serviceLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const manager = 'endpointslice-controller.k8s.io';
export const headlessLabel = 'service.kubernetes.io/headless';

/** What to write so that the slices hold the wanted endpoints. */
export interface SlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

interface Group {
  readonly family: Family;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** Plans with as few writes as may be: an endpoint stays in its slice, new ones fill slices that change anyway. */
export function planSlices(
  service: Service,
  backends: readonly Backend[],
  present: readonly EndpointSlice[],
  families: readonly Family[],
): SlicePlan {
  const groups = groupsOf(backends);
  const sorted = present.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  // A service without endpoints keeps one empty slice in each family, so that clients see that there are none.
  for (const family of families) {
    if (!groups.some((group) => group.family === family)) {
      const kept = sorted.find(({ addressType }) => addressType === family);
      groups.push({ family, ports: kept?.endpoints.length === 0 ? (kept.ports ?? []) : [], endpoints: [] });
    }
  }
  const used = new Set<EndpointSlice>();
  const plans = groups.map((group) => {
    const own = sorted.filter(
      (slice) =>
        !used.has(slice) && slice.addressType === group.family && equal(slice.ports ?? [], group.ports),
    );
    for (const slice of own) {
      used.add(slice);
    }
    return planGroup(service, group, own);
  });
  const strays = sorted.filter((slice) => !used.has(slice));
  return {
    create: plans.flatMap(({ create }) => create),
    update: plans.flatMap(({ update }) => update),
    remove: [...plans.flatMap(({ remove }) => remove), ...strays],
  };
}

function groupsOf(backends: readonly Backend[]): Group[] {
  const groups = new Map<string, { family: Family; ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  for (const { family, ports, endpoint } of backends) {
    const id = JSON.stringify([family, ports]);
    const group = groups.get(id) ?? { family, ports, endpoints: [] };
    groups.set(id, group);
    group.endpoints.push(endpoint);
  }
  return [...groups.values()];
}

const identity = ({ targetRef, addresses }: Endpoint): string => `${targetRef?.uid} ${addresses[0]}`;

function planGroup(service: Service, group: Group, own: readonly EndpointSlice[]): SlicePlan {
  const waiting = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const contents = own.map((slice) =>
    slice.endpoints.flatMap((endpoint) => {
      const wanted = waiting.get(identity(endpoint));
      waiting.delete(identity(endpoint));
      return wanted === undefined ? [] : [wanted];
    }),
  );
  const added = [...waiting.values()];
  const changed = (at: number): boolean => !equal(contents[at], own[at]?.endpoints);
  const order = own.map((_, at) => at).sort((a, b) => Number(changed(b)) - Number(changed(a)));
  for (const at of order) {
    const content = contents[at] ?? [];
    content.push(...added.splice(0, Math.max(0, sliceSize - content.length)));
  }
  const fresh: Endpoint[][] = [];
  while (added.length > 0) {
    fresh.push(added.splice(0, sliceSize));
  }
  const keepsEmpty = group.endpoints.length === 0;
  if (keepsEmpty && own.length === 0) {
    fresh.push([]);
  }
  const kept = own.filter((_, at) => (contents[at] ?? []).length > 0 || (keepsEmpty && at === 0));
  return {
    create: fresh.map((endpoints) => composeSlice(service, group, endpoints)),
    update: kept.flatMap((slice) => {
      const endpoints = contents[own.indexOf(slice)] ?? [];
      const labels = sliceLabels(service);
      const next = { ...slice, endpoints, metadata: { ...slice.metadata, labels } };
      return equal(endpoints, slice.endpoints) && equal(labels, slice.metadata.labels) ? [] : [next];
    }),
    remove: own.filter((slice) => !kept.includes(slice)),
  };
}

function composeSlice(
  service: Service,
  { family, ports }: Group,
  endpoints: readonly Endpoint[],
): EndpointSlice {
  const { name, namespace } = service.metadata;
  const metadata: ObjectMeta = {
    name: '',
    generateName: `${name}-`,
    namespace,
    labels: sliceLabels(service),
    ownerReferences: [controllerReference(serviceKind, service)],
  };
  return { metadata, addressType: family, endpoints, ports };
}

/** The service's own labels, and those that say whose slice it is. */
export function sliceLabels({ metadata, spec }: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _, ...labels } = metadata.labels ?? {};
  return {
    ...labels,
    [managedByLabel]: manager,
    [serviceLabel]: metadata.name,
    ...(spec.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
  };
}
