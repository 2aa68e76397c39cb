/** The default pod network as northbound rows, with the names that OVN-Kubernetes gives them (pure). */

import { bitsOf, formatRange, type Ip, type IpRange } from '#api/ip-range.ts';
import { macOf } from '#api/k8s.ovn.org/mac.ts';
import { gatewayOffset, managementOffset } from '#api/k8s.ovn.org/node-subnets.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { addressAt, formatAddress, formatInterface, interfaceAt } from './addresses.ts';
import type { PodNetwork } from './annotations.ts';
import type { DefaultNetworkConfig } from './config.ts';
import { composeGuard } from './guard.ts';
import { routerPort, switchPort } from './router-rows.ts';

const CLUSTER_ROUTER = 'ovn_cluster_router';

/** A node with its place in the network. Subnets: one per family. */
export interface NodePlace {
  readonly name: string;
  readonly subnets: readonly IpRange[];
}

/** A pod with its place in the network. Addresses: one per family. */
export interface PodPlace {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: NodePlace;
  readonly addresses: readonly Ip[];
  readonly mac: string;
}

/** Key of the cluster router. */
export const CLUSTER_ROUTER_KEY: RowKey = { table: 'Logical_Router', key: CLUSTER_ROUTER };
const ROUTER = CLUSTER_ROUTER_KEY;

/** Every row of the default network. */
export function composeDefaultNetwork(
  nodes: readonly NodePlace[],
  pods: readonly PodPlace[],
  config: DefaultNetworkConfig,
): readonly NbRow[] {
  return [
    ...composeCluster(),
    ...nodes.flatMap((node) => composeNode(node, config)),
    ...pods.map(composePod),
  ];
}

/** Rows that are there once. */
function composeCluster(): readonly NbRow[] {
  return [
    {
      ...ROUTER,
      columns: {
        name: CLUSTER_ROUTER,
        // Routers learn MACs from what they are asked, not from every broadcast they hear.
        options: { always_learn_from_arp_request: 'false' },
        external_ids: { 'k8s-cluster-router': 'yes' },
      },
    },
  ];
}

/** A node's switch, its link to the cluster router and its management port. */
export function composeNode({ name, subnets }: NodePlace, config: DefaultNetworkConfig): readonly NbRow[] {
  const [toRouter, toSwitch] = [`stor-${name}`, `rtos-${name}`];
  const gateways = subnets.map((subnet) => interfaceAt(subnet, gatewayOffset));
  const other_config = { ...Object.fromEntries(subnets.flatMap(switchConfig)), mtu: String(config.mtu) };
  return [
    { ...switchOf(name), columns: { name, other_config } },
    routerPort(ROUTER, toSwitch, gateways),
    switchPort(name, toRouter, toSwitch),
    composeManagementPort(name, subnets),
    ...composeGuard({
      switchKey: switchOf(name),
      isAddressed: true,
      trusted: [toRouter, managementKey(name).key],
    }),
  ];
}

/** `other_config` of a node's switch, by a subnet of it. */
export function switchConfig(subnet: IpRange): readonly (readonly [string, string])[] {
  return subnet.family === 6
    ? [['ipv6_prefix', formatAddress(addressAt(subnet, 0))]]
    : [
        ['subnet', formatRange(subnet)],
        ['exclude_ips', formatAddress(addressAt(subnet, managementOffset))],
      ];
}

/** The node's own way into its pods' network: `ovn-k8s-mp0`, which the node's agent makes. */
function composeManagementPort(node: string, subnets: readonly IpRange[]): NbRow {
  const { table, key } = managementKey(node);
  const addresses = subnets.map((subnet) => addressAt(subnet, managementOffset));
  return {
    table,
    key,
    columns: { name: key, addresses: [[macOf(addresses), ...addresses.map(formatAddress)].join(' ')] },
    parent: { ...switchOf(node), column: 'ports' },
  };
}

function managementKey(node: string): RowKey {
  return { table: 'Logical_Switch_Port', key: `k8s-${node}` };
}

/** Keys of a node's rows: for its removal. */
export function nodeRowKeys(name: string): readonly RowKey[] {
  return [
    switchOf(name),
    { table: 'Logical_Router_Port', key: `rtos-${name}` },
    { table: 'Logical_Switch_Port', key: `stor-${name}` },
    managementKey(name),
  ];
}

/** A pod's port: only its own MAC and addresses pass, and only on its node. */
export function composePod(pod: PodPlace): NbRow {
  const { key, table } = podRowKey(pod);
  const place = [pod.mac, ...pod.addresses.map(formatAddress)].join(' ');
  return {
    table,
    key,
    columns: {
      name: key,
      addresses: [place],
      port_security: [place],
      options: { 'requested-chassis': pod.node.name, 'iface-id-ver': pod.uid },
      external_ids: { namespace: pod.namespace, pod: 'true' },
    },
    parent: { ...switchOf(pod.node.name), column: 'ports' },
  };
}

/** Key of a pod's row. */
export function podRowKey({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): RowKey {
  return { table: 'Logical_Switch_Port', key: `${namespace}_${name}` };
}

/** A pod's place as its annotation says it. */
export function composePodNetwork(pod: PodPlace, config: DefaultNetworkConfig): PodNetwork {
  const reached = [
    ...config.clusterNetwork.map(({ cidr }) => cidr),
    ...config.serviceNetwork,
    ...config.joinSubnets,
  ];
  const homes = pod.addresses.map((ip) => ({
    ip,
    subnet: pod.node.subnets.find(({ family }) => family === ip.family),
  }));
  const gateways = homes.flatMap(({ subnet }) =>
    subnet === undefined ? [] : [addressAt(subnet, gatewayOffset)],
  );
  return {
    addresses: homes.map(({ ip, subnet }) =>
      formatInterface({ ip, prefix: subnet?.prefix ?? bitsOf(ip.family) }),
    ),
    mac: pod.mac,
    gateways: gateways.map(formatAddress),
    routes: reached.flatMap((dest) => {
      const nextHop = gateways.find(({ family }) => (family === 6) === dest.includes(':'));
      return nextHop === undefined ? [] : [{ dest, nextHop: formatAddress(nextHop) }];
    }),
  };
}

function switchOf(node: string): RowKey {
  return { table: 'Logical_Switch', key: node };
}
