/** Networks of topology layer3 as northbound rows: a switch on each node, joined by a router; names as upstream's (pure). */
import type { IpRange } from '#api/ip-range.ts';
import { type OvnNetwork, ovnPrefix } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { gatewayOffset } from '#api/k8s.ovn.org/node-subnets.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { interfaceAt } from './addresses.ts';
import { switchConfig } from './default-network.ts';
import type { Egress, GatewayNode } from './egress.ts';
import { composeExits, exitKeys } from './exits.ts';
import { routerKey, switchKey } from './flat-network.ts';
import { composeEgress, egressKeys } from './gateway.ts';
import { composeGuard } from './guard.ts';
import { composeRouter } from './primary-network.ts';
import { routerPort, switchPort } from './router-rows.ts';

/** A node's part of a network. */
export interface NodePart {
  readonly network: OvnNetwork;
  readonly node: string;
  /** One per family. */
  readonly subnets: readonly IpRange[];
}

/** Rows that are there once, and the gateways of all nodes when the network has ways out. */
export function composeLayer3Network(
  network: OvnNetwork,
  egress: Egress | undefined,
  nodes: readonly GatewayNode[],
): readonly NbRow[] {
  return [composeRouter(network), ...(egress === undefined ? [] : composeEgress(egress, nodes))];
}

/** Keys of those rows. */
export function layer3NetworkKeys(
  network: OvnNetwork,
  egress: Egress | undefined,
  nodes: readonly GatewayNode[],
): readonly RowKey[] {
  return [routerKey(network), ...(egress === undefined ? [] : egressKeys(egress, nodes))];
}

/** A node's switch, its link to the router, and the way out of its pods by its own gateway. */
export function composeNodePart(
  { network, node, subnets }: NodePart,
  egress: Egress | undefined,
  gateway: GatewayNode | undefined,
): readonly NbRow[] {
  const ownSwitch = switchKey(network, node);
  const { key: name } = ownSwitch;
  const { toRouter, toSwitch } = linkNames(network, node);
  const other_config = { ...Object.fromEntries(subnets.flatMap(switchConfig)), mtu: String(network.mtu) };
  return [
    {
      ...ownSwitch,
      columns: {
        name,
        other_config,
        external_ids: {
          'k8s.ovn.org/network': network.name,
          'k8s.ovn.org/topology': network.topology,
          'k8s.ovn.org/role': network.role,
        },
      },
    },
    routerPort(
      routerKey(network),
      toSwitch,
      subnets.map((subnet) => interfaceAt(subnet, gatewayOffset)),
    ),
    switchPort(name, toRouter, toSwitch),
    ...composeGuard({ switchKey: ownSwitch, isAddressed: true, trusted: [toRouter] }),
    ...(egress === undefined || gateway === undefined ? [] : composeExits(egress, gateway, node, subnets)),
  ];
}

/** Keys of those rows. */
export function nodePartKeys(
  network: OvnNetwork,
  node: string,
  egress: Egress | undefined,
): readonly RowKey[] {
  const { toRouter, toSwitch } = linkNames(network, node);
  return [
    switchKey(network, node),
    { table: 'Logical_Router_Port', key: toSwitch },
    { table: 'Logical_Switch_Port', key: toRouter },
    ...(egress === undefined ? [] : exitKeys(egress, node)),
  ];
}

function linkNames(
  { name }: OvnNetwork,
  node: string,
): { readonly toRouter: string; readonly toSwitch: string } {
  const switchName = `${ovnPrefix(name)}${node}`;
  return { toRouter: `stor-${switchName}`, toSwitch: `rtos-${switchName}` };
}
