/** The agent's copies of API objects: its own pods and guests, and what they refer to. */
import { type Node, node } from '#api/core/node.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import {
  type NodeNetworkConfigurationEnactment,
  nodeNetworkConfigurationEnactment,
} from '#api/nmstate.io/node-network-configuration-enactment.ts';
import {
  type NodeNetworkConfigurationPolicy,
  nodeNetworkConfigurationPolicy,
} from '#api/nmstate.io/node-network-configuration-policy.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { byUid, byVmi, createdByLabel } from './sandbox-deps.ts';

/** The copies. */
export interface AgentInformers {
  readonly pods: Informer<Pod>;
  readonly vmis: Informer<VirtualMachineInstance>;
  readonly nads: Informer<NetworkAttachmentDefinition>;
  readonly nodes: Informer<Node>;
  readonly policies: Informer<NodeNetworkConfigurationPolicy>;
  readonly enactments: Informer<NodeNetworkConfigurationEnactment>;
}

/** Asks the factory for them. */
export function agentInformers(factory: InformerFactory, nodeName: string): AgentInformers {
  const uidOf = ({ metadata }: { readonly metadata: { readonly uid?: string | undefined } }): string[] =>
    metadata.uid === undefined ? [] : [metadata.uid];
  return {
    pods: factory.informer(pod, {
      fieldSelector: `spec.nodeName=${nodeName}`,
      indexes: { [byUid]: uidOf, [byVmi]: (one) => [one.metadata.labels?.[createdByLabel] ?? ''] },
    }),
    vmis: factory.informer(virtualMachineInstance, {
      labelSelector: `kubevirt.io/nodeName=${nodeName}`,
      indexes: { [byUid]: uidOf },
    }),
    nads: factory.informer(networkAttachmentDefinition),
    nodes: factory.informer(node),
    policies: factory.informer(nodeNetworkConfigurationPolicy),
    enactments: factory.informer(nodeNetworkConfigurationEnactment),
  };
}
