/** IPv4 networks as numbers. Addresses are unsigned 32-bit. */
import ipaddr from 'ipaddr.js';
import { PatchbayError } from '#machinery/errors.ts';

/** An IPv4 network. */
export interface Cidr {
  /** First address. */
  readonly base: number;
  readonly prefix: number;
}

/** Parses `10.128.0.0/14`; undefined when it is none or has host bits set. */
export function parseCidr(text: string): Cidr | undefined {
  const parsed = parseInterfaceAddress(text);
  return parsed !== undefined && parsed.address === parsed.network.base ? parsed.network : undefined;
}

/** Parses an address with its prefix length: `10.128.0.5/23`; undefined when it is none. */
export function parseInterfaceAddress(
  text: string,
): { readonly address: number; readonly network: Cidr } | undefined {
  const [host = '', length = '', ...rest] = text.split('/');
  const prefix = /^\d{1,2}$/.test(length) ? Number(length) : 33;
  if (rest.length > 0 || prefix > 32 || !ipaddr.IPv4.isValidFourPartDecimal(host)) {
    return undefined;
  }
  const address = ipaddr.IPv4.parse(host).octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return { address, network: { base: address - (address % sizeOf(prefix)), prefix } };
}

/** As `parseCidr`, for configuration. Throws PatchbayError `InvalidNetwork` that names the field. */
export function requireCidr(text: string, field: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    throw new PatchbayError(
      'InvalidNetwork',
      `${field}: "${text}" is no IPv4 network such as 10.128.0.0/14`,
      {
        retryable: false,
      },
    );
  }
  return cidr;
}

/** Number of addresses behind a prefix. */
export function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

/** True when `inner` (a network, or an address as a /32) lies in `outer`. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  return (
    inner.prefix >= outer.prefix && inner.base >= outer.base && inner.base < outer.base + sizeOf(outer.prefix)
  );
}

/** `10.128.0.5` */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** `10.128.0.0/23` */
export function formatCidr({ base, prefix }: Cidr): string {
  return `${formatAddress(base)}/${prefix}`;
}

/** The MAC that follows from an address, as upstream makes them: `0a:58` and the address in hexadecimal. */
export function macOf(address: number): string {
  const octets = [24, 16, 8, 0].map((shift) => ((address >>> shift) & 0xff).toString(16).padStart(2, '0'));
  return `0a:58:${octets.join(':')}`;
}
