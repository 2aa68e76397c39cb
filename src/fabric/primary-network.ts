/** What a primary network has besides its switch: a router with the gateway's address, and ways out (pure). */
import { formatIp } from '#api/ip-range.ts';
import { type OvnNetwork, ovnPrefix } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { parseCidr } from './cidr.ts';
import { type FlatPlace, flatPortKey, switchKey } from './flat-network.ts';
import {
  composeExit,
  composeGateway,
  composeJoin,
  type Egress,
  exitKey,
  type GatewayNode,
  gatewayKeys,
  joinKeys,
  masqueradeOf,
  routerPort,
  switchPort,
} from './gateway.ts';

/** Range between the routers of a network, when its definition names none. */
const defaultJoin = '100.65.0.0/16';

/** The ways out of a primary network; undefined where it has no IPv4 subnet. `slot` numbers the primary networks. */
export function primaryEgress(network: OvnNetwork, slot: number): Egress | undefined {
  const subnet = network.subnets.find(({ family }) => family === 4);
  const joinRange = network.joinSubnets.find(({ family }) => family === 4);
  const join = parseCidr(
    joinRange === undefined ? defaultJoin : `${formatIp(4, joinRange.base)}/${joinRange.prefix}`,
  );
  return subnet === undefined || join === undefined
    ? undefined
    : {
        prefix: ovnPrefix(network.name),
        router: routerKey(network),
        join,
        inside: [`${formatIp(4, subnet.base)}/${subnet.prefix}`],
        masquerade: masqueradeOf(slot),
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
  const subnet = network.subnets.find(({ family }) => family === 4);
  const gateway = Number((subnet?.base ?? 0n) + 1n);
  return [
    {
      ...router,
      columns: {
        name: router.key,
        options: { always_learn_from_arp_request: 'false' },
        external_ids: { 'k8s.ovn.org/network': network.name, 'k8s.ovn.org/role': 'primary' },
      },
    },
    routerPort(router, `trtos-${name}`, gateway, subnet?.prefix ?? 32),
    switchPort(name, `stotr-${name}`, `trtos-${name}`),
    ...composeJoin(egress),
    ...nodes.flatMap((node) => composeGateway(egress, node)),
  ];
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
  const address = place.addresses.find(({ family }) => family === 4);
  return node === undefined || address === undefined
    ? []
    : [composeExit(egress, node, flatPortKey(place).key, `${formatIp(4, address.value)}/32`)];
}

/** Key of a pod's way out. */
export function podExitKey(place: FlatPlace, egress: Egress): RowKey {
  return exitKey(egress, flatPortKey(place).key);
}

function routerKey({ name }: OvnNetwork): RowKey {
  return { table: 'Logical_Router', key: `${ovnPrefix(name)}transit_router` };
}
