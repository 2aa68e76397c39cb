/** Frames byte by byte, as an attacker would write them: nothing is checked, every field may lie. */

/** Ethernet types. */
export const etherType = {
  ip4: 0x0800,
  arp: 0x0806,
  ip6: 0x86dd,
  vlan: 0x8100,
  qinq: 0x88a8,
  mpls: 0x8847,
  lldp: 0x88cc,
};

/** Broadcast. */
export const everybody = 'ff:ff:ff:ff:ff:ff';

/** Bytes of a MAC. */
export function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

/** Bytes of an IPv4 address. */
export function ip4(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number));
}

/** Bytes of an IPv6 address, without the form that ends in an IPv4 address. */
export function ip6(text: string): Buffer {
  const [head = '', tail] = text.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [words(head), words(tail ?? '')];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.from([...before, ...zeros, ...after].map((word) => word.padStart(4, '0')).join(''), 'hex');
}

/** What `watch.py` knows a frame by; at most 12 characters, so that it fits into the padding of an ARP frame. */
export function mark(name: string): Buffer {
  if (!/^[\w.-]{1,12}$/.test(name)) {
    throw new Error(`mark "${name}" is to be 1 to 12 of letters, digits, ".", "-" and "_"`);
  }
  return Buffer.from(`\u00c5PBI${name};`, 'latin1');
}

/** An Ethernet frame, padded to 60 bytes. `tags` are what stands between the addresses and the type. */
export function ethernet(
  { dst, src, type }: { readonly dst: string; readonly src: string; readonly type: number },
  payload: Uint8Array,
  tags: readonly Uint8Array[] = [],
): Buffer {
  const frame = Buffer.concat([mac(dst), mac(src), ...tags, word(type), payload]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length))]);
}

/** A tag of 802.1Q or 802.1ad. */
export function tag(id: number, type = etherType.vlan, priority = 0): Buffer {
  return Buffer.concat([word(type), word((priority << 13) | id)]);
}

/** ARP, with the mark behind it. */
export function arp(
  op: 'request' | 'reply',
  {
    sha,
    spa,
    tha,
    tpa,
  }: { readonly sha: string; readonly spa: string; readonly tha?: string; readonly tpa: string },
  marked: Buffer,
): Buffer {
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, op === 'request' ? 1 : 2]);
  return Buffer.concat([head, mac(sha), ip4(spa), mac(tha ?? '00:00:00:00:00:00'), ip4(tpa), marked]);
}

/** What may be said of an IPv4 packet besides its addresses. */
export interface Ip4Fields {
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  /** A multiple of 4 bytes. */
  readonly options?: Uint8Array;
  /** Bytes. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  readonly ttl?: number;
}

/** An IPv4 packet. */
export function ipv4(fields: Ip4Fields, payload: Uint8Array): Buffer {
  const options = fields.options ?? Buffer.alloc(0);
  const header = Buffer.alloc(20 + options.length);
  header[0] = 0x40 | (header.length / 4);
  header.writeUInt16BE(header.length + payload.length, 2);
  header.writeUInt16BE(0x1234, 4);
  const more = fields.moreFragments === true ? 0x2000 : 0;
  header.writeUInt16BE(more | ((fields.fragmentOffset ?? 0) / 8), 6);
  header[8] = fields.ttl ?? 64;
  header[9] = fields.protocol;
  header.set(ip4(fields.src), 12);
  header.set(ip4(fields.dst), 16);
  header.set(options, 20);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** An IPv6 packet; `extensions` are whole headers whose own next-header fields are given. */
export function ipv6(
  {
    src,
    dst,
    next,
    hops = 255,
  }: { readonly src: string; readonly dst: string; readonly next: number; readonly hops?: number },
  payload: Uint8Array,
): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payload.length, 4);
  header[6] = next;
  header[7] = hops;
  header.set(ip6(src), 8);
  header.set(ip6(dst), 24);
  return Buffer.concat([header, payload]);
}

/** UDP without a checksum over IPv4; over IPv6 give `over`, where one is needed. */
export function udp(
  { from, to }: { readonly from: number; readonly to: number },
  payload: Uint8Array,
  over?: { readonly src: string; readonly dst: string },
): Buffer {
  const header = Buffer.concat([word(from), word(to), word(8 + payload.length), word(0)]);
  const segment = Buffer.concat([header, payload]);
  if (over !== undefined) {
    segment.writeUInt16BE(checksum(Buffer.concat([pseudo(over, 17, segment.length), segment])) || 0xffff, 6);
  }
  return segment;
}

/** A TCP segment that opens a connection over either family, with the mark as its data. */
export function tcpSyn(
  { from, to }: { readonly from: number; readonly to: number },
  over: { readonly src: string; readonly dst: string },
  payload: Uint8Array,
): Buffer {
  const header = Buffer.concat([
    word(from),
    word(to),
    Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]),
  ]);
  const segment = Buffer.concat([header, payload]);
  const before = over.src.includes(':')
    ? pseudo(over, 6, segment.length)
    : Buffer.concat([ip4(over.src), ip4(over.dst), Buffer.from([0, 6]), word(segment.length)]);
  segment.writeUInt16BE(checksum(Buffer.concat([before, segment])), 16);
  return segment;
}

/** ICMP for IPv4. */
export function icmp(type: number, code: number, rest: Uint8Array): Buffer {
  const message = Buffer.concat([Buffer.from([type, code, 0, 0]), rest]);
  message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** ICMPv6. */
export function icmp6(
  type: number,
  over: { readonly src: string; readonly dst: string },
  rest: Uint8Array,
): Buffer {
  const message = Buffer.concat([Buffer.from([type, 0, 0, 0]), rest]);
  message.writeUInt16BE(checksum(Buffer.concat([pseudo(over, 58, message.length), message])), 2);
  return message;
}

/** An option of neighbour discovery; `length` in units of 8 bytes, true unless it is told to lie. */
export function ndOption(type: number, value: Uint8Array, length = (value.length + 2) / 8): Buffer {
  return Buffer.concat([Buffer.from([type, length]), value]);
}

/** The link-local address that a MAC gives. */
export function linkLocal(of: string): string {
  const bytes = mac(of);
  const eui = Buffer.concat([bytes.subarray(0, 3), Buffer.from([0xff, 0xfe]), bytes.subarray(3)]);
  eui[0] = (eui[0] ?? 0) ^ 2;
  return `fe80::${(eui.toString('hex').match(/..../g) ?? []).join(':')}`;
}

/** Two bytes. */
export function word(value: number): Buffer {
  return Buffer.from([(value >> 8) & 0xff, value & 0xff]);
}

function pseudo(over: { readonly src: string; readonly dst: string }, next: number, length: number): Buffer {
  return Buffer.concat([
    ip6(over.src),
    ip6(over.dst),
    Buffer.from([0, 0]),
    word(length),
    Buffer.from([0, 0, 0, next]),
  ]);
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}
