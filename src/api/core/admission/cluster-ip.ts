/** Addresses of services in the cluster. Pure, for the server's admission. k8s.io/kubernetes/pkg/registry/core/service/ipallocator. */
import { isIPv4 } from 'node:net';
import { invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { Service } from '../service.ts';

/** Range services get their addresses of. */
export const serviceRange = '172.30.0.0/16';
/** Upstream keeps the first addresses of a /16 for services that ask for one by name. */
const keptFree = 256;

/**
 * A service's spec with its address in the cluster, or why it cannot have the one it asks for.
 * @param taken addresses of all other services
 * @param range IPv4 range in CIDR notation
 */
export function withClusterIp(
  spec: Service['spec'],
  taken: ReadonlySet<string>,
  range = serviceRange,
): { readonly spec: Service['spec'] } | { readonly cause: Cause } {
  if (spec.type === 'ExternalName') return { spec };
  const asked = spec.clusterIPs?.[0] || spec.clusterIP || '';
  if (asked === 'None') return { spec: { ...spec, clusterIP: 'None', clusterIPs: ['None'] } };
  const address = asked === '' ? nextFree(taken, range) : asked;
  const problem = address === undefined ? 'range is full' : problemOf(address, taken, range);
  if (address === undefined || problem !== undefined) {
    const detail = `failed to allocate IP ${asked}: ${problem}`.replace('IP :', 'an IP:');
    return { cause: invalid('spec.clusterIPs', [asked], detail) };
  }
  return {
    spec: { ...spec, clusterIP: address, clusterIPs: spec.clusterIPs?.length ? spec.clusterIPs : [address] },
  };
}

function problemOf(address: string, taken: ReadonlySet<string>, range: string): string | undefined {
  const { first, size } = boundsOf(range);
  const offset = isIPv4(address) ? toNumber(address) - first : -1;
  if (offset < 1 || offset > size - 2) {
    return `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${range}`;
  }
  return taken.has(address) ? 'provided IP is already allocated' : undefined;
}

/** The lowest free address above those kept free, then below. */
function nextFree(taken: ReadonlySet<string>, range: string): string | undefined {
  const { first, size } = boundsOf(range);
  const kept = Math.min(Math.max(16, Math.floor(size / 16)), keptFree);
  for (let step = 0; step < size - 2; step += 1) {
    const offset = 1 + ((kept - 1 + step) % (size - 2));
    const address = toText(first + offset);
    if (!taken.has(address)) return address;
  }
  return undefined;
}

function boundsOf(range: string): { readonly first: number; readonly size: number } {
  const [address = '', bits = '32'] = range.split('/');
  const size = 2 ** (32 - Number(bits));
  return { first: Math.floor(toNumber(address) / size) * size, size };
}

function toNumber(address: string): number {
  return address.split('.').reduce((total, part) => total * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((bits) => (number >>> bits) & 255).join('.');
}
