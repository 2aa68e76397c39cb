/** IP networks of both families as numbers. */
import { isIP } from 'node:net';

/** Address family. */
export type IpFamily = 4 | 6;

/** An address. */
export interface Ip {
  readonly family: IpFamily;
  readonly value: bigint;
}

/** An address with the prefix length that it has on its link, where that is known. */
export interface HostIp extends Ip {
  readonly prefix?: number;
}

/** A network: its first address and prefix length. */
export interface IpRange {
  readonly family: IpFamily;
  readonly base: bigint;
  readonly prefix: number;
}

/** Parses an address; undefined when it is none (or has a zone). */
export function parseIp(text: string): Ip | undefined {
  const family = isIP(text);
  if (family === 4) {
    return { family, value: octets(text) };
  }
  return family === 6 && !text.includes('%') ? { family, value: groups(text) } : undefined;
}

/** Parses an address with its prefix length, such as `10.1.1.3/24`; undefined when it is none. */
export function parseInterface(text: string): { readonly ip: Ip; readonly range: IpRange } | undefined {
  const [host = '', length = '', ...rest] = text.split('/');
  const ip = parseIp(host);
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (ip === undefined || rest.length > 0 || prefix < 0 || prefix > bitsOf(ip.family)) {
    return undefined;
  }
  const { family } = ip;
  const size = sizeOfRange({ family, prefix });
  return { ip, range: { family, base: ip.value - (ip.value % size), prefix } };
}

/** Parses a network; undefined when it is none or has host bits set. */
export function parseRange(text: string): IpRange | undefined {
  const parsed = parseInterface(text);
  return parsed !== undefined && parsed.ip.value === parsed.range.base ? parsed.range : undefined;
}

/** Parses networks joined by commas; what is none is left out (validation names it). */
export function parseRanges(text: string | undefined): readonly IpRange[] {
  return (text ?? '').split(',').flatMap((one) => parseInterface(one.trim())?.range ?? []);
}

/** Length of an address in bits. */
export function bitsOf(family: IpFamily): number {
  return family === 4 ? 32 : 128;
}

/** Number of addresses in a network. */
export function sizeOfRange({ family, prefix }: Pick<IpRange, 'family' | 'prefix'>): bigint {
  return 1n << BigInt(bitsOf(family) - prefix);
}

/** True when `inner` lies in `outer`. */
export function containsRange(outer: IpRange, inner: IpRange): boolean {
  return outer.family === inner.family && inner.prefix >= outer.prefix && containsIp(outer, inner.base);
}

/** True when an address of the network's family lies in it. */
export function containsIp({ base, family, prefix }: IpRange, value: bigint): boolean {
  return value >= base && value < base + sizeOfRange({ family, prefix });
}

/** True when two networks share an address. */
export function overlap(a: IpRange, b: IpRange): boolean {
  return containsRange(a, b) || containsRange(b, a);
}

/** `10.1.1.3`, `fd00::3` (RFC 5952). */
export function formatIp(family: IpFamily, value: bigint): string {
  if (family === 4) {
    const bits = Number(value);
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  }
  const hex = value.toString(16).padStart(32, '0');
  const parts = Array.from({ length: 8 }, (_, i) =>
    Number.parseInt(hex.slice(4 * i, 4 * i + 4), 16).toString(16),
  );
  const runs = [...parts.join(':').matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.toSorted((a, b) => b[0].length - a[0].length)[0];
  if (longest === undefined) {
    return parts.join(':');
  }
  const text = parts.join(':');
  const [before, after] = [text.slice(0, longest.index), text.slice(longest.index + longest[0].length)];
  return `${before.replace(/:$/, '')}::${after.replace(/^:/, '')}`;
}

/** `10.1.1.0/24` */
export function formatRange({ family, base, prefix }: IpRange): string {
  return `${formatIp(family, base)}/${prefix}`;
}

function octets(text: string): bigint {
  return text.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}

function groups(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const hex = dotted === null ? text : `${dotted[1]}${lastGroups(octets(dotted[2] ?? ''))}`;
  const [head = '', tail] = hex.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

function lastGroups(value: bigint): string {
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}
