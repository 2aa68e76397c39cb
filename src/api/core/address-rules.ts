/** Addresses that nobody may claim for an endpoint. k8s.io/kubernetes/pkg/apis/core/validation ValidateEndpointIP. */
import { BlockList, isIP } from 'node:net';
import { invalid } from '../cause.ts';
import type { Cause } from '../meta.ts';

function blockOf(...ranges: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[]): BlockList {
  const list = new BlockList();
  for (const [address, bits, family] of ranges) list.addSubnet(address, bits, family);
  return list;
}

const reserved = [
  [
    blockOf(['127.0.0.0', 8, 'ipv4'], ['::1', 128, 'ipv6']),
    'may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    blockOf(['169.254.0.0', 16, 'ipv4'], ['fe80::', 10, 'ipv6']),
    'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
  ],
  [
    blockOf(['224.0.0.0', 24, 'ipv4'], ['ff02::', 16, 'ipv6']),
    'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  ],
] as const;

/** Refuses what is no address, and addresses that would lead to the node itself or its link. */
export function endpointAddressCauses(field: string, address: string): readonly Cause[] {
  const version = isIP(address);
  if (version === 0) {
    return [invalid(field, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
  }
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (address === '0.0.0.0' || /^[0:]+$/.test(address)) {
    return [invalid(field, address, `may not be unspecified (${address})`)];
  }
  const found = reserved.find(([range]) => range.check(address, family));
  return found === undefined ? [] : [invalid(field, address, found[1])];
}
