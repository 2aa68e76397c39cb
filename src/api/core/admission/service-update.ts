/**
 * What an update of a service keeps and what it lets go: what was handed out stays when it is left out, and goes when the
 * service has become of a type that has no such thing. k8s.io/kubernetes/pkg/registry/core/service/strategy.go. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { Service, ServicePort } from '../service.ts';
import { isExternal, needsClusterIp, needsHealthPort, needsNodePorts } from './service-needs.ts';

type Spec = Service['spec'];
type Field = keyof Spec;

/** The spec with what was handed out before. */
export function withAllocated(given: Spec, old: Spec): Spec {
  const spec = withoutLeftovers(given, old);
  const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, healthCheckNodePort } = old;
  const keepsAddress = needsClusterIp(spec) && needsClusterIp(old) && !spec.clusterIP;
  const set = Object.fromEntries(
    Object.entries(spec).filter(([, value]) => value !== '' && value !== undefined),
  ) as Spec;
  const kept: Spec = {
    ...(keepsAddress ? { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } : {}),
    ...(needsHealthPort(spec) && needsHealthPort(old) ? { healthCheckNodePort } : {}),
    ...set,
  };
  const ports = needsNodePorts(spec) && needsNodePorts(old) ? portsWith(spec, old) : spec.ports;
  return withoutSecondary({ ...kept, ...(ports === undefined ? {} : { ports }) }, old);
}

function portsWith({ ports }: Spec, old: Spec): Spec['ports'] {
  return ports?.map((port) => {
    const before = old.ports?.find((one) => one.port === port.port && one.protocol === port.protocol);
    return !port.nodePort && before?.nodePort !== undefined ? { ...port, nodePort: before.nodePort } : port;
  });
}

/** Values of another type go, unless the writer changed them, which says that they are meant. */
function withoutLeftovers(spec: Spec, old: Spec): Spec {
  const lost = (needs: (one: Spec) => boolean): boolean => needs(old) && !needs(spec);
  const isBalancer = ({ type }: Spec): boolean => type === 'LoadBalancer';
  const leaving: readonly Field[] = [
    ...(lost(needsClusterIp) ? (['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) : []),
    ...(lost(needsHealthPort) ? (['healthCheckNodePort'] as const) : []),
    ...(lost(isExternal) ? (['externalTrafficPolicy'] as const) : []),
    ...(lost(isBalancer) ? (['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) : []),
  ];
  const left = new Set<string>(leaving.filter((field) => isDeepStrictEqual(spec[field], old[field])));
  const rest = Object.fromEntries(Object.entries(spec).filter(([field]) => !left.has(field))) as Spec;
  const numbers = ({ ports = [] }: Spec) => new Set(ports.map(({ nodePort = 0 }) => nodePort));
  return lost(needsNodePorts) && isDeepStrictEqual(numbers(spec), numbers(old)) && rest.ports !== undefined
    ? { ...rest, ports: rest.ports.map(withoutNodePort) }
    : rest;
}

/** A service that goes back to one family gives the second address back. */
function withoutSecondary(spec: Spec, old: Spec): Spec {
  const { ipFamilyPolicy, clusterIPs, ipFamilies } = spec;
  if (ipFamilyPolicy !== 'SingleStack' || old.ipFamilyPolicy === 'SingleStack') {
    return spec;
  }
  return {
    ...spec,
    ...(isDeepStrictEqual(clusterIPs, old.clusterIPs) && clusterIPs !== undefined
      ? { clusterIPs: clusterIPs.slice(0, 1) }
      : {}),
    ...(isDeepStrictEqual(ipFamilies, old.ipFamilies) && ipFamilies !== undefined
      ? { ipFamilies: ipFamilies.slice(0, 1) }
      : {}),
  };
}

/** The first address and family stay, unless the service becomes or was an ExternalName; the second goes by the policy. */
export function frozenCauses(spec: Spec, old: Spec): readonly Cause[] {
  if (!needsClusterIp(spec) || !needsClusterIp(old) || !old.clusterIP) return [];
  const detail = 'may not change once set; delete the Service and create it again';
  const { ipFamilyPolicy } = spec;
  const fewer = (field: 'clusterIPs' | 'ipFamilies'): boolean =>
    ipFamilyPolicy !== 'SingleStack' && (spec[field]?.length ?? 0) < (old[field]?.length ?? 0);
  return [
    ...(spec.clusterIP !== old.clusterIP || spec.clusterIPs?.[0] !== old.clusterIPs?.[0]
      ? [invalid('spec.clusterIPs[0]', spec.clusterIP ?? null, detail)]
      : []),
    ...(old.clusterIP !== 'None' &&
    old.ipFamilies?.[0] !== undefined &&
    spec.ipFamilies?.[0] !== old.ipFamilies[0]
      ? [invalid('spec.ipFamilies[0]', spec.ipFamilies?.[0] ?? null, detail)]
      : []),
    ...(fewer('clusterIPs')
      ? [
          invalid(
            'spec.ipFamilyPolicy',
            ipFamilyPolicy,
            "must be 'SingleStack' to release the secondary cluster IP",
          ),
        ]
      : []),
    ...(fewer('ipFamilies')
      ? [
          invalid(
            'spec.ipFamilyPolicy',
            ipFamilyPolicy,
            "must be 'SingleStack' to release the secondary IP family",
          ),
        ]
      : []),
  ];
}

function withoutNodePort(port: ServicePort): ServicePort {
  const { nodePort: _dropped, ...rest } = port;
  return rest;
}
