/** The range of a guest behind masquerade. */
import ipaddr from 'ipaddr.js';
import { PatchbayError } from '#machinery/errors.ts';

/** Gateway (first usable address) and guest (second) of a range. */
export interface VmRange {
  readonly gateway: string;
  readonly guest: string;
  readonly prefixLength: number;
}

/** Reads a CIDR such as `10.0.2.0/24`; throws a PatchbayError `InvalidVMNetworkCIDR`. */
export function vmRange(cidr: string, field: string): VmRange {
  const refuse = (why: string): PatchbayError =>
    new PatchbayError('InvalidVMNetworkCIDR', `${field}: "${cidr}" ${why}; an example is 10.0.2.0/24`, {
      retryable: false,
    });
  if (!ipaddr.isValidCIDR(cidr)) {
    throw refuse('is no CIDR');
  }
  const [address, prefixLength] = ipaddr.parseCIDR(cidr);
  const bytes = address.toByteArray();
  if (bytes.length * 8 - prefixLength < 2) {
    throw refuse('is too small: at least 2 host addresses are required');
  }
  const network = bytes.map((byte, index) => byte & maskByte(prefixLength, index));
  const host = (offset: number): string => {
    const last = network.length - 1;
    return ipaddr.fromByteArray(network.with(last, (network[last] ?? 0) + offset)).toString();
  };
  return { gateway: host(1), guest: host(2), prefixLength };
}

function maskByte(prefixLength: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
  return (0xff00 >> bits) & 0xff;
}
