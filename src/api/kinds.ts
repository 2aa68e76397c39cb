/** Every kind that is served. A new kind is one file and one line here. */
import { lease } from './coordination.k8s.io/lease.ts';
import { configMap } from './core/config-map.ts';
import { event } from './core/event.ts';
import { namespace } from './core/namespace.ts';
import { node } from './core/node.ts';
import { pod } from './core/pod.ts';
import { secret } from './core/secret.ts';
import { service } from './core/service.ts';
import { serviceAccount } from './core/service-account.ts';
import { networkAttachmentDefinition } from './k8s.cni.cncf.io/network-attachment-definition.ts';
import type { KindDefinition } from './kind.ts';
import { virtualMachine } from './kubevirt.io/virtual-machine.ts';
import { virtualMachineInstance } from './kubevirt.io/virtual-machine-instance.ts';
import { nodeNetworkConfigurationEnactment } from './nmstate.io/node-network-configuration-enactment.ts';
import { nodeNetworkConfigurationPolicy } from './nmstate.io/node-network-configuration-policy.ts';
import { nodeNetworkState } from './nmstate.io/node-network-state.ts';
import { clusterRole } from './rbac.authorization.k8s.io/cluster-role.ts';
import { clusterRoleBinding } from './rbac.authorization.k8s.io/cluster-role-binding.ts';
import { role } from './rbac.authorization.k8s.io/role.ts';
import { roleBinding } from './rbac.authorization.k8s.io/role-binding.ts';

export const kinds: readonly KindDefinition[] = [
  namespace,
  node,
  pod,
  service,
  configMap,
  secret,
  serviceAccount,
  event,
  lease,
  role,
  roleBinding,
  clusterRole,
  clusterRoleBinding,
  networkAttachmentDefinition,
  nodeNetworkConfigurationPolicy,
  nodeNetworkConfigurationEnactment,
  nodeNetworkState,
  virtualMachine,
  virtualMachineInstance,
];
