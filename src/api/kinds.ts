/** Every kind that is served. A new kind is one file and one line here. */
import { mutatingWebhookConfiguration } from './admissionregistration.k8s.io/mutating-webhook-configuration.ts';
import { validatingAdmissionPolicy } from './admissionregistration.k8s.io/validating-admission-policy.ts';
import { validatingAdmissionPolicyBinding } from './admissionregistration.k8s.io/validating-admission-policy-binding.ts';
import { validatingWebhookConfiguration } from './admissionregistration.k8s.io/validating-webhook-configuration.ts';
import { customResourceDefinition } from './apiextensions.k8s.io/custom-resource-definition.ts';
import { controllerRevision } from './apps/controller-revision.ts';
import { daemonSet } from './apps/daemon-set.ts';
import { deployment } from './apps/deployment.ts';
import { replicaSet } from './apps/replica-set.ts';
import { job } from './batch/job.ts';
import { certificateSigningRequest } from './certificates.k8s.io/certificate-signing-request.ts';
import { lease } from './coordination.k8s.io/lease.ts';
import { configMap } from './core/config-map.ts';
import { endpoints } from './core/endpoints.ts';
import { event } from './core/event.ts';
import { limitRange } from './core/limit-range.ts';
import { namespace } from './core/namespace.ts';
import { node } from './core/node.ts';
import { pod } from './core/pod.ts';
import { replicationController } from './core/replication-controller.ts';
import { resourceQuota } from './core/resource-quota.ts';
import { secret } from './core/secret.ts';
import { service } from './core/service.ts';
import { serviceAccount } from './core/service-account.ts';
import { endpointSlice } from './discovery.k8s.io/endpoint-slice.ts';
import { event as eventsEvent } from './events.k8s.io/event.ts';
import { ipamClaim } from './k8s.cni.cncf.io/ipam-claim.ts';
import { networkAttachmentDefinition } from './k8s.cni.cncf.io/network-attachment-definition.ts';
import { clusterUserDefinedNetwork } from './k8s.ovn.org/cluster-user-defined-network.ts';
import { userDefinedNetwork } from './k8s.ovn.org/user-defined-network.ts';
import type { KindDefinition } from './kind.ts';
import { virtualMachine } from './kubevirt.io/virtual-machine.ts';
import { virtualMachineInstance } from './kubevirt.io/virtual-machine-instance.ts';
import { networkPolicy } from './networking.k8s.io/network-policy.ts';
import { nodeNetworkConfigurationEnactment } from './nmstate.io/node-network-configuration-enactment.ts';
import { nodeNetworkConfigurationPolicy } from './nmstate.io/node-network-configuration-policy.ts';
import { nodeNetworkState } from './nmstate.io/node-network-state.ts';
import { runtimeClass } from './node.k8s.io/runtime-class.ts';
import { podDisruptionBudget } from './policy/pod-disruption-budget.ts';
import { clusterRole } from './rbac.authorization.k8s.io/cluster-role.ts';
import { clusterRoleBinding } from './rbac.authorization.k8s.io/cluster-role-binding.ts';
import { role } from './rbac.authorization.k8s.io/role.ts';
import { roleBinding } from './rbac.authorization.k8s.io/role-binding.ts';
import { priorityClass } from './scheduling.k8s.io/priority-class.ts';

export const kinds: readonly KindDefinition[] = [
  namespace,
  node,
  pod,
  service,
  configMap,
  secret,
  serviceAccount,
  event,
  endpoints,
  resourceQuota,
  limitRange,
  lease,
  certificateSigningRequest,
  customResourceDefinition,
  deployment,
  replicaSet,
  replicationController,
  controllerRevision,
  daemonSet,
  job,
  endpointSlice,
  eventsEvent,
  networkPolicy,
  podDisruptionBudget,
  priorityClass,
  runtimeClass,
  role,
  roleBinding,
  clusterRole,
  clusterRoleBinding,
  mutatingWebhookConfiguration,
  validatingWebhookConfiguration,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
  networkAttachmentDefinition,
  ipamClaim,
  userDefinedNetwork,
  clusterUserDefinedNetwork,
  nodeNetworkConfigurationPolicy,
  nodeNetworkConfigurationEnactment,
  nodeNetworkState,
  virtualMachine,
  virtualMachineInstance,
];
