/** Endpoints of the older kind: one object for a service. Pure. pkg/controller/endpoint, pkg/api/v1/endpoints. */
import { isIP } from 'node:net';
import type { EndpointAddress, EndpointSubset, Endpoints } from '#api/core/endpoints.ts';
import type { Service } from '#api/core/service.ts';
import type { Endpoint } from '#api/discovery.k8s.io/endpoint-slice.ts';
import { type Backend, familiesOf } from './backends.ts';
import { headlessLabel } from './slices.ts';

/** Most addresses in one object. */
const most = 1000;
const capacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
export const endpointsManagedBy = 'endpoints.kubernetes.io/managed-by';

/** The Endpoints object of a service: its first family, without pods that are ending. */
export function composeEndpoints(service: Service, backends: readonly Backend[]): Endpoints {
  const [family] = familiesOf(service);
  const living = backends.filter(
    (one) => one.family === family && one.endpoint.conditions?.terminating !== true,
  );
  const { name, namespace, labels } = service.metadata;
  const { [headlessLabel]: _, ...own } = labels ?? {};
  const subsets = subsetsOf(service, living.slice(0, most));
  return {
    metadata: {
      name,
      namespace,
      labels: {
        ...own,
        [endpointsManagedBy]: 'endpoint-controller',
        ...(service.spec.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
      },
      ...(living.length > most ? { annotations: { [capacityAnnotation]: 'truncated' } } : {}),
    },
    ...(subsets.length === 0 ? {} : { subsets }),
  };
}

/** Addresses grouped by their ports, both sorted. */
function subsetsOf({ spec }: Service, backends: readonly Backend[]): readonly EndpointSubset[] {
  const groups = new Map<string, Backend[]>();
  for (const one of backends) {
    if (one.ports.length > 0 || (spec.ports ?? []).length === 0) {
      const id = JSON.stringify(one.ports);
      groups.set(id, [...(groups.get(id) ?? []), one]);
    }
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, members]) => subsetOf(members));
}

function subsetOf(members: readonly Backend[]): EndpointSubset {
  const sorted = members
    .map(({ endpoint }) => endpoint)
    .sort((a, b) => byAddress(a.addresses[0] ?? '', b.addresses[0] ?? ''));
  const addresses = sorted.filter(({ conditions }) => conditions?.ready === true).map(addressOf);
  const notReadyAddresses = sorted.filter(({ conditions }) => conditions?.ready !== true).map(addressOf);
  const ports = (members[0]?.ports ?? []).map(({ name, port = 0, ...rest }) => ({
    ...(name === '' ? {} : { name }),
    port,
    ...rest,
  }));
  return {
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }),
    ...(ports.length === 0 ? {} : { ports }),
  };
}

function addressOf({ addresses, hostname, nodeName, targetRef }: Endpoint): EndpointAddress {
  return {
    ip: addresses[0] ?? '',
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

function byAddress(a: string, b: string): number {
  const number = (ip: string): string =>
    isIP(ip) === 4
      ? ip
          .split('.')
          .map((part) => part.padStart(3, '0'))
          .join('.')
      : ip;
  return number(a) < number(b) ? -1 : 1;
}
