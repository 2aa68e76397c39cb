/** OpenFlow rules that keep a port's owner from sending under another MAC (`macspoofchk`). */
import { createHash } from 'node:crypto';
import { type Row, setOf, stringMapOf, stringOf } from '#wire/ovsdb/codec.ts';
import { ALLOWED_MAC, type OvsView } from './view.ts';

/** A MAC as `ovs-ofctl` prints it. */
export const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Cookie of our flows: `pb` in the upper bytes, then the instance's tag, so that instances leave each other alone. */
export function cookieOf(tag: string): string {
  return `0x7062${createHash('sha256').update(tag).digest('hex').slice(0, 12)}`;
}

/**
 * The rules of one bridge, one per line as `ovs-ofctl dump-flows --no-names --no-stats` prints them. Frames of a
 * checked port pass with its own source MAC only, which ARP and neighbour discovery must also tell (upstream checks only
 * the former), and when a host may send them.
 */
export function composeFlows(view: OvsView, bridge: Row, cookie: string): readonly string[] {
  const flows: string[] = [];
  const rows = [...view.ports()].filter(
    (row) => view.isOurs(row) && view.bridgeOf(row)?._uuid === bridge._uuid,
  );
  for (const row of rows) {
    const mac = stringMapOf(row, 'external_ids')[ALLOWED_MAC];
    const local = view.interface(stringOf(row, 'name'));
    const ofport = local === undefined ? undefined : setOf(local, 'ofport')[0];
    if (mac !== undefined && typeof ofport === 'number' && ofport > 0) {
      flows.push(`cookie=${cookie}, priority=800,in_port=${ofport} actions=drop`);
      if (!MAC.test(mac)) {
        continue; // Somebody edited the database: nothing passes rather than anything.
      }
      const trunks = setOf(row, 'trunks');
      const isTrunk =
        setOf(row, 'tag').length === 0 && (trunks.length === 0 || trunks.some((id) => id !== 0));
      flows.push(...checkedPort(ofport, mac, isTrunk).map((flow) => `cookie=${cookie}, ${flow}`));
    }
  }
  return flows.sort();
}

/** Says only what a host says, never what a server, a router or a bridge does: DHCP, router advertisement, redirect, queries. */
const servers = [
  ['udp', 'tp_src=67'],
  ['udp', 'tp_dst=68'],
  ['udp6', 'tp_src=547'],
  ['udp6', 'tp_dst=546'],
  ['icmp', 'icmp_type=5'],
  ['icmp6', 'icmp_type=130'],
  ['icmp6', 'icmp_type=134'],
  ['icmp6', 'icmp_type=137'],
  ['ip', 'nw_dst=224.0.0.1,nw_proto=2'],
] as const;

/**
 * Rules of one port, in the order and form in which `dump-flows` prints their fields. A port of one VLAN takes no frame
 * with a tag, not even that of priority (VLAN 0), and only protocols whose addresses are looked at: 802.3 frames, 802.1ad
 * and MPLS are ways round (CVE-2021-27853, CVE-2021-27861).
 */
function checkedPort(port: number, mac: string, isTrunk: boolean): readonly string[] {
  const own = `in_port=${port},${isTrunk ? '' : 'vlan_tci=0x0000/0x1fff,'}dl_src=${mac}`;
  const none = '00:00:00:00:00:00';
  const discovery = [
    ['135', 'nd_sll'],
    ['136', 'nd_tll'],
  ].flatMap(([type, option]) => [
    ...[none, mac].map(
      (told) => `priority=915,icmp6,${own},icmp_type=${type},icmp_code=0,${option}=${told} actions=NORMAL`,
    ),
    `priority=912,icmp6,in_port=${port},icmp_type=${type} actions=drop`,
  ]);
  return [
    ...servers.map(([protocol, match]) => `priority=920,${protocol},in_port=${port},${match} actions=drop`),
    ...discovery,
    `priority=910,arp,${own},arp_sha=${mac} actions=NORMAL`,
    `priority=905,arp,in_port=${port} actions=drop`,
    `priority=900,ip,${own} actions=NORMAL`,
    `priority=900,ipv6,${own} actions=NORMAL`,
  ];
}

/** The rules of ours in the output of `dump-flows`, in the form of `composeFlows`. */
export function parseFlows(output: string): readonly string[] {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('cookie='))
    .sort();
}

/** Input of `ovs-ofctl --bundle add-flows`: puts `flows` in the place of whatever bears the cookie, atomically. */
export function formatReplacement(flows: readonly string[], cookie: string): string {
  const added = flows.map((flow) => `add ${flow.replace(' actions=', ',actions=').replace(', ', ',')}`);
  return `${[`delete cookie=${cookie}/-1`, ...added].join('\n')}\n`;
}
