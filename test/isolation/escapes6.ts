/** What a tenant sends over IPv6 to be heard outside of its own network (T17). */
import {
  ip6 as bytesOfIp6,
  ethernet,
  etherType,
  icmp6,
  ipv6,
  linkLocal,
  mac,
  mark,
  ndOption,
  tcpSyn,
  udp,
  word,
} from './frames.ts';
import type { Identity } from './spoofing.ts';

const mdns = { mac: '33:33:00:00:00:fb', ip6: 'ff02::fb' };
const allNodes = { mac: '33:33:00:00:00:01', ip6: 'ff02::1' };

/**
 * Probes of one IPv6 address: every protocol, extension headers behind which a filter may not look, fragments, and questions
 * for the neighbour. None when one of both has no such address.
 */
export function probes6(self: Identity, to: Identity, prefix: string): readonly Buffer[] {
  if (self.ip6 === undefined || to.ip6 === undefined) {
    return [];
  }
  const over = { src: self.ip6, dst: to.ip6 };
  const name = (what: string): Buffer => mark(`${prefix}-${what}`);
  const frame = (next: number, payload: Uint8Array): Buffer => packet(self.mac, to.mac, over, next, payload);
  const datagram = (what: string): Buffer => udp({ from: 5001, to: 5002 }, name(what), over);
  const header = (bytes: readonly number[], what: string): Buffer =>
    Buffer.concat([Buffer.from([17, ...bytes]), datagram(what)]);
  const question = Buffer.concat([
    Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 0x1c, 0, 1]),
    name('6dns'),
  ]);
  const cut = udp({ from: 5001, to: 53 }, Buffer.concat([Buffer.alloc(24), name('6frag')]), over);
  // Offset in units of 8 bytes in the upper 13 bits, the lowest says that more follow.
  const fragment = (offset: number, part: Uint8Array): Buffer =>
    frame(44, Buffer.concat([Buffer.from([17, 0]), word(offset), Buffer.from([0, 0, 0, 7]), part]));
  const sctp = Buffer.concat([
    word(5001),
    word(22),
    Buffer.alloc(8),
    Buffer.from([1, 0, 0, 20]),
    name('6sctp'),
  ]);
  const echo = Buffer.concat([Buffer.alloc(4), name('6icmp')]);
  return [
    // As over IPv4: what has no next header must not make a flow that lets all others pass.
    frame(59, name('6none')),
    frame(58, icmp6(128, over, echo)),
    ...[22, 80, 443, 6443, 10_250].map((port) =>
      frame(6, tcpSyn({ from: 40_000 + port, to: port }, over, name('6tcp'))),
    ),
    frame(17, udp({ from: 5353, to: 53 }, question, over)),
    frame(17, datagram('6udp')),
    frame(132, sctp),
    frame(0, header([0, 1, 4, 0, 0, 0, 0], '6hop')),
    frame(60, header([0, 1, 4, 0, 0, 0, 0], '6dst')),
    // A route of type 0 by way of the target.
    frame(
      43,
      Buffer.concat([Buffer.from([17, 2, 0, 1, 0, 0, 0, 0]), bytesOfIp6(to.ip6), datagram('6route')]),
    ),
    fragment(1, cut.subarray(0, 24)),
    fragment(24, cut.subarray(24)),
    ...neighbourProbes(self, to, name),
    packet(self.mac, mdns.mac, { ...over, dst: mdns.ip6 }, 17, multicast(over.src, mdns.ip6, 'all-6mdns')),
    packet(
      self.mac,
      allNodes.mac,
      { ...over, dst: allNodes.ip6 },
      17,
      multicast(over.src, allNodes.ip6, 'all-6udp'),
    ),
  ];
}

/** Solicitations, to the target and to its group, and an advertisement of the own address to it. */
function neighbourProbes(self: Identity, to: Identity, name: (what: string) => Buffer): readonly Buffer[] {
  const target = bytesOfIp6(to.ip6 ?? '');
  const group = solicitedNode(target);
  const ask = (dst: string, marked: Buffer): Buffer => {
    const over = { src: linkLocal(self.mac), dst };
    return icmp6(
      135,
      over,
      Buffer.concat([Buffer.alloc(4), target, ndOption(1, mac(self.mac)), nonce(marked)]),
    );
  };
  const told = { src: linkLocal(self.mac), dst: to.ip6 ?? '' };
  const own = bytesOfIp6(told.src);
  const advertisement = Buffer.concat([
    Buffer.from([0x60, 0, 0, 0]),
    own,
    ndOption(2, mac(self.mac)),
    nonce(name('6na')),
  ]);
  return [
    packet(self.mac, to.mac, told, 58, ask(told.dst, name('6ns'))),
    packet(self.mac, group.mac, { ...told, dst: group.ip6 }, 58, ask(group.ip6, mark('all-6ns'))),
    packet(self.mac, to.mac, told, 58, icmp6(136, told, advertisement)),
  ];
}

/** The group that owners of an address listen to. */
function solicitedNode(address: Buffer): { readonly mac: string; readonly ip6: string } {
  const [a = 0, b = 0, c = 0] = address.subarray(13);
  const hex = (...bytes: readonly number[]): string => Buffer.from(bytes).toString('hex');
  return {
    mac: `33:33:ff:${hex(a)}:${hex(b)}:${hex(c)}`,
    ip6: `ff02::1:ff${hex(a)}:${hex(b, c)}`,
  };
}

function multicast(src: string, dst: string, name: string): Buffer {
  return udp({ from: 5353, to: 5353 }, Buffer.concat([Buffer.alloc(12), mark(name)]), { src, dst });
}

function packet(
  src: string,
  dst: string,
  over: { readonly src: string; readonly dst: string },
  next: number,
  payload: Uint8Array,
): Buffer {
  return ethernet({ src, dst, type: etherType.ip6 }, ipv6({ ...over, next }, payload));
}

/** An option that every receiver skips, as the place of the mark. */
function nonce(value: Buffer): Buffer {
  return ndOption(14, Buffer.concat([value, Buffer.alloc(22 - value.length)]));
}
