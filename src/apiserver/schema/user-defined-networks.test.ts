/** What user-defined networks may not be: table of wrong specs, with upstream's messages. */
import { describe, expect, test } from 'vitest';
import { node as nodeKind } from '#api/core/node.ts';
import {
  type ClusterUserDefinedNetwork,
  clusterUserDefinedNetwork,
} from '#api/k8s.ovn.org/cluster-user-defined-network.ts';
import { type UserDefinedNetwork, userDefinedNetwork } from '#api/k8s.ovn.org/user-defined-network.ts';
import { nodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import { requestFor, type Stored } from '#api/testing.ts';
import { type Processed, processObject } from './process.ts';

type Spec = Readonly<Record<string, unknown>>;
const of = (spec: Spec) => ({
  apiVersion: 'k8s.ovn.org/v1',
  kind: 'UserDefinedNetwork',
  metadata: { name: 'net', namespace: 'ns' },
  spec,
});
const ofCluster = (network: Spec) => ({
  apiVersion: 'k8s.ovn.org/v1',
  kind: 'ClusterUserDefinedNetwork',
  metadata: { name: 'net' },
  spec: { namespaceSelector: {}, network },
});
const create = { operation: 'CREATE', fieldValidation: 'Strict' } as const;
const told = (spec: Spec, old?: Spec): string[] => {
  const options =
    old === undefined ? create : ({ ...create, operation: 'UPDATE', old: metaOf(of(old)) } as const);
  return linesOf(processObject(userDefinedNetwork, metaOf(of(spec)), options));
};
const toldOfCluster = (network: Spec): string[] =>
  linesOf(processObject(clusterUserDefinedNetwork, ofCluster(network), create));

const layer2 = (more: Spec = {}): Spec => ({
  topology: 'Layer2',
  layer2: { role: 'Primary', subnets: ['10.1.0.0/16'], ...more },
});
const layer3 = (more: Spec = {}): Spec => ({
  topology: 'Layer3',
  layer3: { role: 'Primary', subnets: [{ cidr: '10.20.0.0/16', hostSubnet: 24 }], ...more },
});
const localnet = (more: Spec = {}): Spec => ({
  topology: 'Localnet',
  localnet: { role: 'Secondary', physicalNetworkName: 'physnet1', subnets: ['10.30.0.0/24'], ...more },
});
const without = { subnets: undefined };

describe('Layer2', () => {
  test.each<[string, Spec]>([
    ['primary', layer2({ ipam: { lifecycle: 'Persistent' } })],
    ['both families', layer2({ subnets: ['10.1.0.0/16', 'fd10::/64'], joinSubnets: ['100.70.0.0/16'] })],
    [
      'ranges inside',
      layer2({
        reservedSubnets: ['10.1.1.0/24'],
        infrastructureSubnets: ['10.1.2.0/29'],
        defaultGatewayIPs: ['10.1.2.1'],
      }),
    ],
    ['no addresses', layer2({ role: 'Secondary', ...without, ipam: { mode: 'Disabled' } })],
  ])('takes %s', (_name, spec) => {
    expect(told(spec)).toEqual([]);
  });

  test.each<[string, Spec, RegExp]>([
    ['no role', layer2({ role: undefined }), /layer2\.role: Required/],
    ['role', layer2({ role: 'Tertiary' }), /layer2\.role: Unsupported value.*Primary/],
    ['subnet', layer2({ subnets: ['10.1.0.0'] }), /CIDR is invalid/],
    [
      'two of a family',
      layer2({ subnets: ['10.1.0.0/16', '10.2.0.0/16'] }),
      /must be from different IP families/,
    ],
    ['three subnets', layer2({ subnets: ['10.1.0.0/16', 'fd10::/64', '10.2.0.0/16'] }), /at most 2 items/],
    ['no subnets', layer2(without), /Subnets is required with ipam\.mode is Enabled or unset/],
    [
      'subnets without management',
      layer2({ role: 'Secondary', ipam: { mode: 'Disabled' } }),
      /Subnets must be unset when ipam\.mode is Disabled/,
    ],
    [
      'primary without management',
      layer2({ ...without, ipam: { mode: 'Disabled' } }),
      /Disabled ipam\.mode is only supported for Secondary network/,
    ],
    [
      'persistence without management',
      layer2({ role: 'Secondary', ...without, ipam: { mode: 'Disabled', lifecycle: 'Persistent' } }),
      /lifecycle Persistent is only supported when ipam\.mode is Enabled/,
    ],
    ['empty ipam', layer2({ ipam: {} }), /at least 1 properties/],
    ['MTU 575', layer2({ mtu: 575 }), /greater than or equal to 576/],
    ['MTU 65537', layer2({ mtu: 65537 }), /less than or equal to 65536/],
    [
      'MTU for IPv6',
      layer2({ mtu: 1279, subnets: ['fd10::/64'] }),
      /greater than or equal to 1280 when IPv6/,
    ],
    [
      'join of a secondary',
      layer2({ role: 'Secondary', joinSubnets: ['100.70.0.0/16'] }),
      /JoinSubnets is only supported for Primary network/,
    ],
    [
      'reserved of a secondary',
      layer2({ role: 'Secondary', reservedSubnets: ['10.1.1.0/24'] }),
      /reservedSubnets is only supported for Primary network/,
    ],
    ['reserved outside', layer2({ reservedSubnets: ['10.2.0.0/24'] }), /must be subnetworks of the networks/],
    ['reserved with host bits', layer2({ reservedSubnets: ['10.1.1.1/24'] }), /no host bits set/],
    [
      'reserved and infrastructure',
      layer2({ reservedSubnets: ['10.1.1.0/24'], infrastructureSubnets: ['10.1.1.0/28'] }),
      /must not overlap/,
    ],
    ['gateway outside', layer2({ defaultGatewayIPs: ['10.2.0.1'] }), /must belong to one of the subnets/],
    [
      'gateway of one family',
      layer2({ subnets: ['10.1.0.0/16', 'fd10::/64'], defaultGatewayIPs: ['10.1.0.9'] }),
      /must be specified for all IP families/,
    ],
    [
      'gateway outside infrastructure',
      layer2({ infrastructureSubnets: ['10.1.2.0/29'], defaultGatewayIPs: ['10.1.3.1'] }),
      /have to belong to infrastructureSubnets/,
    ],
  ])('refuses %s', (_name, spec, message) => {
    expect(told(spec).join('\n')).toMatch(message);
  });
});

describe('Layer3', () => {
  test.each<[string, Spec]>([
    ['one range', layer3()],
    ['a range without hostSubnet', layer3({ subnets: [{ cidr: '10.20.0.0/16' }] })],
    ['more ranges of a primary', layer3({ subnets: [{ cidr: '10.20.0.0/16' }, { cidr: '10.21.0.0/16' }] })],
    [
      'both families of a secondary',
      layer3({
        role: 'Secondary',
        subnets: [{ cidr: '10.20.0.0/16' }, { cidr: 'fd20::/48', hostSubnet: 64 }],
      }),
    ],
  ])('takes %s', (_name, spec) => {
    expect(told(spec)).toEqual([]);
  });

  test.each<[string, Spec, RegExp]>([
    ['no subnets', layer3(without), /layer3\.subnets: Required/],
    ['an empty list', layer3({ subnets: [] }), /at least 1 items/],
    [
      'hostSubnet not longer than the range',
      layer3({ subnets: [{ cidr: '10.20.0.0/16', hostSubnet: 16 }] }),
      /HostSubnet must be smaller than CIDR subnet/,
    ],
    [
      'hostSubnet of one address',
      layer3({ subnets: [{ cidr: '10.20.0.0/16', hostSubnet: 32 }] }),
      /HostSubnet must < 32 for ipv4 CIDR/,
    ],
    [
      'hostSubnet 128',
      layer3({ subnets: [{ cidr: 'fd20::/48', hostSubnet: 128 }] }),
      /less than or equal to 127/,
    ],
    [
      'two ranges of a secondary',
      layer3({ role: 'Secondary', subnets: [{ cidr: '10.20.0.0/16' }, { cidr: '10.21.0.0/16' }] }),
      /must be from different IP families/,
    ],
    ['MTU for IPv6', layer3({ mtu: 1279, subnets: [{ cidr: 'fd20::/48' }] }), /1280 when IPv6/],
    [
      'join of a secondary',
      layer3({ role: 'Secondary', joinSubnets: ['100.70.0.0/16'] }),
      /JoinSubnets is only supported for Primary network/,
    ],
    ['ipam', layer3({ ipam: { lifecycle: 'Persistent' } }), /unknown field/],
  ])('refuses %s', (_name, spec, message) => {
    expect(told(spec).join('\n')).toMatch(message);
  });
});

describe('Localnet', () => {
  test('is taken with a VLAN, exclusions and persistence, or without addresses', () => {
    const vlan = { mode: 'Access', access: { id: 4094 } };
    expect(
      toldOfCluster(localnet({ vlan, excludeSubnets: ['10.30.0.0/28'], ipam: { lifecycle: 'Persistent' } })),
    ).toEqual([]);
    expect(toldOfCluster(localnet({ ...without, ipam: { mode: 'Disabled' } }))).toEqual([]);
  });

  test('is for the cluster alone', () => {
    expect(told(localnet()).join()).toMatch(/topology: Unsupported value: "Localnet"/);
  });

  test.each<[string, Spec, RegExp]>([
    ['primary', localnet({ role: 'Primary' }), /role: Unsupported value: "Primary"/],
    ['no physical network', localnet({ physicalNetworkName: undefined }), /physicalNetworkName: Required/],
    ['a comma', localnet({ physicalNetworkName: 'a,b' }), /cannot contain `,` or `:` characters/],
    ['VLAN 4095', localnet({ vlan: { mode: 'Access', access: { id: 4095 } } }), /less than or equal to 4094/],
    ['VLAN 0', localnet({ vlan: { mode: 'Access', access: { id: 0 } } }), /greater than or equal to 1/],
    ['access without VLAN', localnet({ vlan: { mode: 'Access' } }), /vlan access config is required/],
    ['VLAN trunk', localnet({ vlan: { mode: 'Trunk' } }), /Unsupported value: "Trunk"/],
    [
      'exclusion outside',
      localnet({ excludeSubnets: ['10.31.0.0/24'] }),
      /must be subnetworks of the networks/,
    ],
    [
      'exclusion of nothing',
      localnet({ ...without, ipam: { mode: 'Disabled' }, excludeSubnets: ['10.31.0.0/24'] }),
      /excludeSubnets must be unset when subnets is unset/,
    ],
  ])('refuses %s', (_name, network, message) => {
    expect(toldOfCluster(network).join('\n')).toMatch(message);
  });
});

describe('messages are those of upstream, word by word, at its fields', () => {
  const one = { role: 'Secondary' };
  test.each<[string, string[], string[]]>([
    [
      'localnet without subnets',

      toldOfCluster(localnet(without)),
      [
        'spec.network.localnet: Subnets is required with ipam.mode is Enabled or unset, and forbidden otherwise',
      ],
    ],
    [
      'localnet with subnets that nobody gives',

      toldOfCluster(localnet({ ipam: { mode: 'Disabled' } })),
      [
        'spec.network.localnet: Subnets is required with ipam.mode is Enabled or unset, and forbidden otherwise',
      ],
    ],
    [
      'localnet with a small MTU for IPv6',

      toldOfCluster(localnet({ subnets: ['fd30::/64'], mtu: 1000 })),
      ['spec.network.localnet: MTU should be greater than or equal to 1280 when an IPv6 subnet is used'],
    ],
    [
      'an access VLAN that is not told',

      toldOfCluster(localnet({ vlan: { mode: 'Access' } })),
      [
        "spec.network.localnet.vlan: vlan access config is required when vlan mode is 'Access', and forbidden otherwise",
      ],
    ],
    [
      'an exclusion outside',

      toldOfCluster(localnet({ excludeSubnets: ['10.31.0.0/24'] })),
      [
        'spec.network.localnet.excludeSubnets: excludeSubnets must be subnetworks of the networks specified in the subnets field',
      ],
    ],
    [
      'an exclusion of nothing',

      toldOfCluster(localnet({ ...without, ipam: { mode: 'Disabled' }, excludeSubnets: ['10.31.0.0/24'] })),
      ['spec.network.localnet: excludeSubnets must be unset when subnets is unset'],
    ],
    [
      'reserved addresses outside',

      told(layer2({ reservedSubnets: ['10.2.0.0/24'] })),
      [
        'spec.layer2.reservedSubnets: reservedSubnets must be subnetworks of the networks specified in the subnets field',
      ],
    ],
    [
      'addresses of infrastructure outside',

      told(layer2({ infrastructureSubnets: ['10.2.0.0/24'] })),
      [
        'spec.layer2.infrastructureSubnets: infrastructureSubnets must be subnetworks of the networks specified in the subnets field',
      ],
    ],
    [
      'three ranges of a secondary',

      told(
        layer3({
          ...one,
          subnets: [{ cidr: '10.20.0.0/16' }, { cidr: '10.21.0.0/16' }, { cidr: 'fd20::/48' }],
        }),
      ),
      ['spec.layer3: Secondary networks may define at most 2 subnets'],
    ],
    [
      'two ranges of a secondary of one family',

      told(layer3({ ...one, subnets: [{ cidr: '10.20.0.0/16' }, { cidr: '10.21.0.0/16' }] })),
      ['spec.layer3: When 2 CIDRs are set for Secondary networks, they must be from different IP families'],
    ],
  ])('%s', (_name, lines, expected) => {
    expect(lines.map((line) => line.replace(' Invalid value:', ''))).toEqual(expected);
  });

  test('a localnet that changes', () => {
    const options = { ...create, operation: 'UPDATE', old: metaOf(ofCluster(localnet())) } as const;
    const changed = metaOf(ofCluster(localnet({ mtu: 1300 })));
    expect(linesOf(processObject(clusterUserDefinedNetwork, changed, options))).toEqual([
      'spec.network.localnet: Invalid value: Localnet is immutable',
    ]);
  });
});

describe('warnings', () => {
  const address = '192.168.1.11';
  const node = { metadata: { name: 'node1' }, status: { addresses: [{ type: 'InternalIP', address }] } };
  const state = {
    metadata: { name: 'node1' },
    status: {
      currentState: {
        interfaces: [
          { name: 'br-ex', type: 'ovs-interface', mtu: 1500, ipv4: { address: [{ ip: address }] } },
          { name: 'br1', type: 'ovs-bridge', mtu: 1500 },
          { name: 'eth1', type: 'ethernet', mtu: 9000, controller: 'br1' },
        ],
        ovn: { 'bridge-mappings': [{ localnet: 'jumbo', bridge: 'br1' }] },
      },
    },
  };
  const stored: readonly Stored[] = [
    [nodeKind, node],
    [nodeNetworkState, state],
  ];
  const warned = (spec: Spec): readonly string[] =>
    userDefinedNetwork.warn?.(requestFor(of(spec) as unknown as UserDefinedNetwork, {}, stored)) ?? [];
  const warnedOfCluster = (network: Spec): readonly string[] =>
    clusterUserDefinedNetwork.warn?.(
      requestFor(ofCluster(network) as unknown as ClusterUserDefinedNetwork, {}, stored),
    ) ?? [];

  test.each<[string, number, RegExp | undefined]>([
    ['jumbo', 9000, undefined],
    [
      'jumbo',
      9001,
      /^spec\.network\.localnet\.mtu: 9001 is more .* on nodes: \[node1 \(br1, 9000\)\]: .* write 9000/,
    ],
    ['elsewhere', 9001, undefined],
  ])('localnet on %s of MTU %s', (physicalNetworkName, mtu, text) => {
    const lines = warnedOfCluster(localnet({ physicalNetworkName, mtu }));
    expect(lines).toEqual(text === undefined ? [] : [expect.stringMatching(text)]);
  });

  test.each<[string, Spec, RegExp]>([
    ['MTU larger than the underlay', layer2({ mtu: 1500 }), /^spec\.layer2\.mtu: 1500 is more .* write 1400/],
    [
      'subnet of the pods',
      layer3({ subnets: [{ cidr: '10.129.0.0/16' }] }),
      /^spec\.layer3\.subnets\[0\]\.cidr: 10\.129\.0\.0\/16 overlaps the pod network, 10\.128\.0\.0\/14/,
    ],
    [
      'subnet of the services, IPv6',
      layer2({ subnets: ['10.1.0.0/16', 'fd02::/112'] }),
      /subnets\[1\]: fd02::/,
    ],
    [
      'no address to give',
      layer2({ subnets: ['10.1.0.4/30'] }),
      /^spec\.layer2\.subnets: 10\.1\.0\.4\/30 leaves no address for pods, .* write a larger range: the network is not made, make it anew$/,
    ],
    [
      'multicast',
      layer2({ subnets: ['224.1.0.0/16'] }),
      /^spec\.layer2\.subnets\[0\]: 224\.1\.0\.0\/16 overlaps the multicast addresses, 224\.0\.0\.0\/4/,
    ],
    [
      'join range over the subnets',
      layer2({ joinSubnets: ['10.1.0.0/24'] }),
      /^spec\.layer2\.joinSubnets: 10\.1\.0\.0\/24 overlaps 10\.1\.0\.0\/16 of subnets; choose another range: the network is not made/,
    ],
    [
      'gateway on the address of the network',
      layer2({ defaultGatewayIPs: ['10.1.0.0'] }),
      /^spec\.layer2\.defaultGatewayIPs: 10\.1\.0\.0 is the address of the network/,
    ],
    [
      'a range that is one node',
      cut(['10.20.0.0/24']),
      /^spec\.layer3\.subnets: 10\.20\.0\.0\/24\/24 has a hostSubnet \(prefix of each node\) of 24, which must be from 25 to 29; write such as/,
    ],
  ])('%s', (_name, spec, text) => {
    expect(warned(spec)).toEqual([expect.stringMatching(text)]);
  });

  test('a selector that can choose nothing is refused', () => {
    const namespaceSelector = { matchExpressions: [{ key: 'a', operator: 'In' }] };
    const object = { ...ofCluster(layer2()), spec: { namespaceSelector, network: layer2() } };
    const request = requestFor(object as unknown as ClusterUserDefinedNetwork, {}, stored);
    expect(clusterUserDefinedNetwork.validate?.(request)).toEqual([
      {
        type: 'FieldValueRequired',
        field: 'spec.namespaceSelector.matchExpressions[0].values',
        message: "must be specified when `operator` is 'In' or 'NotIn'",
      },
    ]);
  });

  test('none of good networks', () => {
    expect([layer2(), layer3(), layer2({ mtu: 1400 })].flatMap(warned)).toEqual([]);
  });
});

describe('union and immutability', () => {
  test.each<[string, Spec, RegExp]>([
    ['no part', { topology: 'Layer2' }, /spec\.layer2 is required when topology is Layer2/],
    ['another part', { topology: 'Layer3', layer2: layer2()['layer2'] }, /spec\.layer3 is required/],
    [
      'two parts',
      { ...layer2(), layer3: layer3()['layer3'] },
      /spec\.layer3 is required .* forbidden otherwise/,
    ],
    ['topology', { topology: 'Layer9' }, /topology: Unsupported value: "Layer9"/],
  ])('refuses %s', (_name, spec, message) => {
    expect(told(spec).join('\n')).toMatch(message);
  });

  test.each<[string, Spec, Spec, RegExp]>([
    ['topology', layer3(), layer2(), /Topology is immutable/],
    ['MTU', layer2({ mtu: 1300 }), layer2(), /Layer2 is immutable/],
    ['subnets', layer2({ subnets: ['10.2.0.0/16'] }), layer2(), /Layer2 is immutable/],
    ['role', layer3({ role: 'Secondary' }), layer3(), /role is immutable/],
    ['an MTU that comes', layer3({ mtu: 1300 }), layer3(), /mtu is immutable/],
    ['an MTU that goes', layer3(), layer3({ mtu: 1300 }), /mtu is immutable/],
    ['join subnets', layer3({ joinSubnets: ['100.66.0.0/16'] }), layer3(), /joinSubnets is immutable/],
    ['hostSubnet', cut(['10.20.0.0/16', 25]), cut(['10.20.0.0/16', 24]), /hostSubnet is immutable/],
    ['a subnet that goes', cut(['10.21.0.0/16']), cut(['10.20.0.0/16']), /Removing existing subnets/],
    [
      'a subnet that comes, of a secondary network',
      layer3({ role: 'Secondary', subnets: [{ cidr: '10.20.0.0/16' }, { cidr: '10.21.0.0/16' }] }),
      layer3({ role: 'Secondary', subnets: [{ cidr: '10.20.0.0/16' }] }),
      /Subnets is immutable for Secondary role/,
    ],
    ['a family', cut(['10.20.0.0/16'], ['fd00:20::/48']), cut(['10.20.0.0/16']), /another IP family cannot/],
  ])('refuses a change of %s', (_name, spec, old, message) => {
    expect(told(spec, old).join('\n')).toMatch(message);
  });

  test.each<[string, Spec, RegExp | undefined]>([
    [
      'of both families',
      cut(['10.20.0.0/16'], ['fd00:20::/48'], ['10.21.0.0/16'], ['fd00:21::/48']),
      undefined,
    ],
    [
      'that overlap',
      cut(['10.20.0.0/16'], ['fd00:20::/48'], ['10.20.128.0/17']),
      /must not overlap or contain/,
    ],
    [
      'that are there',
      cut(['10.20.0.0/16'], ['fd00:20::/48'], ['10.20.0.0/16']),
      /same CIDR are not allowed/,
    ],
    ['cut otherwise', cut(['10.20.0.0/16'], ['fd00:20::/48'], ['10.21.0.0/16', 26]), /same hostSubnet value/],
    ['that are none', cut(['10.20.0.0/16'], ['fd00:20::/48'], ['10.21.0.0/99']), /CIDR is invalid/],
  ])('a primary network of topology Layer3 gets more subnets: %s', (_name, spec, message) => {
    const lines = told(spec, cut(['10.20.0.0/16'], ['fd00:20::/48'])).join('\n');
    expect(lines).toMatch(message ?? /^$/);
  });
});

/** A primary network of topology Layer3 with these subnets: range, prefix length of nodes. */
function cut(...subnets: readonly (readonly [string, number?])[]): Spec {
  return layer3({
    role: 'Primary',
    subnets: subnets.map(([cidr, hostSubnet]) => ({ cidr, ...(hostSubnet !== undefined && { hostSubnet }) })),
  });
}

/** As stored: what is there already has a version. */
function metaOf<T extends { readonly metadata: object }>(object: T): T {
  return { ...object, metadata: { ...object.metadata, uid: 'u', resourceVersion: '1' } };
}

function linesOf({ causes, unknownFields }: Processed): string[] {
  return [
    ...causes.map(({ field, message }) => `${field}: ${message}`),
    ...unknownFields.map((field) => `unknown field "${field}"`),
  ];
}
