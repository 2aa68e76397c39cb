/** What a service of each type has. k8s.io/kubernetes/pkg/registry/core/service (needsClusterIP, needsNodePort …). Pure. */
import type { Service } from '../service.ts';

type Spec = Service['spec'];

export const needsClusterIp = ({ type }: Spec): boolean => type !== 'ExternalName';

export const needsNodePorts = ({ type, allocateLoadBalancerNodePorts: allocate }: Spec): boolean =>
  type === 'NodePort' || (type === 'LoadBalancer' && allocate !== false);

/** Traffic that stays on its node is announced by a port where the load balancer asks. */
export const needsHealthPort = ({ type, externalTrafficPolicy }: Spec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

/** Reached from outside, by a port of the nodes or an address of its own. */
export const isExternal = ({ type, externalIPs = [] }: Spec): boolean =>
  type === 'NodePort' || type === 'LoadBalancer' || (type !== 'ExternalName' && externalIPs.length > 0);
