/** A user-defined network as the configuration of its definitions (`spec.config`), but for names. Pure. */
import type { TypeOf } from '../schema.ts';
import type {
  layer2 as layer2Schema,
  layer3 as layer3Schema,
  localnet as localnetSchema,
} from './network-schema.ts';

/** What a network is, whichever kind it comes from. */
export interface NetworkParts {
  readonly topology: 'Layer2' | 'Layer3' | 'Localnet';
  readonly layer2?: TypeOf<typeof layer2Schema> | undefined;
  readonly layer3?: TypeOf<typeof layer3Schema> | undefined;
  readonly localnet?: TypeOf<typeof localnetSchema> | undefined;
}

/** True when the network replaces the default one. */
export function isPrimary({ layer2, layer3 }: NetworkParts): boolean {
  return layer2?.role === 'Primary' || layer3?.role === 'Primary';
}

/** Topology, role, and what the topology has. */
export function networkConfig(parts: NetworkParts): Readonly<Record<string, unknown>> {
  return {
    topology: parts.topology.toLowerCase(),
    role: isPrimary(parts) ? 'primary' : 'secondary',
    ...topologyConfig(parts),
  };
}

function topologyConfig({ layer2, layer3, localnet }: NetworkParts): object {
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
