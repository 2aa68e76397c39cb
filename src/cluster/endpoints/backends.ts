/** The pods behind a service, as endpoints. Pure. k8s.io/endpointslice utils.go, pkg/controller/endpoint. */
import { isIP } from 'node:net';
import type { Pod } from '#api/core/pod.ts';
import type { Service } from '#api/core/service.ts';
import type { Endpoint, EndpointPort } from '#api/discovery.k8s.io/endpoint-slice.ts';
import { isReady } from '../owned/pods.ts';

export type Family = 'IPv4' | 'IPv6';

/** One pod as an endpoint of one family, with its ports. */
export interface Backend {
  readonly family: Family;
  readonly ports: readonly EndpointPort[];
  readonly endpoint: Endpoint;
}

/** Families of a service's endpoints. */
export function familiesOf({ spec }: Service): readonly Family[] {
  const { ipFamilies = [], clusterIP = '' } = spec;
  return ipFamilies.length > 0 ? ipFamilies : [isIP(clusterIP) === 6 ? 'IPv6' : 'IPv4'];
}

/** Endpoints of all pods that the service selects. Pods without an address, or at their end, are none. */
export function backendsOf(
  service: Service,
  pods: readonly Pod[],
  zoneOf: (node: string) => string | undefined,
): readonly Backend[] {
  return pods.flatMap((pod) => {
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
      return [];
    }
    return familiesOf(service).flatMap((family): readonly Backend[] => {
      const address = addressOf(pod, family);
      return address === undefined
        ? []
        : [{ family, ports: portsOf(service, pod), endpoint: endpointOf(service, pod, address, zoneOf) }];
    });
  });
}

function addressOf({ status }: Pod, family: Family): string | undefined {
  const all = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP === undefined ? [] : [status.podIP]);
  return all.find((ip) => isIP(ip) === (family === 'IPv6' ? 6 : 4));
}

/** Ports by number, named ones as the pod's containers name them; a pod that lacks the name lacks the port. */
function portsOf({ spec }: Service, pod: Pod): readonly EndpointPort[] {
  return (spec.ports ?? []).flatMap(({ name, protocol = 'TCP', port, targetPort, appProtocol }) => {
    const number = typeof targetPort === 'string' ? namedPort(pod, targetPort, protocol) : targetPort || port;
    return number === undefined
      ? []
      : [{ name: name ?? '', port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function namedPort({ spec }: Pod, name: string, protocol: string): number | undefined {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...spec.containers, ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)?.containerPort;
}

function endpointOf(
  { spec: service, metadata }: Service,
  pod: Pod,
  address: string,
  zoneOf: (node: string) => string | undefined,
): Endpoint {
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const { nodeName, hostname, subdomain } = pod.spec;
  const terminating = deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const zone = nodeName === undefined ? undefined : zoneOf(nodeName);
  const named = hostname !== undefined && hostname !== '' && subdomain === metadata.name;
  return {
    addresses: [address],
    conditions: {
      ready: service.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(named && metadata.namespace === namespace ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(zone === undefined ? {} : { zone }),
  };
}
