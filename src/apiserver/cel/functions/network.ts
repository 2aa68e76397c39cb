import { isIPv4, isIPv6 } from 'node:net';
import type { Environment } from '@marcbachmann/cel-js';
import ipaddr from 'ipaddr.js';
import { CelError } from '../library.ts';

type Address = ReturnType<typeof ipaddr.parse>;

/** `net.IP` of Kubernetes' CEL library. */
export class CelIp {
  readonly address: Address;
  constructor(address: Address) {
    this.address = address;
  }
  get bits(): number {
    return this.address.kind() === 'ipv4' ? 32 : 128;
  }
  toString(): string {
    return this.address.kind() === 'ipv4'
      ? this.address.toString()
      : (this.address as ipaddr.IPv6).toRFC5952String();
  }
}

/** `net.CIDR` of Kubernetes' CEL library. */
export class CelCidr {
  readonly ip: CelIp;
  readonly prefix: number;
  constructor(ip: CelIp, prefix: number) {
    this.ip = ip;
    this.prefix = prefix;
  }
  contains(ip: CelIp): boolean {
    return this.ip.bits === ip.bits && masked(this.ip, this.prefix) === masked(ip, this.prefix);
  }
  toString(): string {
    return `${this.ip.toString()}/${this.prefix}`;
  }
}

/** Leading zeros, zones and IPv4-mapped IPv6 addresses are refused, as upstream does. */
function parseIp(text: string): CelIp | undefined {
  const mapped = text.includes(':') && text.includes('.');
  if (mapped || text.includes('%') || !(isIPv4(text) || isIPv6(text))) {
    return undefined;
  }
  const address = ipaddr.parse(text);
  return address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress()
    ? undefined
    : new CelIp(address);
}

function parseCidr(text: string): CelCidr | undefined {
  const [host, prefix, ...rest] = text.split('/');
  const ip = parseIp(host ?? '');
  if (
    ip === undefined ||
    rest.length > 0 ||
    !/^(0|[1-9]\d{0,2})$/.test(prefix ?? '') ||
    Number(prefix) > ip.bits
  ) {
    return undefined;
  }
  return new CelCidr(ip, Number(prefix));
}

function masked(ip: CelIp, prefix: number): bigint {
  const value = ip.address.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return value >> BigInt(ip.bits - prefix);
}

function network(cidr: CelCidr): CelCidr {
  const value = masked(cidr.ip, cidr.prefix) << BigInt(cidr.ip.bits - cidr.prefix);
  const hex = value.toString(16).padStart(cidr.ip.bits / 4, '0');
  return new CelCidr(new CelIp(ipaddr.fromByteArray([...Buffer.from(hex, 'hex')])), cidr.prefix);
}

function mustIp(text: string): CelIp {
  const ip = parseIp(text);
  if (ip === undefined) {
    throw new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  }
  return ip;
}

function mustCidr(text: string): CelCidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    throw new CelError(
      `network address parse error during conversion from string: invalid CIDR ${JSON.stringify(text)}`,
    );
  }
  return cidr;
}

class IpNamespace {}

// Not by mustCidr: what it checks with takes 12 ms of every start for its first IPv6 address.
const LINK_LOCAL_MULTICAST_V4 = new CelCidr(new CelIp(ipaddr.parse('224.0.0.0')), 24);
const LINK_LOCAL_MULTICAST_V6 = new CelCidr(new CelIp(ipaddr.parse('ff02::')), 16);

function isLinkLocalMulticast(ip: CelIp): boolean {
  return LINK_LOCAL_MULTICAST_V4.contains(ip) || LINK_LOCAL_MULTICAST_V6.contains(ip);
}

function hasRange(ip: CelIp, ...ranges: string[]): boolean {
  return ranges.includes(ip.address.range());
}

/** `ip()`, `isIP()`, `ip.isCanonical()` and the methods of addresses. */
export function registerIp(environment: Environment): void {
  environment
    .registerType('net.IP', { ctor: CelIp, fields: {} })
    .registerType('IpNamespace', { ctor: IpNamespace, fields: {} })
    .registerConstant('ip', 'IpNamespace', new IpNamespace())
    .registerFunction('ip(string): net.IP', mustIp)
    .registerFunction('isIP(string): bool', (text: string) => parseIp(text) !== undefined)
    .registerFunction(
      'IpNamespace.isCanonical(string): bool',
      (_: unknown, text: string) => mustIp(text).toString() === text,
    )
    .registerFunction('string(net.IP): string', (ip: CelIp) => ip.toString())
    .registerFunction('net.IP.family(): int', (ip: CelIp) => (ip.bits === 32 ? 4n : 6n))
    .registerFunction(
      'net.IP.isUnspecified(): bool',
      (ip: CelIp) => hasRange(ip, 'unspecified') && masked(ip, ip.bits) === 0n,
    )
    .registerFunction('net.IP.isLoopback(): bool', (ip: CelIp) => hasRange(ip, 'loopback'))
    .registerFunction('net.IP.isLinkLocalUnicast(): bool', (ip: CelIp) => hasRange(ip, 'linkLocal'))
    .registerFunction('net.IP.isLinkLocalMulticast(): bool', isLinkLocalMulticast)
    .registerFunction('net.IP.isGlobalUnicast(): bool', (ip: CelIp) => {
      const none =
        masked(ip, ip.bits) === 0n || hasRange(ip, 'loopback', 'multicast', 'linkLocal', 'broadcast');
      return !none;
    })
    .registerOperator('net.IP == net.IP', (a: CelIp, b: CelIp) => a.toString() === b.toString());
}

/** `cidr()`, `isCIDR()` and the methods of networks. */
export function registerCidr(environment: Environment): void {
  const containsCidr = (outer: CelCidr, inner: CelCidr) =>
    inner.prefix >= outer.prefix && outer.contains(inner.ip);
  environment
    .registerType('net.CIDR', { ctor: CelCidr, fields: {} })
    .registerFunction('cidr(string): net.CIDR', mustCidr)
    .registerFunction('isCIDR(string): bool', (text: string) => parseCidr(text) !== undefined)
    .registerFunction('string(net.CIDR): string', (cidr: CelCidr) => cidr.toString())
    .registerFunction('net.CIDR.containsIP(net.IP): bool', (cidr: CelCidr, ip: CelIp) => cidr.contains(ip))
    .registerFunction('net.CIDR.containsIP(string): bool', (cidr: CelCidr, ip: string) =>
      cidr.contains(mustIp(ip)),
    )
    .registerFunction('net.CIDR.containsCIDR(net.CIDR): bool', containsCidr)
    .registerFunction('net.CIDR.containsCIDR(string): bool', (a: CelCidr, b: string) =>
      containsCidr(a, mustCidr(b)),
    )
    .registerFunction('net.CIDR.ip(): net.IP', (cidr: CelCidr) => cidr.ip)
    .registerFunction('net.CIDR.masked(): net.CIDR', network)
    .registerFunction('net.CIDR.prefixLength(): int', (cidr: CelCidr) => BigInt(cidr.prefix))
    .registerOperator('net.CIDR == net.CIDR', (a: CelCidr, b: CelCidr) => a.toString() === b.toString());
}
