/** What a guest sends to be taken for another one (T14): each frame bears the name of its lie as its mark. */
import {
  arp,
  ip6 as bytesOfIp6,
  ethernet,
  etherType,
  everybody,
  icmp6,
  ipv4,
  ipv6,
  linkLocal,
  mac,
  mark,
  ndOption,
  udp,
} from './frames.ts';

/** Who somebody is on a network. */
export interface Identity {
  readonly mac: string;
  readonly ip4: string;
  readonly ip6?: string;
}

/** Who is who in an attack. */
export interface Cast {
  readonly self: Identity;
  readonly victim: Identity;
  readonly gateway: Identity;
}

/** A unicast MAC. */
export function randomMac(random: () => number): string {
  const bytes = Array.from({ length: 6 }, () => Math.floor(random() * 256));
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 2;
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** An address that may be anywhere. */
export function randomIp4(random: () => number): string {
  return [1 + Math.floor(random() * 222), 0, 0, 0]
    .map((octet) => octet || Math.floor(random() * 255))
    .join('.');
}

/** What nobody forbids: it must arrive, or the frames beside it prove nothing. */
export function honest({ self, victim }: Cast): readonly Buffer[] {
  const src = self.mac;
  return [packet4(src, victim.mac, self.ip4, victim.ip4, 'honest')];
}

/** An honest frame that follows all others. */
export function last({ self, victim }: Cast): Buffer {
  return packet4(self.mac, victim.mac, self.ip4, victim.ip4, 'end');
}

/** Frames under another MAC. */
export function macLies({ self, victim, gateway }: Cast, random: () => number): readonly Buffer[] {
  const other = randomMac(random);
  return [
    packet4(other, victim.mac, self.ip4, victim.ip4, 'mac-random'),
    packet4(victim.mac, gateway.mac, victim.ip4, gateway.ip4, 'mac-victim'),
    packet4(gateway.mac, victim.mac, gateway.ip4, victim.ip4, 'mac-gateway'),
    packet4(other, everybody, self.ip4, '255.255.255.255', 'mac-bcast'),
    arpFrame(other, everybody, 'request', { sha: other, spa: self.ip4, tpa: victim.ip4 }, 'mac-arp'),
    na(other, { self, to: victim, target: linkLocal(other), lladdr: other }, 'mac-na'),
  ];
}

/** ARP and neighbour discovery that name another MAC than the frame comes from. */
export function addressLies({ self, victim, gateway }: Cast, random: () => number): readonly Buffer[] {
  const other = randomMac(random);
  const { mac: src, ip4: spa } = self;
  const target = self.ip6 ?? linkLocal(src);
  return [
    arpFrame(src, victim.mac, 'reply', { sha: other, spa, tpa: victim.ip4 }, 'sha-random'),
    arpFrame(src, everybody, 'request', { sha: gateway.mac, spa: gateway.ip4, tpa: victim.ip4 }, 'sha-gw'),
    na(src, { self, to: victim, target, lladdr: other }, 'tll-random'),
    ns(src, { self, to: victim, lladdr: other }, 'sll-random'),
  ];
}

/** Frames under the own MAC and another address: what a network that knows addresses must stop. */
export function ip4Lies({ self, victim, gateway }: Cast, random: () => number): readonly Buffer[] {
  const src = self.mac;
  const claims = (spa: string, name: string): readonly Buffer[] => [
    arpFrame(src, victim.mac, 'reply', { sha: src, spa, tpa: victim.ip4 }, `spa-${name}`),
    arpFrame(src, everybody, 'request', { sha: src, spa, tpa: spa }, `garp-${name}`),
    arpFrame(src, everybody, 'reply', { sha: src, spa, tha: everybody, tpa: spa }, `garpr-${name}`),
    packet4(src, victim.mac, spa, victim.ip4, `ip-${name}`),
    packet4(src, gateway.mac, spa, gateway.ip4, `ipgw-${name}`),
  ];
  return [
    ...claims(gateway.ip4, 'gw'),
    ...claims(randomIp4(random), 'any'),
    packet4(src, victim.mac, '127.0.0.1', victim.ip4, 'ip-loop'),
    packet4(src, victim.mac, '224.0.0.9', victim.ip4, 'ip-mcast'),
  ];
}

/** The same in IPv6: neighbour advertisements that take over, and foreign sources. */
export function ip6Lies({ self, victim, gateway }: Cast, random: () => number): readonly Buffer[] {
  const src = self.mac;
  const foreign = `2001:db8::${Math.floor(random() * 0xffff).toString(16)}`;
  const taken = victim.ip6 ?? linkLocal(victim.mac);
  const gate = gateway.ip6 ?? linkLocal(gateway.mac);
  const own = linkLocal(src);
  const body = (name: string): Buffer => udp({ from: 5, to: 9 }, mark(name));
  return [
    na(src, { self, to: victim, target: gate, lladdr: src }, 'na-gw'),
    na(src, { self, to: victim, target: foreign, lladdr: src }, 'na-any'),
    na(src, { self, to: victim, target: taken, lladdr: src }, 'na-victim'),
    // CVE-2023-5366: the target must be looked at also where no option, or one of another length, follows.
    na(src, { self, to: victim, target: gate }, 'na-bare'),
    na(src, { self, to: victim, target: gate, lladdr: src, optionLength: 2 }, 'na-length'),
    frame6(src, victim.mac, { src: foreign, dst: taken, next: 17 }, body('ip6-any')),
    frame6(src, victim.mac, { src: gate, dst: taken, next: 17 }, body('ip6-gw')),
    frame6(src, victim.mac, { src: linkLocal(victim.mac), dst: own, next: 17 }, body('ip6-ll')),
  ];
}

function packet4(src: string, dst: string, from: string, to: string, name: string): Buffer {
  const packet = ipv4({ src: from, dst: to, protocol: 17 }, udp({ from: 5001, to: 5002 }, mark(name)));
  return ethernet({ src, dst, type: etherType.ip4 }, packet);
}

function arpFrame(
  src: string,
  dst: string,
  op: 'request' | 'reply',
  who: Parameters<typeof arp>[1],
  name: string,
): Buffer {
  return ethernet({ src, dst, type: etherType.arp }, arp(op, who, mark(name)));
}

function frame6(
  src: string,
  dst: string,
  header: { readonly src: string; readonly dst: string; readonly next: number },
  payload: Uint8Array,
): Buffer {
  return ethernet({ src, dst, type: etherType.ip6 }, ipv6(header, payload));
}

function na(
  src: string,
  how: {
    readonly self: Identity;
    readonly to: Identity;
    readonly target: string;
    readonly lladdr?: string;
    readonly optionLength?: number;
  },
  name: string,
): Buffer {
  const over = { src: linkLocal(how.self.mac), dst: how.to.ip6 ?? linkLocal(how.to.mac) };
  const option = how.lladdr === undefined ? Buffer.alloc(0) : ndOption(2, mac(how.lladdr), how.optionLength);
  // Override and solicited.
  const rest = Buffer.concat([Buffer.from([0x60, 0, 0, 0]), bytesOfIp6(how.target), option, nonce(name)]);
  return frame6(src, how.to.mac, { ...over, next: 58 }, icmp6(136, over, rest));
}

function ns(
  src: string,
  how: { readonly self: Identity; readonly to: Identity; readonly lladdr: string },
  name: string,
): Buffer {
  const dst = how.to.ip6 ?? linkLocal(how.to.mac);
  const over = { src: linkLocal(how.self.mac), dst };
  const rest = Buffer.concat([Buffer.alloc(4), bytesOfIp6(dst), ndOption(1, mac(how.lladdr)), nonce(name)]);
  return frame6(src, how.to.mac, { ...over, next: 58 }, icmp6(135, over, rest));
}

/** An option that every receiver skips, as the place of the mark. */
function nonce(name: string): Buffer {
  const value = mark(name);
  return ndOption(14, Buffer.concat([value, Buffer.alloc(22 - value.length)]));
}
