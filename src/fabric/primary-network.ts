/** What a primary network has besides its switch: a router with the gateway's address, and ways out (pure). */
import { bitsOf, type IpFamily, type IpRange } from '#api/ip-range.ts';
import { type OvnNetwork, ovnPrefix } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { GATEWAY, interfaceAt, requireRange } from './addresses.ts';
import { type FlatPlace, flatPortKey, routerPortOf, switchKey } from './flat-network.ts';
import {
  composeExits,
  composeGateway,
  composeJoin,
  type Egress,
  exitKeys,
  type GatewayNode,
  gatewayKeys,
  joinKeys,
  masqueradeOf,
  routerPort,
  switchPort,
} from './gateway.ts';

/** Ranges between the routers of a network, when its definition names none. */
const defaultJoin: Readonly<Record<IpFamily, IpRange>> = {
  4: requireRange('100.65.0.0/16', 'joinSubnets'),
  6: requireRange('fd99::/64', 'joinSubnets'),
};

/** The ways out of a primary network; undefined where it has no subnet. `slot` numbers the primary networks. */
export function primaryEgress(network: OvnNetwork, slot: number): Egress | undefined {
  const families = network.subnets.map((subnet) => ({
    join: network.joinSubnets.find(({ family }) => family === subnet.family) ?? defaultJoin[subnet.family],
    inside: [subnet],
    masquerade: masqueradeOf(subnet.family, slot),
  }));
  return families.length === 0
    ? undefined
    : { prefix: ovnPrefix(network.name), router: routerKey(network), families };
}

/** Rows of the router, and of the gateways on all nodes. */
export function composePrimary(
  network: OvnNetwork,
  egress: Egress,
  nodes: readonly GatewayNode[],
): readonly NbRow[] {
  const router = routerKey(network);
  const { key: name } = switchKey(network);
  const gateways = network.subnets.map((subnet) => interfaceAt(subnet, GATEWAY));
  return [
    {
      ...router,
      columns: {
        name: router.key,
        options: { always_learn_from_arp_request: 'false' },
        external_ids: { 'k8s.ovn.org/network': network.name, 'k8s.ovn.org/role': 'primary' },
      },
    },
    routerPort(router, `trtos-${name}`, gateways, advertisement(network)),
    switchPort(name, routerPortOf(network), `trtos-${name}`),
    ...composeJoin(egress),
    ...nodes.flatMap((node) => composeGateway(egress, node)),
  ];
}

/** Guests with an IPv6 subnet learn their router, and that it is DHCPv6 to ask for an address, from advertisements. */
function advertisement({ subnets, mtu }: OvnNetwork): NbRow['columns'] {
  const isOn = subnets.some(({ family }) => family === 6);
  const config = {
    address_mode: 'dhcpv6_stateful',
    send_periodic: 'true',
    min_interval: '300',
    max_interval: '900',
    mtu: String(mtu),
  };
  return isOn ? { ipv6_ra_configs: config } : {};
}

/** Keys of those rows. */
export function primaryKeys(
  network: OvnNetwork,
  egress: Egress,
  nodes: readonly GatewayNode[],
): readonly RowKey[] {
  return [routerKey(network), ...joinKeys(egress), ...nodes.flatMap(({ name }) => gatewayKeys(egress, name))];
}

/** A pod's way out: the gateway of the node it is on. */
export function composePodExit(
  place: FlatPlace,
  egress: Egress,
  nodes: readonly GatewayNode[],
): readonly NbRow[] {
  const node = nodes.find(({ name }) => name === place.node);
  const sources = place.addresses.map(({ family, value }) => ({
    family,
    base: value,
    prefix: bitsOf(family),
  }));
  return node === undefined ? [] : composeExits(egress, node, flatPortKey(place).key, sources);
}

/** Keys of a pod's way out. */
export function podExitKeys(place: FlatPlace, egress: Egress): readonly RowKey[] {
  return exitKeys(egress, flatPortKey(place).key);
}

function routerKey({ name }: OvnNetwork): RowKey {
  return { table: 'Logical_Router', key: `${ovnPrefix(name)}transit_router` };
}
