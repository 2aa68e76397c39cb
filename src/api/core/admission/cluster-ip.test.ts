import { describe, expect, it } from 'vitest';
import type { Service } from '../service.ts';
import { withClusterIps } from './cluster-ip.ts';

describe('withClusterIps', () => {
  it.each<readonly [Service['spec'], readonly string[], string | undefined]>([
    [{}, [], '172.30.1.0'],
    [{}, ['172.30.1.0', '172.30.1.1'], '172.30.1.2'],
    [{ clusterIP: 'None' }, [], 'None'],
    [{ type: 'ExternalName' }, [], undefined],
    [{ clusterIP: '172.30.0.10' }, [], '172.30.0.10'],
  ])('%j with %j taken has %s', (spec, taken, expected) => {
    expect(withClusterIps(spec, new Set(taken))).toMatchObject({
      spec: expected === undefined ? spec : { clusterIP: expected },
    });
  });

  it.each([
    [
      '10.0.0.1',
      'failed to allocate IP 10.0.0.1: the provided IP (10.0.0.1) is not in the valid range. The range of valid IPs is 172.30.0.0/16',
    ],
    [
      '172.30.255.255',
      'failed to allocate IP 172.30.255.255: the provided IP (172.30.255.255) is not in the valid range. The range of valid IPs is 172.30.0.0/16',
    ],
    ['172.30.0.9', 'failed to allocate IP 172.30.0.9: provided IP is already allocated'],
  ])('refuses %s', (clusterIP, message) => {
    expect(withClusterIps({ clusterIP }, new Set(['172.30.0.9']))).toMatchObject({
      cause: { field: 'spec.clusterIPs', message },
    });
  });

  it('gives out every address of a range once', () => {
    const taken = new Set<string>();
    for (;;) {
      const made = withClusterIps({}, taken, { IPv4: '10.9.8.0/29', IPv6: 'fd02::/112' });
      if ('cause' in made) break;
      taken.add(made.spec.clusterIP ?? '');
    }
    expect([...taken].sort()).toEqual([
      '10.9.8.1',
      '10.9.8.2',
      '10.9.8.3',
      '10.9.8.4',
      '10.9.8.5',
      '10.9.8.6',
    ]);
  });
});
