/** Ways out of the default network: each node's pods leave by their own node (pure). */
import { sizeOfRange } from '#api/ip-range.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { type DefaultNetworkConfig, validateNetwork } from './config.ts';
import { CLUSTER_ROUTER_KEY, type NodePlace } from './default-network.ts';
import { defaultMasquerade, type Egress, type GatewayNode } from './egress.ts';
import { composeExits, exitKeys } from './exits.ts';
import { composeGateway, composeJoin, gatewayKeys } from './gateway.ts';

function egressOf(config: DefaultNetworkConfig): Egress {
  return {
    prefix: '',
    router: CLUSTER_ROUTER_KEY,
    families: validateNetwork(config).map(({ network, join }) => ({
      join,
      inside: [network],
      masquerade: defaultMasquerade(network.family),
    })),
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
  return [...composeGateway(egress, node), ...composeExits(egress, node, place.name, place.subnets)];
}

/** Keys of those rows. */
export function nodeEgressKeys(node: string, config: DefaultNetworkConfig): readonly RowKey[] {
  const egress = egressOf(config);
  return [...gatewayKeys(egress, node), ...exitKeys(egress, node)];
}

/** A node with the number of its subnet in the primary family. */
export function gatewayNode({ name, subnets }: NodePlace, config: DefaultNetworkConfig): GatewayNode {
  const [first] = validateNetwork(config);
  const [subnet] = subnets;
  const index =
    subnet === undefined || first === undefined
      ? 0
      : Number((subnet.base - first.network.base) / sizeOfRange(subnet));
  return { name, index };
}

/** All of them. */
export function gatewayNodes(
  nodes: readonly NodePlace[],
  config: DefaultNetworkConfig,
): readonly GatewayNode[] {
  return nodes.map((node) => gatewayNode(node, config));
}
