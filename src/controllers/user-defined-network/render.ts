/** A user-defined network as the NetworkAttachmentDefinitions that realise it. Pure. */
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { ovnType } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { ClusterUserDefinedNetwork } from '#api/k8s.ovn.org/cluster-user-defined-network.ts';
import { networkConfig } from '#api/k8s.ovn.org/network-config.ts';
import type { OwnerReference } from '#api/meta.ts';

/** What a network is, whichever kind it comes from. */
export type NetworkSpec = ClusterUserDefinedNetwork['spec']['network'];

/** Label of rendered definitions. */
const renderedLabel = 'k8s.ovn.org/user-defined-network';
/** Keeps networks and their definitions while pods are on them. */
export const protection = 'k8s.ovn.org/user-defined-network-protection';
/** Label of namespaces that may have a primary network. */
export const primaryLabel = 'k8s.ovn.org/primary-user-defined-network';

/** Where and for whom a definition is rendered. */
export interface RenderTarget {
  readonly namespace: string;
  readonly name: string;
  /** OVN's name of the network. */
  readonly networkName: string;
  readonly owner: OwnerReference;
  /** Of the network: its definitions have them too, as upstream. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Composes the definition of one namespace. */
export function renderDefinition(spec: NetworkSpec, target: RenderTarget): NetworkAttachmentDefinition {
  const { namespace, name, networkName, owner, labels } = target;
  const config = {
    cniVersion: '1.0.0',
    name: networkName,
    type: ovnType,
    netAttachDefName: `${namespace}/${name}`,
    ...networkConfig(spec),
  };
  return {
    metadata: {
      namespace,
      name,
      labels: { ...labels, [renderedLabel]: '' },
      finalizers: [protection],
      ownerReferences: [owner],
    },
    spec: { config: JSON.stringify(config) },
  };
}
