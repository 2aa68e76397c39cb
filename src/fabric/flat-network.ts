/**
 * Networks of topology layer2 and localnet as northbound rows: one switch over all nodes, names as upstream's (pure). Ports
 * of pods are the same with every topology.
 */
import { containsIp, formatIp, formatRange, type HostIp, type Ip, type IpRange } from '#api/ip-range.ts';
import { type OvnNetwork, ovnPortName, ovnPrefix } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { macOf } from '#api/k8s.ovn.org/mac.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { composeGuard } from './guard.ts';

/** A pod's place on a network. */
export interface FlatPlace {
  /** Key in the pod's annotation: `<namespace>/<nad>`, with `/<n>` when attached again. */
  readonly key: string;
  readonly network: OvnNetwork;
  /** Name of the pod's end. */
  readonly interfaceName: string;
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly node: string;
  readonly mac: string;
  /** Where its addresses are from, one per family: the network's, or with topology layer3 its node's. */
  readonly subnets: readonly IpRange[];
  /** One per subnet; without subnets those asked for, with their prefix length. */
  readonly addresses: readonly HostIp[];
  /** Gateways of the pod's default route, when it asks for one on this network. */
  readonly gateways?: readonly Ip[];
  /** Host name of the guest, when the pod launches one: it asks for its address by DHCP. */
  readonly guest?: string;
  /** Name of that guest's machine. */
  readonly machine?: string;
}

/** Server that OVN answers DHCP as. */
const server = { ip: '169.254.1.1', mac: '0a:58:a9:fe:01:01' };
/** Seconds, as upstream. */
const leaseTime = '3500';

/** Gateway of a network in one of its subnets: the one it names, else the first address (of its infrastructure ranges). */
export function gatewayOf(network: OvnNetwork, subnet: IpRange): Ip {
  const { family, base } = subnet;
  const named = network.defaultGateways.find((ip) => ip.family === family && containsIp(subnet, ip.value));
  const range = network.infrastructureSubnets.find((one) => one.family === family);
  const first = range === undefined || range.base === base ? base + 1n : range.base;
  return named ?? { family, value: first };
}

/** MACs that no pod on these subnets may have: they are the network's own. */
export function reservedMacs(network: OvnNetwork, subnets: readonly IpRange[]): readonly string[] {
  const hasRouter = network.role === 'primary' || network.topology === 'layer3';
  return [server.mac, ...(hasRouter ? [macOf(subnets.map((subnet) => gatewayOf(network, subnet)))] : [])];
}

/** Rows of a network itself. */
export function composeFlatNetwork(network: OvnNetwork): readonly NbRow[] {
  const external_ids = {
    'k8s.ovn.org/network': network.name,
    'k8s.ovn.org/topology': network.topology,
    'k8s.ovn.org/role': network.role,
  };
  const name = switchKey(network).key;
  return [
    { ...switchKey(network), columns: { name, other_config: switchConfig(network), external_ids } },
    ...(network.topology === 'localnet' ? [composeLocalnetPort(network)] : []),
    ...composeDhcp(network),
    ...composeGuard({
      switchKey: switchKey(network),
      isAddressed: network.subnets.length > 0,
      trusted: [
        ...(network.topology === 'localnet' ? [localnetKey(network).key] : []),
        ...(network.role === 'primary' ? [routerPortOf(network)] : []),
      ],
    }),
  ];
}

/** Where nobody gives addresses and frames are in no VLAN of the network's own, guests may tag theirs themselves. */
function switchConfig({ mtu, subnets, vlan }: OvnNetwork): Readonly<Record<string, string>> {
  const mayTag = subnets.length === 0 && vlan === undefined;
  return { mtu: String(mtu), ...(mayTag && { 'vlan-passthru': 'true' }) };
}

/** Keys of a network's rows: for its removal. */
export function flatNetworkKeys(network: OvnNetwork): readonly RowKey[] {
  const dhcp = [4, 6].map((family): RowKey => dhcpKey(network, family === 4 ? 4 : 6));
  return [switchKey(network), localnetKey(network), ...dhcp];
}

/** The way to the physical network, which the nodes' bridge mappings name. */
function composeLocalnetPort(network: OvnNetwork): NbRow {
  const row = localnetKey(network);
  return {
    ...row,
    columns: {
      name: row.key,
      type: 'localnet',
      addresses: ['unknown'],
      options: { network_name: network.physicalNetwork },
      tag_request: network.vlan === undefined ? [] : [network.vlan],
    },
    parent: { ...switchKey(network), column: 'ports' },
  };
}

function composeDhcp(network: OvnNetwork): readonly NbRow[] {
  return network.subnets.map((subnet) => ({
    ...dhcpKey(network, subnet.family),
    columns: {
      cidr: formatRange(subnet),
      options:
        subnet.family === 6
          ? { server_id: server.mac }
          : {
              server_id: server.ip,
              server_mac: server.mac,
              lease_time: leaseTime,
              mtu: String(network.mtu),
              ...(network.role === 'primary' && { router: formatIp(4, gatewayOf(network, subnet).value) }),
            },
    },
  }));
}

/** A pod's port: only its own MAC passes, and only its own addresses where the network gives them. */
export function composeFlatPort(place: FlatPlace): NbRow {
  const { network, guest } = place;
  const row = flatPortKey(place);
  const who = [place.mac, ...place.addresses.map(({ family, value }) => formatIp(family, value))].join(' ');
  // OVN answers DHCP where a network is one switch, as upstream; elsewhere the launcher does.
  const isServed = guest !== undefined && network.topology !== 'layer3';
  const families = isServed ? place.subnets.map(({ family }) => family) : [];
  return {
    ...row,
    columns: {
      name: row.key,
      addresses: [who],
      port_security: [who],
      options: {
        'requested-chassis': place.node,
        'iface-id-ver': place.uid,
        // OVN puts it into a logical flow as it is: the quotes are part of it.
        ...(guest !== undefined && families.includes(4) && { hostname: JSON.stringify(guest) }),
      },
      external_ids: {
        namespace: place.namespace,
        pod: 'true',
        'k8s.ovn.org/network': network.name,
        'k8s.ovn.org/nad': place.key,
        'k8s.ovn.org/topology': network.topology,
      },
    },
    references: {
      dhcpv4_options: families.includes(4) ? [dhcpKey(network, 4)] : [],
      dhcpv6_options: families.includes(6) ? [dhcpKey(network, 6)] : [],
    },
    parent: { ...switchKey(network, place.node), column: 'ports' },
  };
}

/** Key of a port's row. */
export function flatPortKey({ key, namespace, pod }: Pick<FlatPlace, 'key' | 'namespace' | 'pod'>): RowKey {
  return { table: 'Logical_Switch_Port', key: ovnPortName(key, namespace, pod) };
}

/** Key of a network's switch; with topology layer3 of that of a node. */
export function switchKey({ name, topology }: OvnNetwork, node = ''): RowKey {
  const own = topology === 'layer3' ? node : `ovn_${topology}_switch`;
  return { table: 'Logical_Switch', key: `${ovnPrefix(name)}${own}` };
}

/** Key of the router of a network that has one. */
export function routerKey({ name, topology }: OvnNetwork): RowKey {
  const own = topology === 'layer3' ? 'ovn_cluster_router' : 'transit_router';
  return { table: 'Logical_Router', key: `${ovnPrefix(name)}${own}` };
}

/** Name of a primary network's port to its router. */
export function routerPortOf(network: OvnNetwork): string {
  return `stotr-${switchKey(network).key}`;
}

function localnetKey({ name }: OvnNetwork): RowKey {
  return { table: 'Logical_Switch_Port', key: `${ovnPrefix(name)}ovn_localnet_port` };
}

function dhcpKey({ name }: OvnNetwork, family: 4 | 6): RowKey {
  return { table: 'DHCP_Options', key: `${ovnPrefix(name)}dhcp${family}` };
}
