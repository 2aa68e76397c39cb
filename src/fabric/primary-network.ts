/** What a primary network has besides its switch: a router with the gateway's address, and ways out (pure). */

import type { IpFamily, IpRange } from '#api/ip-range.ts';
import { type OvnNetwork, ovnPrefix } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { requireRange } from './addresses.ts';
import { type Egress, type GatewayNode, masqueradeOf } from './egress.ts';
import { gatewayOf, routerKey, routerPortOf, switchKey } from './flat-network.ts';
import { composeEgress, egressKeys } from './gateway.ts';
import { familiesOf } from './node-subnets.ts';
import { routerPort, switchPort } from './router-rows.ts';

/** Ranges between the routers of a network, when its definition names none. */
const defaultJoin: Readonly<Record<IpFamily, IpRange>> = {
  4: requireRange('100.65.0.0/16', 'joinSubnets'),
  6: requireRange('fd99::/64', 'joinSubnets'),
};

/** The ways out of a primary network; undefined where it has no subnet. `slot` numbers the primary networks. */
export function primaryEgress(network: OvnNetwork, slot: number): Egress | undefined {
  const families = familiesOf(network).map((family) => ({
    // Upstream has a link between routers from the one, and addresses of the gateways from the other; here a gateway has one.
    join:
      [...network.transitSubnets, ...network.joinSubnets].find((range) => range.family === family) ??
      defaultJoin[family],
    inside: network.subnets.filter((range) => range.family === family),
    masquerade: masqueradeOf(family, slot),
  }));
  return families.length === 0
    ? undefined
    : {
        prefix: ovnPrefix(network.name),
        router: routerKey(network),
        families,
        isFlat: network.topology !== 'layer3',
      };
}

/** Rows of the router, and of the gateways on all nodes. */
export function composePrimary(
  network: OvnNetwork,
  egress: Egress,
  nodes: readonly GatewayNode[],
): readonly NbRow[] {
  const router = routerKey(network);
  const { key: name } = switchKey(network);
  const gateways = network.subnets.map((subnet) => ({
    ip: gatewayOf(network, subnet),
    prefix: subnet.prefix,
  }));
  return [
    composeRouter(network),
    routerPort(router, `trtos-${name}`, gateways, advertisement(network)),
    switchPort(name, routerPortOf(network), `trtos-${name}`),
    ...composeEgress(egress, nodes),
  ];
}

/** The router of a network. */
export function composeRouter(network: OvnNetwork): NbRow {
  const router = routerKey(network);
  return {
    ...router,
    columns: {
      name: router.key,
      options: { always_learn_from_arp_request: 'false' },
      external_ids: { 'k8s.ovn.org/network': network.name, 'k8s.ovn.org/role': network.role },
    },
  };
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
  return [routerKey(network), ...egressKeys(egress, nodes)];
}
