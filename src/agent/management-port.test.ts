import { expect, test } from 'vitest';
import { parseRange } from '#api/ip-range.ts';
import { composeManagementPort } from './management-port.ts';

const subnets = (...texts: string[]) => texts.flatMap((text) => parseRange(text) ?? []);

test('the management port has the second address of each subnet, and leads to the pods of all nodes', () => {
  const found = composeManagementPort({
    node: 'node2',
    subnets: subnets('10.128.2.0/23', 'fd01:0:0:1::/64'),
    mtu: 1400,
  });
  expect(found).toEqual([
    {
      kind: 'ovs-port',
      name: 'ovn-k8s-mp0',
      bridge: 'br-int',
      interfaceType: 'internal',
      mtu: 1400,
      externalIds: { 'iface-id': 'k8s-node2' },
    },
    expect.objectContaining({ kind: 'nft-table', name: 'patchbay-ovn-k8s-mp0' }),
    expect.objectContaining({ kind: 'link', name: 'ovn-k8s-mp0', mac: '0a:58:0a:80:02:02', mtu: 1400 }),
    expect.objectContaining({ kind: 'address', address: '10.128.2.2/23' }),
    expect.objectContaining({ kind: 'route', destination: '10.128.0.0/14', via: '10.128.2.1' }),
    expect.objectContaining({ kind: 'address', address: 'fd01:0:0:1::2/64', noDad: true }),
    expect.objectContaining({ kind: 'route', destination: 'fd01::/48', via: 'fd01:0:0:1::1' }),
  ]);
});

test('a node without a subnet yet has none', () => {
  expect(composeManagementPort({ node: 'node1', subnets: [], mtu: 1400 })).toEqual([]);
});
