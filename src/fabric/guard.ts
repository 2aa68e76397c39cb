/**
 * What pods and guests may never send into a switch, whatever their MAC and addresses: frames of bridges, and, where the
 * network gives addresses, what only its servers and routers say (pure). A few rows for a switch, none for a pod.
 */
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';

/** Above every policy; the highest that OVN takes is 32767. */
const priority = 32_000;

/** Frames that bridges keep to one link (802.1D): spanning tree, LACP, LLDP. */
const linkLocal = 'eth.dst == 01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0';

/**
 * Packets may not go round the check of addresses in another protocol (802.3 lengths, which Open vSwitch shows as 0x5ff,
 * MPLS, PPPoE, old double tags; OVN takes no list of what is allowed), and only the network gives addresses.
 * Router advertisements and MLD queries are not here: OVN 23.03 lets those pass every ACL (priority 65532 of its
 * ls_in_acl); `cni/guest-rules.ts` stops them at the pod. A general IGMP query is known by its destination, because
 * OVN cannot match the type.
 */
const addressed = [
  'eth.type == {0x5ff, 0x8847, 0x8848, 0x8863, 0x8864, 0x88cc, 0x9100}',
  '(ip4 && (udp.src == 67 || udp.dst == 68))',
  '(ip6 && (udp.src == 547 || udp.dst == 546))',
  'icmp4.type == 5',
  'icmp6.type == 137',
  '(ip.proto == 2 && ip4.dst == 224.0.0.1)',
];

/** What a switch's guard depends on. */
export interface GuardInput {
  readonly switchKey: RowKey;
  /** The network gives addresses, so it has the only DHCP servers and routers. */
  readonly isAddressed: boolean;
  /** Ports of the switch that are no pods: routers, the node, the physical network. */
  readonly trusted: readonly string[];
}

/** ACLs of a switch. They go with it. */
export function composeGuard({ switchKey, isAddressed, trusted }: GuardInput): readonly NbRow[] {
  const forbidden = [linkLocal, ...(isAddressed ? addressed : [])].join(' || ');
  const ports = trusted.map((port) => JSON.stringify(port)).join(', ');
  return [
    ...(trusted.length === 0
      ? []
      : [acl(switchKey, 'trusted', priority + 1, `inport == {${ports}}`, 'allow')]),
    acl(switchKey, 'guard', priority, forbidden, 'drop'),
  ];
}

function acl(switchKey: RowKey, name: string, level: number, match: string, action: string): NbRow {
  return {
    table: 'ACL',
    key: `${switchKey.key}-${name}`,
    columns: { priority: level, direction: 'from-lport', match, action, name: [name] },
    parent: { ...switchKey, column: 'acls' },
  };
}
