/** Ways out of the default network: each node's pods leave by their own node (pure). */
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { formatCidr, parseCidr, requireCidr, sizeOf } from './cidr.ts';
import type { DefaultNetworkConfig } from './config.ts';
import { CLUSTER_ROUTER_KEY, type NodePlace } from './default-network.ts';
import {
  composeExit,
  composeGateway,
  composeJoin,
  defaultMasquerade,
  type Egress,
  exitKey,
  type GatewayNode,
  gatewayKeys,
} from './gateway.ts';

function egressOf({ clusterNetwork, joinSubnets }: DefaultNetworkConfig): Egress {
  return {
    prefix: '',
    router: CLUSTER_ROUTER_KEY,
    join: requireCidr(joinSubnets[0] ?? '', 'joinSubnets[0]'),
    inside: clusterNetwork.map(({ cidr }) => cidr),
    masquerade: defaultMasquerade,
  };
}

/** Rows that are there once. */
export function composeClusterEgress(config: DefaultNetworkConfig): readonly NbRow[] {
  return composeJoin(egressOf(config));
}

/** A node's gateway, and the way of its pods to it. */
export function composeNodeEgress(place: NodePlace, config: DefaultNetworkConfig): readonly NbRow[] {
  const egress = egressOf(config);
  const node = gatewayNode(place, config);
  return [
    ...composeGateway(egress, node),
    ...place.subnets.map((subnet) => composeExit(egress, node, place.name, formatCidr(subnet))),
  ];
}

/** Keys of those rows. */
export function nodeEgressKeys(node: string, config: DefaultNetworkConfig): readonly RowKey[] {
  const egress = egressOf(config);
  return [...gatewayKeys(egress, node), exitKey(egress, node)];
}

/** A node with the number of its subnet. */
export function gatewayNode(
  { name, subnets }: NodePlace,
  { clusterNetwork }: DefaultNetworkConfig,
): GatewayNode {
  const [first] = clusterNetwork;
  const [subnet] = subnets;
  const network = parseCidr(first?.cidr ?? '');
  const index =
    subnet === undefined || network === undefined ? 0 : (subnet.base - network.base) / sizeOf(subnet.prefix);
  return { name, index };
}

/** All of them. */
export function gatewayNodes(
  nodes: readonly NodePlace[],
  config: DefaultNetworkConfig,
): readonly GatewayNode[] {
  return nodes.map((node) => gatewayNode(node, config));
}
