/** Addresses of services in the cluster. Pure, for the server's admission. k8s.io/kubernetes/pkg/registry/core/service/ipallocator. */
import { invalid } from '../../cause.ts';
import { formatIp, type IpRange, parseIp, parseRange, sizeOfRange } from '../../ip-range.ts';
import type { Cause } from '../../meta.ts';
import type { Service } from '../service.ts';

type Spec = Service['spec'];
type Family = NonNullable<Spec['ipFamilies']>[number];

/** Ranges services get their addresses of, by family, in CIDR notation. */
export const serviceRanges: Readonly<Record<Family, string>> = {
  IPv4: '172.30.0.0/16',
  IPv6: 'fd02::/112',
};
/** Upstream keeps the first addresses of a large range for services that ask for one by name. */
const keptFree = 256n;

/**
 * A service's spec with its addresses in the cluster, one for each of its families, or why it cannot have those it asks for.
 * @param taken addresses of all other services
 */
export function withClusterIps(
  spec: Spec,
  taken: ReadonlySet<string>,
  ranges = serviceRanges,
): { readonly spec: Spec } | { readonly cause: Cause } {
  if (spec.type === 'ExternalName') return { spec };
  const given = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  const asked = given.filter((address) => address !== '');
  if (asked[0] === 'None') return { spec: { ...spec, clusterIP: 'None', clusterIPs: ['None'] } };
  const families = spec.ipFamilies?.length ? spec.ipFamilies : (['IPv4'] as const);
  const clusterIPs: string[] = [];
  for (const [index, family] of families.entries()) {
    const wanted = asked[index];
    const address = wanted ?? nextFree(taken, ranges[family]);
    const problem = address === undefined ? 'range is full' : problemOf(address, wanted, taken, ranges);
    if (address === undefined || problem !== undefined) {
      const detail = `failed to allocate ${wanted === undefined ? 'an IP' : `IP ${wanted}`}: ${problem}`;
      return { cause: invalid('spec.clusterIPs', asked, detail) };
    }
    clusterIPs.push(address);
  }
  return { spec: { ...spec, clusterIP: clusterIPs[0] ?? '', clusterIPs } };
}

function problemOf(
  address: string,
  wanted: string | undefined,
  taken: ReadonlySet<string>,
  ranges: Readonly<Record<Family, string>>,
): string | undefined {
  const ip = parseIp(address);
  const range = ranges[ip?.family === 6 ? 'IPv6' : 'IPv4'];
  const offset = ip === undefined ? -1n : ip.value - boundsOf(range).base;
  if (offset < 1n || offset > lastOf(range)) {
    return `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${range}`;
  }
  return wanted !== undefined && taken.has(address) ? 'provided IP is already allocated' : undefined;
}

/** The lowest free address above those kept free, then below. */
function nextFree(taken: ReadonlySet<string>, range: string): string | undefined {
  const { base, family, prefix } = boundsOf(range);
  const last = lastOf(range);
  const sixteenth = sizeOfRange({ family, prefix }) / 16n;
  const kept = sixteenth < 16n ? 16n : sixteenth > keptFree ? keptFree : sixteenth;
  for (let step = 0n; step < last; step += 1n) {
    const offset = 1n + ((kept - 1n + step) % last);
    const address = formatIp(family, base + offset);
    if (!taken.has(address)) return address;
  }
  return undefined;
}

/** Greatest offset that is given out: IPv4's last address is a broadcast address. */
function lastOf(range: string): bigint {
  const { family, prefix } = boundsOf(range);
  return sizeOfRange({ family, prefix }) - (family === 4 ? 2n : 1n);
}

function boundsOf(range: string): IpRange {
  const parsed = parseRange(range);
  if (parsed === undefined) {
    throw new TypeError(`${range} is no range of addresses`);
  }
  return parsed;
}
