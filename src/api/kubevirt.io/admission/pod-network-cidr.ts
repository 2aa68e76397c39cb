/** Rules for the guest's ranges behind masquerade. KubeVirt finds a wrong one only when the pod starts. */
import { isIPv4, isIPv6 } from 'node:net';
import { invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { SpecRule } from './rule.ts';

export const podNetworkRanges: SpecRule = (spec, path) =>
  (spec.networks ?? []).flatMap(({ pod }, index) => [
    ...rangeCauses(
      `${path}.networks[${index}].pod.vmNetworkCIDR`,
      pod?.vmNetworkCIDR,
      isIPv4,
      32,
      '10.0.2.0/24',
    ),
    ...rangeCauses(
      `${path}.networks[${index}].pod.vmIPv6NetworkCIDR`,
      pod?.vmIPv6NetworkCIDR,
      isIPv6,
      128,
      'fd10:0:2::/120',
    ),
  ]);

function rangeCauses(
  field: string,
  range: string | undefined,
  isAddress: (text: string) => boolean,
  bits: number,
  usual: string,
): readonly Cause[] {
  if (range === undefined || range === '') return [];
  const [address = '', length = '', more] = range.split('/');
  if (!isAddress(address) || !/^\d{1,3}$/.test(length) || Number(length) > bits || more !== undefined) {
    return [invalid(field, range, `must be an ${bits === 32 ? 'IPv4' : 'IPv6'} range, such as ${usual}`)];
  }
  return Number(length) > bits - 2
    ? [
        invalid(
          field,
          range,
          `the range is too small: gateway and guest need at least 4 addresses, so /${bits - 2} or shorter`,
        ),
      ]
    : [];
}
