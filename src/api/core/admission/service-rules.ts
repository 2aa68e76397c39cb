/** Defaults and rules of a service. k8s.io/kubernetes/pkg/apis/core/validation ValidateService, v1/defaults.go. */
import { isIP } from 'node:net';
import { forbidden, invalid, notSupported, required } from '../../cause.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Cause } from '../../meta.ts';
import { dnsLabelProblem, dnsSubdomainProblem, qualifiedNameProblem } from '../../names.ts';
import type { Service, ServicePort } from '../service.ts';
import { nodePortRange } from './node-ports.ts';
import { familyCauses, withFamilies } from './service-families.ts';
import { isExternal, needsHealthPort } from './service-needs.ts';
import { frozenCauses, withAllocated } from './service-update.ts';

/** Seconds a client stays with a pod, when affinity says nothing else. */
const AFFINITY_SECONDS = 10800;

/** Addresses and node ports are handed out by the server; families follow the addresses given. */
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
      : { internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster', ...withFamilies(spec, old?.spec) }),
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
    ...outsideCauses(spec),
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
  const nodePlaces = new Set<string>();
  return ports.flatMap((port, index) => {
    const field = `spec.ports[${index}]`;
    const causes = [...portCauses(port, field, ports.length > 1, type)];
    const place = `${port.protocol ?? 'TCP'}/${port.port}`;
    if (port.name && names.has(port.name)) causes.push(twice(`${field}.name`, port.name));
    if (places.has(place)) causes.push(twice(field, { port: port.port, protocol: port.protocol ?? 'TCP' }));
    const onNode = `${port.protocol ?? 'TCP'}/${port.nodePort}`;
    if (port.nodePort && nodePlaces.has(onNode)) causes.push(twice(`${field}.nodePort`, port.nodePort));
    nodePlaces.add(onNode);
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
    } else if (nodePort < nodePortRange.first || nodePort > nodePortRange.last) {
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

/** Fields that only services reached from outside have. */
function outsideCauses(spec: Service['spec']): readonly Cause[] {
  const { type, externalTrafficPolicy, healthCheckNodePort = 0, loadBalancerClass } = spec;
  const balancer = "may only be used when `type` is 'LoadBalancer'";
  return [
    ...(externalTrafficPolicy !== undefined && !isExternal(spec)
      ? [
          invalid(
            'spec.externalTrafficPolicy',
            externalTrafficPolicy,
            'may only be set for externally-accessible services',
          ),
        ]
      : []),
    ...(healthCheckNodePort !== 0 && !needsHealthPort(spec)
      ? [
          invalid(
            'spec.healthCheckNodePort',
            healthCheckNodePort,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
          ),
        ]
      : []),
    ...(spec.allocateLoadBalancerNodePorts !== undefined && type !== 'LoadBalancer'
      ? [forbidden('spec.allocateLoadBalancerNodePorts', balancer)]
      : []),
    ...(loadBalancerClass !== undefined && type !== 'LoadBalancer'
      ? [forbidden('spec.loadBalancerClass', balancer)]
      : []),
  ];
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
