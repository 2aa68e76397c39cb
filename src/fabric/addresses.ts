/** Addresses as the fabric reckons with them: of both families, as bigints (`#api/ip-range.ts`). */
import { createHash } from 'node:crypto';
import { formatIp, type Ip, type IpRange, parseRange } from '#api/ip-range.ts';
import { PatchbayError } from '#machinery/errors.ts';

/** An address with the length of its network's prefix. */
export interface Interface {
  readonly ip: Ip;
  readonly prefix: number;
}

/** Offset of the gateway in a subnet. */
export const GATEWAY = 1;
/** Offset of the node's management port in its subnet. */
export const MANAGEMENT = 2;

/** Parses a network of the configuration. Throws PatchbayError `InvalidNetwork` that names the field. */
export function requireRange(text: string, field: string): IpRange {
  const range = parseRange(text);
  if (range === undefined) {
    throw new PatchbayError(
      'InvalidNetwork',
      `${field}: "${text}" is no network such as 10.128.0.0/14 or fd01::/48`,
      { retryable: false },
    );
  }
  return range;
}

/** The address at an offset in a network. */
export function addressAt({ family, base }: IpRange, offset: number): Ip {
  return { family, value: base + BigInt(offset) };
}

/** An address at an offset in a network, with the network's prefix length. */
export function interfaceAt(range: IpRange, offset: number): Interface {
  return { ip: addressAt(range, offset), prefix: range.prefix };
}

/** `10.128.0.5`, `fd01::5` */
export function formatAddress({ family, value }: Ip): string {
  return formatIp(family, value);
}

/** `10.128.0.5/23`, `fd01::5/64` */
export function formatInterface({ ip, prefix }: Interface): string {
  return `${formatAddress(ip)}/${prefix}`;
}

/**
 * The MAC that follows from addresses, as upstream makes them: `0a:58` and the IPv4 address in hexadecimal, so that MAC and
 * address change together. Where there is none: the first four bytes of the SHA-256 of the IPv6 address' text, or of
 * `otherwise`.
 */
export function macOf(addresses: readonly Ip[], otherwise = ''): string {
  const v4 = addresses.find(({ family }) => family === 4);
  const [first] = addresses;
  const seed = first === undefined ? otherwise : formatAddress(first);
  const digits =
    v4 === undefined
      ? createHash('sha256').update(seed).digest('hex').slice(0, 8)
      : v4.value.toString(16).padStart(8, '0');
  return `0a:58:${digits.match(/../g)?.join(':') ?? ''}`;
}
