/** Addresses as the fabric reckons with them: of both families, as bigints (`#api/ip-range.ts`). */
import { formatIp, type Ip, type IpRange, parseRange } from '#api/ip-range.ts';
import { PatchbayError } from '#machinery/errors.ts';

/** An address with the length of its network's prefix. */
export interface Interface {
  readonly ip: Ip;
  readonly prefix: number;
}

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
