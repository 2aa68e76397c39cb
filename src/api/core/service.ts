import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import {
  array,
  boolean,
  int32,
  intOrString,
  listMap,
  map,
  object,
  oneOf,
  type Schema,
  string,
  type TypeOf,
} from '../schema.ts';
import { serviceCauses, withServiceDefaults } from './admission/service-rules.ts';
import { conditions } from './condition.ts';
import { protocol } from './container.ts';
import { serviceColumns } from './service-columns.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const servicePort = object(
  {
    name: string('Name of the port, unique in the service.'),
    protocol,
    appProtocol: string('Application protocol.'),
    port: int32('Port of the service.'),
    targetPort: intOrString('Port of the pods, a number or a name; the same as port when empty.'),
    nodePort: int32('Port on every node, for NodePort and LoadBalancer.'),
  },
  ['port'],
);

/** Not an enumeration of the schema: upstream tells a wrong type after wrong ports, and both at once. */
const serviceType: Schema<'ClusterIP' | 'ExternalName' | 'LoadBalancer' | 'NodePort'> = string(
  'How it is reached: ClusterIP, NodePort, LoadBalancer or ExternalName.',
  { default: 'ClusterIP' },
) as Schema<'ClusterIP' | 'ExternalName' | 'LoadBalancer' | 'NodePort'>;

const spec = object({
  type: serviceType,
  ports: listMap(['port', 'protocol'], servicePort, 'Ports of the service.'),
  selector: map(string(), 'Labels of the pods behind it.', { 'x-kubernetes-map-type': 'atomic' }),
  clusterIP: string('Address in the cluster, None for a headless service.'),
  clusterIPs: array(string(), 'Addresses in the cluster, one per family.', atomic),
  externalIPs: array(string(), 'Further addresses nodes accept traffic on.', atomic),
  externalName: string('DNS name an ExternalName service stands for.'),
  externalTrafficPolicy: oneOf(['Cluster', 'Local'], 'Which pods get traffic from outside.'),
  internalTrafficPolicy: oneOf(['Cluster', 'Local'], 'Which pods get traffic from inside.'),
  healthCheckNodePort: int32('Port of the health check, with Local.'),
  ipFamilies: array(oneOf(['IPv4', 'IPv6']), 'Families in order.', atomic),
  ipFamilyPolicy: oneOf(['SingleStack', 'PreferDualStack', 'RequireDualStack'], 'How many families.'),
  loadBalancerIP: string('Address asked of the load balancer.'),
  loadBalancerClass: string('Load balancer that serves it.'),
  loadBalancerSourceRanges: array(string(), 'Ranges clients may come from.', atomic),
  allocateLoadBalancerNodePorts: boolean('Whether a LoadBalancer gets node ports.'),
  publishNotReadyAddresses: boolean('Count pods that are not ready.'),
  sessionAffinity: oneOf(['ClientIP', 'None'], 'Whether a client stays with a pod.', { default: 'None' }),
  sessionAffinityConfig: object({ clientIP: object({ timeoutSeconds: int32('Seconds a client stays.') }) }),
  trafficDistribution: string('Which pods are preferred.'),
});

const status = object({
  loadBalancer: object({
    ingress: array(
      object({
        ip: string('Address of the load balancer.'),
        hostname: string('Name of the load balancer.'),
        ipMode: string('VIP or Proxy.'),
        ports: array(
          object({ port: int32(), protocol: string(), error: string() }, ['port', 'protocol']),
          undefined,
          atomic,
        ),
      }),
      'Where the load balancer listens.',
      atomic,
    ),
  }),
  conditions,
});

const schema = object({ spec, status }, ['spec'], 'A stable address for a set of pods.');

/** A stable address for a set of pods. */
export type Service = KubeObject & TypeOf<typeof schema>;
export type ServicePort = TypeOf<typeof servicePort>;

export const service: KindDefinition<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  builtin: true,
  nameRule: 'dns-label',
  schema,
  subresources: { status: true },
  columns: serviceColumns,
  selectableFields: ['spec.clusterIP', 'spec.type'],
  mutate: withServiceDefaults,
  validate: serviceCauses,
};
