/**
 * Ports of the default network whose pods are on a primary user-defined one. They are there for the health probes of their
 * node alone: its management port may open connections to them, and nothing else passes, as upstream (pure).
 *
 * Upstream's rule is `allow-related`. One such rule sends all IP packets of the node's switch through conntrack, and drops
 * those that it cannot follow, fragments among them (OVN 23.03, priority 65532 of ls_in_acl): those of every pod of the
 * default network. So answers are known by what they are instead. A pod that opens ports (`open-ports.ts`) has conntrack still:
 * its answers in UDP cannot be told otherwise.
 */
import { managementOffset } from '#api/k8s.ovn.org/node-subnets.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { addressAt, formatAddress } from './addresses.ts';
import type { NodePlace } from './default-network.ts';

/** Priority of what passes all the same. */
export const allowed = 1002;
const denied = 1001;

/**
 * What opens nothing: TCP segments with ACK (0x10) or RST (0x4), which all but the first of a connection have, and answers
 * to pings. ICMP errors are not here: without conntrack nothing tells whether what they speak of was ever sent.
 */
const answers = [
  'tcp.flags == 0x10/0x10',
  'tcp.flags == 0x4/0x4',
  'icmp4.type == 0',
  'icmp6.type == 129',
].join(' || ');

/** A node's group of such ports, and what passes there. Each node has its own: only its own probes reach its pods. */
export function composeLockedPorts({ name, subnets }: NodePlace, ports: readonly RowKey[]): readonly NbRow[] {
  const group = lockedGroupKey(name);
  const [from, to] = [`inport == @${group.key}`, `outport == @${group.key}`];
  const managers = subnets.map((subnet) => addressAt(subnet, managementOffset));
  const manager = (end: 'src' | 'dst'): string =>
    managers.map((ip) => `ip${ip.family}.${end} == ${formatAddress(ip)}`).join(' || ');
  // Neighbour discovery of IPv6 passes every ACL in OVN 23.03; the sandbox's guard asks for nobody else (`agent/`).
  const arp = managers.filter(({ family }) => family === 4).map(formatAddress);
  const acls = [
    composeAcl(group, `${group.key}-egress`, 'from-lport', denied, from, 'drop'),
    composeAcl(group, `${group.key}-ingress`, 'to-lport', denied, to, 'drop'),
    composeAcl(group, `${group.key}-probes`, 'to-lport', allowed, `${to} && (${manager('src')})`, 'allow'),
    composeAcl(
      group,
      `${group.key}-answers`,
      'from-lport',
      allowed,
      `${from} && (${manager('dst')}) && (${answers})`,
      'allow',
    ),
    ...arp.flatMap((ip) => [
      composeAcl(
        group,
        `${group.key}-arp-egress`,
        'from-lport',
        allowed,
        `${from} && arp && arp.tpa == ${ip}`,
        'allow',
      ),
      composeAcl(
        group,
        `${group.key}-arp-ingress`,
        'to-lport',
        allowed,
        `${to} && arp && arp.spa == ${ip}`,
        'allow',
      ),
    ]),
  ];
  const external_ids = { 'k8s.ovn.org/owner-type': 'UDNIsolation' };
  return [{ ...group, columns: { name: group.key, external_ids }, references: { ports } }, ...acls];
}

/** Key of a node's group; its ACLs go with it. Names of groups have no `-`, those of nodes no `_`. */
export function lockedGroupKey(node: string): RowKey {
  return { table: 'Port_Group', key: `udn_isolation_${node.replaceAll('-', '_')}` };
}

/** A rule of a group, with which it goes. */
export function composeAcl(
  group: RowKey,
  key: string,
  direction: string,
  priority: number,
  match: string,
  action: string,
): NbRow {
  return {
    table: 'ACL',
    key,
    columns: { priority, direction, match, action, name: [key.slice(0, longestName)] },
    parent: { ...group, column: 'acls' },
  };
}

/** OVN's limit for names of ACLs. */
const longestName = 63;
