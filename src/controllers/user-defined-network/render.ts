/** A user-defined network as the NetworkAttachmentDefinitions that realise it. Pure. */
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { ovnType } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { ClusterUserDefinedNetwork } from '#api/k8s.ovn.org/cluster-user-defined-network.ts';
import type { OwnerReference } from '#api/meta.ts';

/** What a network is, whichever kind it comes from. */
export type NetworkSpec = ClusterUserDefinedNetwork['spec']['network'];

/** Label of rendered definitions. */
export const renderedLabel = 'k8s.ovn.org/user-defined-network';
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
}

/** True when the network replaces the default one. */
export function isPrimary(spec: NetworkSpec): boolean {
  return spec.layer2?.role === 'Primary' || spec.layer3?.role === 'Primary';
}

/** Composes the definition of one namespace. */
export function renderDefinition(spec: NetworkSpec, target: RenderTarget): NetworkAttachmentDefinition {
  const { namespace, name, networkName, owner } = target;
  const config = {
    cniVersion: '1.0.0',
    name: networkName,
    type: ovnType,
    netAttachDefName: `${namespace}/${name}`,
    topology: spec.topology.toLowerCase(),
    role: isPrimary(spec) ? 'primary' : 'secondary',
    ...topologyConfig(spec),
  };
  return {
    metadata: {
      namespace,
      name,
      labels: { [renderedLabel]: '' },
      finalizers: [protection],
      ownerReferences: [owner],
    },
    spec: { config: JSON.stringify(config) },
  };
}

function topologyConfig({ layer2, layer3, localnet }: NetworkSpec): object {
  const joined = (list: readonly string[] | undefined): string | undefined => list?.join(',');
  if (layer2 !== undefined) {
    return {
      mtu: layer2.mtu,
      subnets: joined(layer2.subnets),
      reservedSubnets: joined(layer2.reservedSubnets),
      infrastructureSubnets: joined(layer2.infrastructureSubnets),
      defaultGatewayIPs: joined(layer2.defaultGatewayIPs),
      joinSubnet: joined(layer2.joinSubnets),
      allowPersistentIPs: layer2.ipam?.lifecycle === 'Persistent' || undefined,
    };
  }
  if (localnet !== undefined) {
    return {
      mtu: localnet.mtu,
      physicalNetworkName: localnet.physicalNetworkName,
      vlanID: localnet.vlan?.access?.id,
      subnets: joined(localnet.subnets),
      excludeSubnets: joined(localnet.excludeSubnets),
      allowPersistentIPs: localnet.ipam?.lifecycle === 'Persistent' || undefined,
    };
  }
  const subnets = layer3?.subnets.map(
    ({ cidr, hostSubnet }) => `${cidr}/${hostSubnet ?? (cidr.includes(':') ? 64 : 24)}`,
  );
  return { mtu: layer3?.mtu, subnets: joined(subnets), joinSubnet: joined(layer3?.joinSubnets) };
}
