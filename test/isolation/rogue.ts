/** What a guest sends to be taken for a router, a DHCP server or a switch (T16). */
import {
  ethernet,
  etherType,
  everybody,
  icmp,
  icmp6,
  ip4,
  ip6,
  ipv4,
  ipv6,
  linkLocal,
  mac,
  mark,
  ndOption,
  udp,
} from './frames.ts';
import type { Cast } from './spoofing.ts';

const allNodes = { mac: '33:33:00:00:00:01', ip6: 'ff02::1' };

/** Advertisements of a router, plain and in the disguises of RFC 7113, and redirects. */
export function routerLies({ self, victim, gateway }: Cast): readonly Buffer[] {
  const src = linkLocal(self.mac);
  const toAll = { src, dst: allNodes.ip6 };
  const toOne = { src, dst: linkLocal(victim.mac) };
  const redirect = icmp(5, 1, Buffer.concat([ip4(self.ip4), Buffer.alloc(28), mark('redirect4')]));
  const target = Buffer.concat([Buffer.alloc(4), ip6(src), ip6('fd00::1'), nonce('redirect6')]);
  return [
    frame6(self.mac, allNodes.mac, { ...toAll, next: 58 }, icmp6(134, toAll, advertisement('ra', self.mac))),
    frame6(
      self.mac,
      victim.mac,
      { ...toOne, next: 58 },
      icmp6(134, toOne, advertisement('ra-unicast', self.mac)),
    ),
    ...[
      [0, 'ra-hopopts'],
      [60, 'ra-dstopts'],
      [43, 'ra-routing'],
    ].map(([header, name]) => {
      const message = icmp6(134, toAll, advertisement(String(name), self.mac));
      const extension = Buffer.from([58, 0, 1, 4, 0, 0, 0, 0]);
      return frame6(
        self.mac,
        allNodes.mac,
        { ...toAll, next: Number(header) },
        Buffer.concat([extension, message]),
      );
    }),
    frame6(self.mac, victim.mac, { ...toOne, next: 58 }, icmp6(137, toOne, target)),
    ethernet(
      { src: self.mac, dst: victim.mac, type: etherType.ip4 },
      ipv4({ src: self.ip4, dst: victim.ip4, protocol: 1 }, redirect),
    ),
    ethernet(
      { src: self.mac, dst: victim.mac, type: etherType.ip4 },
      ipv4(
        { src: gateway.ip4, dst: victim.ip4, protocol: 1 },
        icmp(5, 1, Buffer.concat([ip4(self.ip4), mark('redirect-gw')])),
      ),
    ),
  ];
}

/** Answers of DHCP servers, in both families. */
export function dhcpLies({ self, victim }: Cast): readonly Buffer[] {
  const offer = (name: string): Buffer => {
    const message = Buffer.alloc(240);
    message.set([2, 1, 6, 0, 0x12, 0x34, 0x56, 0x78]);
    message.set(ip4(victim.ip4), 16);
    message.set(ip4(self.ip4), 20);
    message.set(mac(victim.mac), 28);
    message.set([0x63, 0x82, 0x53, 0x63], 236);
    return Buffer.concat([
      message,
      Buffer.from([53, 1, 2, 54, 4]),
      ip4(self.ip4),
      Buffer.from([255]),
      mark(name),
    ]);
  };
  const v4 = (dst: string, to: string, from: number, name: string): Buffer =>
    ethernet(
      { src: self.mac, dst, type: etherType.ip4 },
      ipv4({ src: self.ip4, dst: to, protocol: 17 }, udp({ from, to: 68 }, offer(name))),
    );
  const over = { src: linkLocal(self.mac), dst: linkLocal(victim.mac) };
  const v6 = (from: number, name: string): Buffer => {
    const advertise = Buffer.concat([Buffer.from([2, 1, 2, 3]), mark(name)]);
    return frame6(self.mac, victim.mac, { ...over, next: 17 }, udp({ from, to: 546 }, advertise, over));
  };
  return [
    v4(everybody, '255.255.255.255', 67, 'offer'),
    v4(victim.mac, victim.ip4, 67, 'offer-uni'),
    v4(victim.mac, victim.ip4, 1067, 'offer-port'),
    v6(547, 'dhcp6'),
    v6(1547, 'dhcp6-port'),
  ];
}

/** Queries of a multicast router. */
export function querierLies({ self }: Cast): readonly Buffer[] {
  const query = Buffer.concat([icmp(0x11, 100, Buffer.alloc(4)), mark('igmp')]);
  const src = linkLocal(self.mac);
  const over = { src, dst: allNodes.ip6 };
  const body = Buffer.concat([Buffer.from([0x27, 0x10, 0, 0]), Buffer.alloc(16), mark('mld')]);
  return [
    ethernet(
      { src: self.mac, dst: '01:00:5e:00:00:01', type: etherType.ip4 },
      ipv4(
        { src: self.ip4, dst: '224.0.0.1', protocol: 2, options: Buffer.from([0x94, 4, 0, 0]), ttl: 1 },
        query,
      ),
    ),
    frame6(self.mac, allNodes.mac, { ...over, next: 58, hops: 1 }, icmp6(130, over, body)),
  ];
}

/** What bridges tell each other: a root bridge of the best priority, and a neighbour. */
export function bridgeLies({ self }: Cast): readonly Buffer[] {
  const bpdu = Buffer.concat([Buffer.from([0x42, 0x42, 3, 0, 0, 0, 0, 0]), Buffer.alloc(30), mark('stp')]);
  const lldp = Buffer.concat([Buffer.from([2, 7, 4]), mac(self.mac), mark('lldp')]);
  return [
    ethernet({ src: self.mac, dst: '01:80:c2:00:00:00', type: bpdu.length }, bpdu),
    ethernet({ src: self.mac, dst: '01:80:c2:00:00:0e', type: etherType.lldp }, lldp),
    ethernet(
      { src: self.mac, dst: '01:80:c2:00:00:02', type: 0x8809 },
      Buffer.concat([Buffer.from([1, 1]), mark('lacp')]),
    ),
  ];
}

function advertisement(name: string, from: string): Buffer {
  const head = Buffer.from([64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ndOption(1, mac(from)), nonce(name)]);
}

function nonce(name: string): Buffer {
  const value = mark(name);
  return ndOption(14, Buffer.concat([value, Buffer.alloc(22 - value.length)]));
}

function frame6(
  src: string,
  dst: string,
  header: { readonly src: string; readonly dst: string; readonly next: number; readonly hops?: number },
  payload: Uint8Array,
): Buffer {
  return ethernet({ src, dst, type: etherType.ip6 }, ipv6(header, payload));
}
