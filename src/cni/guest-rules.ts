/** nftables rules about what a guest or pod may send, frame by frame; what they match is dropped (pure). */
import ipaddr from 'ipaddr.js';
import type { NftObject } from '#node-state/nft.ts';

/** The matches of one rule; all of them must hold for the frame to be dropped. */
export type Forbidden = readonly NftObject[];

/** Option types of neighbour discovery, and the ICMPv6 messages that carry them at the given byte. */
const sourceOption = 1;
const targetOption = 2;
const discovery = [
  { type: 133, at: 8, option: sourceOption },
  { type: 135, at: 24, option: sourceOption },
  { type: 136, at: 24, option: targetOption },
];

/** Ethernet types that carry addresses we can check; all else (802.3 lengths, 802.1ad, MPLS, LLDP) is a way round. */
export function otherProtocols(mayTag: boolean): Forbidden {
  const types = ['ip', 'arp', 'ip6', ...(mayTag ? ['vlan'] : [])];
  return [unequal(payload('ether', 'type'), { set: types })];
}

/** Another source than the own MAC, in the frame, in ARP and in neighbour discovery. */
export function otherMacs(mac: string): readonly Forbidden[] {
  return [
    [unequal(payload('ether', 'saddr'), mac)],
    [unequal(payload('arp', 'saddr ether'), mac)],
    ...otherLinkLayers(mac),
  ];
}

/**
 * Neighbour discovery that tells another MAC. Whatever option comes first is looked at, and a neighbour's message has no
 * other than that one: a second one could be the lie.
 */
export function otherLinkLayers(mac: string): readonly Forbidden[] {
  const number = Number.parseInt(mac.replaceAll(':', ''), 16);
  const told = discovery.map(({ type, at, option }) => [
    equal(payload('icmpv6', 'type'), type),
    equal(raw(at * 8, 8), option),
    unequal(raw((at + 2) * 8, 48), number),
  ]);
  const longer = [
    equal(payload('icmpv6', 'type'), { set: [135, 136] }),
    { match: { op: '>', left: payload('ip6', 'length'), right: 32 } },
  ];
  return [...told, longer];
}

/**
 * Questions for the MAC of anybody but these: what an end sends that is on its network for the node alone (on a
 * primary user-defined network that is `eth0`). Neighbour solicitations go to the address itself or to its group; one that
 * asks for another of that group would be no question that OVN answers, and go to everybody on the switch.
 */
export function otherNeighbours(allowed: readonly string[]): readonly Forbidden[] {
  const v4 = allowed.filter((address) => !address.includes(':'));
  const v6 = allowed.filter((address) => address.includes(':'));
  const solicited = v6.flatMap((address) => [address, solicitedNode(address)]);
  return [
    [
      equal(payload('arp', 'operation'), 'request'),
      ...(v4.length === 0 ? [] : [unequal(payload('arp', 'daddr ip'), { set: v4 })]),
    ],
    [
      equal(payload('icmpv6', 'type'), 135),
      ...(v6.length === 0 ? [] : [unequal(payload('ip6', 'daddr'), { set: solicited })]),
    ],
    ...(v6.length === 0
      ? []
      : [[equal(payload('icmpv6', 'type'), 135), unequal(raw(8 * 8, 128), { set: v6.map(hexOf) })]]),
  ];
}

/** `0x…` of 128 bits, which nft takes for a number where JSON has none so large. */
function hexOf(address: string): string {
  return `0x${Buffer.from(ipaddr.parse(address).toByteArray()).toString('hex')}`;
}

/** The multicast group of an IPv6 address (RFC 4291, 2.7.1). */
function solicitedNode(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray().slice(-3);
  const [a = 0, b = 0, c = 0] = bytes;
  return `ff02::1:ff${a.toString(16).padStart(2, '0')}:${((b << 8) | c).toString(16)}`;
}

/** What only routers say, and that OVN's ACLs cannot stop: router advertisements, MLD queries, redirects. */
export const routers: Forbidden = [equal(payload('icmpv6', 'type'), { set: [130, 134, 137] })];

/** What only servers and routers say. */
export const servers: readonly Forbidden[] = [
  routers,
  [equal(payload('udp', 'sport'), 67)],
  [equal(payload('udp', 'dport'), 68)],
  [equal(payload('udp', 'sport'), 547)],
  [equal(payload('udp', 'dport'), 546)],
  [equal(payload('icmp', 'type'), 5)],
  [equal(meta('l4proto'), 2), equal(payload('ip', 'daddr'), '224.0.0.1')],
];

/** Rules of a chain for frames that come from `link`, or for all of them. */
export function rulesOf(chain: string, forbidden: readonly Forbidden[], link?: string): readonly NftObject[] {
  const from = link === undefined ? [] : [equal(meta('iifname'), link)];
  return forbidden.map((matches) => ({
    rule: { chain, expr: [...from, ...matches, { counter: null }, { drop: null }] },
  }));
}

function equal(left: unknown, right: unknown): NftObject {
  return { match: { op: '==', left, right } };
}

function unequal(left: unknown, right: unknown): NftObject {
  return { match: { op: '!=', left, right } };
}

function meta(key: string): NftObject {
  return { meta: { key } };
}

function payload(protocol: string, field: string): NftObject {
  return { payload: { protocol, field } };
}

/** Bits of what follows the IP headers. */
function raw(offset: number, len: number): NftObject {
  return { payload: { base: 'th', offset, len } };
}
