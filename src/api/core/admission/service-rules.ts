/** Defaults and rules of a service. k8s.io/kubernetes/pkg/apis/core/validation ValidateService, v1/defaults.go. */
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { forbidden, invalid, notSupported, required } from '../../cause.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Cause } from '../../meta.ts';
import { dnsLabelProblem, dnsSubdomainProblem, qualifiedNameProblem } from '../../names.ts';
import type { Service, ServicePort } from '../service.ts';

/** Seconds a client stays with a pod, when affinity says nothing else. */
const AFFINITY_SECONDS = 10800;

/** Addresses and node ports are handed out by the cluster; families follow the address given, IPv4 without one. */
export function withServiceDefaults({
  object,
  old,
  operation,
  subresource,
}: AdmissionRequest<Service>): Service {
  if (subresource !== undefined || operation === 'DELETE') return object;
  const spec = old === undefined ? object.spec : withAllocated(object.spec, old.spec);
  const open = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  const named = spec.type === 'ExternalName';
  const ports = spec.ports?.map((port) => ({ ...port, targetPort: port.targetPort || port.port }));
  const completed: Service['spec'] = {
    ...spec,
    ...(ports === undefined ? {} : { ports }),
    ...(named
      ? {}
      : { internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster', ...withFamilies(spec) }),
    ...(open ? { externalTrafficPolicy: spec.externalTrafficPolicy ?? 'Cluster' } : {}),
    ...(spec.type === 'LoadBalancer'
      ? { allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? true }
      : {}),
    ...(spec.sessionAffinity === 'ClientIP'
      ? {
          sessionAffinityConfig: {
            clientIP: { timeoutSeconds: AFFINITY_SECONDS, ...spec.sessionAffinityConfig?.clientIP },
          },
        }
      : {}),
  };
  return { ...object, spec: completed, ...(operation === 'CREATE' ? { status: { loadBalancer: {} } } : {}) };
}

/** What was handed out stays when an update leaves it out: addresses, and node ports of the same port. */
function withAllocated(spec: Service['spec'], old: Service['spec']): Service['spec'] {
  const hasNodePorts = (type: string | undefined) => type === 'NodePort' || type === 'LoadBalancer';
  const hasAddress = spec.type !== 'ExternalName' && old.type !== 'ExternalName';
  const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = old;
  const kept = { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy };
  const given = Object.fromEntries(
    Object.entries(spec).filter(([, value]) => value !== '' && value !== undefined),
  );
  const ports = spec.ports?.map((port) => {
    const before = old.ports?.find((one) => one.port === port.port && one.protocol === port.protocol);
    return port.nodePort === undefined && before?.nodePort !== undefined
      ? { ...port, nodePort: before.nodePort }
      : port;
  });
  return {
    ...(hasAddress && !spec.clusterIP ? kept : {}),
    ...given,
    ...(ports !== undefined && hasNodePorts(spec.type) && hasNodePorts(old.type) ? { ports } : {}),
  };
}

function withFamilies({ ipFamilies, ipFamilyPolicy, clusterIP = '', clusterIPs }: Service['spec']) {
  const address = clusterIPs?.[0] ?? clusterIP;
  return {
    ipFamilyPolicy: ipFamilyPolicy ?? ('SingleStack' as const),
    ipFamilies: ipFamilies?.length
      ? ipFamilies
      : [isIP(address) === 6 ? ('IPv6' as const) : ('IPv4' as const)],
    ...(clusterIP !== '' && clusterIPs === undefined ? { clusterIPs: [clusterIP] } : {}),
  };
}

export function serviceCauses({
  object,
  old,
  operation,
  subresource,
}: AdmissionRequest<Service>): readonly Cause[] {
  if (operation === 'DELETE' || subresource !== undefined) return [];
  const { spec } = object;
  return [
    ...portListCauses(spec),
    ...typeCauses(spec),
    ...selectorCauses(spec),
    ...addressCauses(spec),
    ...externalNameCauses(spec),
    ...familyCauses(spec),
    ...affinityCauses(spec),
    ...(old === undefined ? [] : frozenCauses(spec, old.spec)),
  ];
}

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

function typeCauses({ type = 'ClusterIP' }: Service['spec']): readonly Cause[] {
  return TYPES.includes(type) ? [] : [notSupported('spec.type', type, TYPES)];
}

function portListCauses({ type, ports = [], clusterIP }: Service['spec']): readonly Cause[] {
  if (ports.length === 0) {
    return type === 'ExternalName' || clusterIP === 'None' ? [] : [required('spec.ports', '')];
  }
  const names = new Set<string>();
  const places = new Set<string>();
  return ports.flatMap((port, index) => {
    const field = `spec.ports[${index}]`;
    const causes = [...portCauses(port, field, ports.length > 1, type)];
    const place = `${port.protocol ?? 'TCP'}/${port.port}`;
    if (port.name && names.has(port.name)) causes.push(twice(`${field}.name`, port.name));
    if (places.has(place)) causes.push(twice(field, { port: port.port, protocol: port.protocol ?? 'TCP' }));
    names.add(port.name ?? '');
    places.add(place);
    return causes;
  });
}

function twice(field: string, value: unknown): Cause {
  return { type: 'FieldValueDuplicate', field, message: '', value };
}

function portCauses(
  port: ServicePort,
  field: string,
  several: boolean,
  type: string | undefined,
): readonly Cause[] {
  const causes: Cause[] = [];
  if (several && !port.name) causes.push(required(`${field}.name`, ''));
  const problem = port.name ? dnsLabelProblem(port.name) : undefined;
  if (problem !== undefined) causes.push(invalid(`${field}.name`, port.name, problem));
  causes.push(...portNumberCauses(`${field}.port`, port.port));
  const { targetPort, nodePort } = port;
  if (typeof targetPort === 'number') causes.push(...portNumberCauses(`${field}.targetPort`, targetPort));
  else if (targetPort !== undefined && !/^(?=.*[a-z])(?!.*--)(?!-)[a-z0-9-]{1,15}(?<!-)$/.test(targetPort)) {
    const detail =
      'must be a port number or the name of a container port: at most 15 lower case letters, digits or dashes, one letter at least';
    causes.push(invalid(`${field}.targetPort`, targetPort, detail));
  }
  if (nodePort !== undefined && nodePort !== 0) {
    if (type !== 'NodePort' && type !== 'LoadBalancer') {
      causes.push(
        forbidden(
          `${field}.nodePort`,
          "may not be used when `type` is 'ClusterIP'; set type: NodePort, or remove it",
        ),
      );
    } else if (nodePort < 30000 || nodePort > 32767) {
      causes.push(
        invalid(
          `${field}.nodePort`,
          nodePort,
          'provided port is not in the valid range. The range of valid ports is 30000-32767',
        ),
      );
    }
  }
  return causes;
}

function portNumberCauses(field: string, port: number): readonly Cause[] {
  return port >= 1 && port <= 65535 ? [] : [invalid(field, port, 'must be between 1 and 65535, inclusive')];
}

function selectorCauses({ selector = {} }: Service['spec']): readonly Cause[] {
  return Object.entries(selector).flatMap(([key, value]) => {
    const problem = qualifiedNameProblem(key) ?? (value === '' ? undefined : qualifiedNameProblem(value));
    return problem === undefined ? [] : [invalid('spec.selector', value, problem)];
  });
}

function addressCauses({
  clusterIP,
  clusterIPs = [],
  externalIPs = [],
  type,
}: Service['spec']): readonly Cause[] {
  const detail = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
  const single = clusterIP === undefined || clusterIP === '' || clusterIP === 'None' || isIP(clusterIP) !== 0;
  return [
    ...(single ? [] : [invalid('spec.clusterIPs[0]', clusterIP, detail)]),
    ...(clusterIP === 'None' && (type === 'NodePort' || type === 'LoadBalancer')
      ? [invalid('spec.clusterIPs[0]', clusterIP, `may not be set to 'None' for ${type} services`)]
      : []),
    ...clusterIPs.flatMap((ip, index) =>
      index === 0 || isIP(ip) !== 0 ? [] : [invalid(`spec.clusterIPs[${index}]`, ip, detail)],
    ),
    ...externalIPs.flatMap((ip, index) =>
      isIP(ip) !== 0 ? [] : [invalid(`spec.externalIPs[${index}]`, ip, detail)],
    ),
  ];
}

function externalNameCauses({ type, externalName = '', clusterIP = '' }: Service['spec']): readonly Cause[] {
  if (type !== 'ExternalName') return [];
  if (externalName === '') return [required('spec.externalName', '')];
  const problem = dnsSubdomainProblem(externalName.replace(/\.$/, ''));
  return [
    ...(problem === undefined ? [] : [invalid('spec.externalName', externalName, problem)]),
    ...(clusterIP === ''
      ? []
      : [forbidden('spec.clusterIPs[0]', 'may not be set for ExternalName services')]),
  ];
}

function familyCauses({ ipFamilies = [], ipFamilyPolicy }: Service['spec']): readonly Cause[] {
  const field = 'spec.ipFamilies';
  if (new Set(ipFamilies).size < ipFamilies.length) return [twice(`${field}[1]`, ipFamilies[1])];
  return ipFamilies.length > 1 && ipFamilyPolicy === 'SingleStack'
    ? [
        invalid(
          'spec.ipFamilyPolicy',
          ipFamilyPolicy,
          "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
        ),
      ]
    : [];
}

function affinityCauses({ sessionAffinity, sessionAffinityConfig }: Service['spec']): readonly Cause[] {
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const field = 'spec.sessionAffinityConfig';
  if (sessionAffinity !== 'ClientIP') {
    return sessionAffinityConfig === undefined
      ? []
      : [forbidden(field, `must not be set when session affinity is ${sessionAffinity ?? 'None'}`)];
  }
  return seconds === undefined || (seconds > 0 && seconds <= 86400)
    ? []
    : [invalid(`${field}.clientIP.timeoutSeconds`, seconds, 'must be greater than 0 and less than 86400')];
}

/** The cluster address stays, unless the service becomes or was an ExternalName. */
function frozenCauses(spec: Service['spec'], old: Service['spec']): readonly Cause[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName' || !old.clusterIP) return [];
  const changed = spec.clusterIP !== old.clusterIP;
  const first = isDeepStrictEqual(spec.clusterIPs?.[0], old.clusterIPs?.[0]);
  const detail = 'may not change once set; delete the Service and create it again';
  return changed || !first ? [invalid('spec.clusterIPs[0]', spec.clusterIP ?? null, detail)] : [];
}
