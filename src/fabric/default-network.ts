/** The default pod network as northbound rows, with the names that OVN-Kubernetes gives them (pure). */
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { GATEWAY, MANAGEMENT } from './address-allocator.ts';
import type { PodNetwork } from './annotations.ts';
import { type Cidr, formatAddress, formatCidr, macOf } from './cidr.ts';
import type { DefaultNetworkConfig } from './config.ts';

const CLUSTER_ROUTER = 'ovn_cluster_router';

/** A node with its place in the network. Subnets: one per family. */
export interface NodePlace {
  readonly name: string;
  readonly subnets: readonly Cidr[];
}

/** A pod with its place in the network. Addresses: one per family. */
export interface PodPlace {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: NodePlace;
  readonly addresses: readonly number[];
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

/** A node's switch and its link to the cluster router. */
export function composeNode({ name, subnets }: NodePlace, config: DefaultNetworkConfig): readonly NbRow[] {
  const [toRouter, toSwitch] = [`stor-${name}`, `rtos-${name}`];
  const gateways = subnets.map(({ base }) => base + GATEWAY);
  return [
    {
      ...switchOf(name),
      columns: {
        name,
        other_config: {
          ...Object.fromEntries(subnets.map((subnet) => ['subnet', formatCidr(subnet)])),
          ...Object.fromEntries(subnets.map(({ base }) => ['exclude_ips', formatAddress(base + MANAGEMENT)])),
          mtu: String(config.mtu),
        },
      },
    },
    {
      table: 'Logical_Router_Port',
      key: toSwitch,
      columns: {
        name: toSwitch,
        mac: macOf(gateways[0] ?? 0),
        networks: subnets.map(({ base, prefix }) => formatCidr({ base: base + GATEWAY, prefix })),
      },
      parent: { ...ROUTER, column: 'ports' },
    },
    {
      table: 'Logical_Switch_Port',
      key: toRouter,
      columns: {
        name: toRouter,
        type: 'router',
        addresses: ['router'],
        options: { 'router-port': toSwitch },
      },
      parent: { ...switchOf(name), column: 'ports' },
    },
  ];
}

/** Keys of a node's rows: for its removal. */
export function nodeRowKeys(name: string): readonly RowKey[] {
  return [
    switchOf(name),
    { table: 'Logical_Router_Port', key: `rtos-${name}` },
    { table: 'Logical_Switch_Port', key: `stor-${name}` },
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
  const gateways = pod.node.subnets.map(({ base }) => formatAddress(base + GATEWAY));
  const [nextHop] = gateways;
  const reached = [
    ...config.clusterNetwork.map(({ cidr }) => cidr),
    ...config.serviceNetwork,
    ...config.joinSubnets,
  ];
  return {
    addresses: pod.addresses.map(
      (address, i) => `${formatAddress(address)}/${pod.node.subnets[i]?.prefix ?? 32}`,
    ),
    mac: pod.mac,
    gateways,
    routes: nextHop === undefined ? [] : reached.map((dest) => ({ dest, nextHop })),
  };
}

function switchOf(node: string): RowKey {
  return { table: 'Logical_Switch', key: node };
}
