import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { type Cell, composeCells } from './cells.ts';
import { definitionOf, type NicOf, ovnOf, podOf, stateOf, vmOf } from './fixture.ts';
import { listNics, nicName, type World } from './nics.ts';
import { relate, type Segment } from './segment.ts';

const ports = { tcp: 20_001, udp: 20_002 };
const bridges = { 'br-ex': ['eth0', 'patch-x-to-br-int'], br1: ['eth1'], island: [] };
const mappings = { physnet1: 'br-ex' };
const nodeStates = [stateOf('node1', bridges, mappings), stateOf('node2', bridges, mappings)];
const definitions: readonly NetworkAttachmentDefinition[] = [
  ovnOf('a/l2', { topology: 'layer2', subnets: '10.7.0.0/24' }),
  ovnOf('b/l2', { topology: 'layer2', subnets: '10.7.0.0/24' }),
  ovnOf('a/primary', { topology: 'layer2', role: 'primary', subnets: '10.1.1.0/24' }),
  ovnOf('a/vlan10', { topology: 'localnet', physicalNetworkName: 'physnet1', vlanID: 10 }),
  ovnOf('a/vlan10-again', { topology: 'localnet', physicalNetworkName: 'physnet1', vlanID: 10 }),
  ovnOf('a/vlan20', { topology: 'localnet', physicalNetworkName: 'physnet1', vlanID: 20 }),
  ovnOf('a/untagged', { topology: 'localnet', physicalNetworkName: 'physnet1' }),
  definitionOf('a/br1-10', { type: 'bridge', bridge: 'br1', vlan: 10 }),
  definitionOf('a/br1-20', { type: 'bridge', bridge: 'br1', vlan: 20 }),
  definitionOf('a/island', { type: 'bridge', bridge: 'island' }),
  definitionOf('a/macvlan', { type: 'macvlan' }),
];

const on = (network: string, ...addresses: readonly string[]): NicOf => ({
  network,
  addresses,
  device: 'net1',
});
const pods = (...list: readonly (readonly [name: string, node: string, nic: NicOf])[]): World => ({
  pods: list.map(([name, node, nic]) => podOf('a', name, node, [nic])),
  vmis: [],
  definitions,
  nodeStates,
});
const cellsOf = (world: World, peers = 8): readonly Cell[] => composeCells(listNics(world), { ports, peers });

/** `a>b reach icmp tcp udp`, sizes apart, of the pair's first direction. */
function briefly(cells: readonly Cell[], family = 4): readonly string[] {
  const groups = Map.groupBy(
    cells.filter((cell) => cell.family === family && cell.from !== cell.to),
    ({ from, to, expect: wanted }) => `${from.host.name}>${to.host.name} ${wanted}`,
  );
  return [...groups].map(
    ([key, list]) =>
      `${key} ${list.map(({ protocol, size }) => (size === 'mtu' ? `${protocol}-mtu` : protocol)).join(' ')}`,
  );
}

const everything = 'icmp icmp-mtu tcp tcp-mtu udp';

describe('two pods on different nodes', () => {
  test.each<readonly [string, NicOf, NicOf, readonly string[]]>([
    [
      'one OVN network: all of it',
      on('a/l2', '10.7.0.1'),
      on('a/l2', '10.7.0.2'),
      [`p>q reach ${everything}`, `q>p reach ${everything}`],
    ],
    [
      'two OVN networks with equal subnets: nothing',
      on('a/l2', '10.7.0.1'),
      on('b/l2', '10.7.0.2'),
      ['p>q no-reach icmp tcp udp', 'q>p no-reach icmp tcp udp'],
    ],
    [
      'two OVN networks, of which the source has the address too: only what is another address',
      on('a/l2', '10.7.0.1'),
      on('b/l2', '10.7.0.1'),
      [],
    ],
    [
      'a VLAN of a physical network by two definitions: all of it',
      on('a/vlan10', '10.9.0.1'),
      on('a/vlan10-again', '10.9.0.2'),
      [`p>q reach ${everything}`, `q>p reach ${everything}`],
    ],
    [
      'two VLANs: nothing',
      on('a/vlan10', '10.9.0.1'),
      on('a/vlan20', '10.9.0.2'),
      ['p>q no-reach icmp tcp udp', 'q>p no-reach icmp tcp udp'],
    ],
    [
      'one VLAN on two bridges: nobody knows the wires',
      on('a/vlan10', '10.9.0.1'),
      on('a/br1-10', '10.9.0.2'),
      [],
    ],
    [
      'one bridge with an uplink on both nodes: all of it',
      on('a/br1-10', '10.9.0.1'),
      on('a/br1-10', '10.9.0.2'),
      [`p>q reach ${everything}`, `q>p reach ${everything}`],
    ],
    [
      'a bridge without an uplink: nothing',
      on('a/island', '10.9.0.1'),
      on('a/island', '10.9.0.2'),
      ['p>q no-reach icmp tcp udp', 'q>p no-reach icmp tcp udp'],
    ],
    ['a type that is not known: not tested', on('a/macvlan', '10.9.0.1'), on('a/macvlan', '10.9.0.2'), []],
    ['no address: not tested', on('a/l2'), on('a/l2', '10.7.0.2'), []],
  ])('%s', (_name, one, other, expected) => {
    expect(briefly(cellsOf(pods(['p', 'node1', one], ['q', 'node2', other])))).toEqual(expected);
  });

  test('both families are tried where both have them', () => {
    const cells = cellsOf(
      pods(
        ['p', 'node1', on('a/l2', '10.7.0.1', 'fd00::1')],
        ['q', 'node2', on('a/l2', 'fe80::2', 'fd00::2')],
      ),
    );
    expect(briefly(cells, 4)).toEqual([]);
    expect(briefly(cells, 6)).toEqual([`p>q reach ${everything}`, `q>p reach ${everything}`]);
  });

  test('the packet of full size is as large as the smaller of the two takes', () => {
    const cells = cellsOf(
      pods(
        ['p', 'node1', { ...on('a/l2', '10.7.0.1'), mtu: 1300 }],
        ['q', 'node2', { ...on('a/l2', '10.7.0.2'), mtu: 1400 }],
      ),
    );
    const packets = cells.filter(({ packet }) => packet > 0);
    expect(packets.map(({ packet }) => packet)).toEqual([1300, 1300]);
  });
});

test('a bridge without an uplink joins what is on one node', () => {
  const world = pods(['p', 'node1', on('a/island', '10.9.0.1')], ['q', 'node1', on('a/island', '10.9.0.2')]);
  expect(briefly(cellsOf(world))).toEqual([`p>q reach ${everything}`, `q>p reach ${everything}`]);
});

describe('a primary network', () => {
  const locked: NicOf = { network: '', addresses: ['10.128.0.9'], device: 'eth0' };
  const primary: NicOf = {
    network: 'a/primary',
    addresses: ['10.1.1.3'],
    device: 'ovn-udn1',
    isDefault: true,
  };
  const outside: NicOf = { network: '', addresses: ['10.128.2.5'], device: 'eth0', isDefault: true };
  const world: World = {
    pods: [podOf('a', 'tenant', 'node1', [locked, primary]), podOf('b', 'plain', 'node2', [outside])],
    vmis: [],
    definitions,
    nodeStates,
  };

  test('is apart from the default one, at which its pods are closed', () => {
    const nics = cellsOf(world).map(
      ({ from, to, expect: wanted, protocol }) =>
        `${from.host.name}:${from.name}>${to.host.name}:${to.name} ${wanted} ${protocol}`,
    );
    expect(nics.filter((line) => !/(.+)>\1 /.test(line))).toEqual([
      'tenant:eth0>plain:eth0 no-reach icmp',
      'tenant:ovn-udn1>plain:eth0 no-reach icmp',
      'tenant:ovn-udn1>plain:eth0 no-reach tcp',
      'tenant:ovn-udn1>plain:eth0 no-reach udp',
      'plain:eth0>tenant:eth0 no-reach icmp',
      'plain:eth0>tenant:eth0 no-reach tcp',
      'plain:eth0>tenant:eth0 no-reach udp',
      'plain:eth0>tenant:ovn-udn1 no-reach icmp',
      'plain:eth0>tenant:ovn-udn1 no-reach tcp',
      'plain:eth0>tenant:ovn-udn1 no-reach udp',
    ]);
  });

  test('targets that nobody reaches answer themselves, each once', () => {
    const selves = cellsOf(world).filter(({ from, to }) => from === to);
    expect(selves.map(({ to, protocol }) => `${nicName(to)} ${protocol}`).toSorted()).toEqual(
      ['pod b/plain:eth0', 'pod a/tenant:eth0', 'pod a/tenant:ovn-udn1']
        .flatMap((name) => ['icmp', 'tcp', 'udp'].map((protocol) => `${name} ${protocol}`))
        .toSorted(),
    );
  });

  test('says nothing about an untagged physical network: the node may route there', () => {
    const untagged = podOf('a', 'wire', 'node2', [on('a/untagged', '192.168.7.9')]);
    const tagged = podOf('a', 'wire', 'node2', [on('a/vlan10', '192.168.7.9')]);
    const met = (pod: typeof untagged): boolean =>
      cellsOf({ ...world, pods: [podOf('b', 'plain', 'node1', [outside]), pod] }).some(
        ({ from, to }) => from !== to,
      );
    expect([met(untagged), met(tagged)]).toEqual([false, true]);
  });
});

describe('guests', () => {
  const card = (ports?: readonly object[]): Readonly<Record<string, unknown>> => ({ masquerade: {}, ports });
  const guest = (name: string, node: string, address: string, list?: readonly object[]) =>
    vmOf('a', name, node, [
      { network: '', addresses: [address], device: 'eth0', isDefault: true, card: card(list) },
    ]);
  const worldOf = (...guests: readonly ReturnType<typeof vmOf>[]): World => ({
    pods: guests.map(({ launcher }) => launcher),
    vmis: guests.map(({ vmi }) => vmi),
    definitions,
    nodeStates,
  });

  test('let listed ports in and no others; pings end at the pod', () => {
    const cells = cellsOf(
      worldOf(guest('x', 'node1', '10.128.0.3'), guest('y', 'node2', '10.128.2.3', [{ port: 80 }])),
    ).filter(({ to, from }) => to.host.name === 'y' && from !== to);
    expect(cells.map(({ protocol, port, expect: wanted }) => `${protocol} ${port} ${wanted}`)).toEqual([
      'icmp 0 reach',
      'icmp 0 reach',
      'tcp 80 reach',
      'tcp 80 reach',
      'tcp 20001 no-reach',
      'udp 20002 no-reach',
    ]);
  });

  test('without an agent, or without the card, are listed and not tested', () => {
    const silent = guest('x', 'node1', '10.128.0.3');
    const vmi = { ...silent.vmi, status: { ...silent.vmi.status, conditions: [] } };
    const world = worldOf({ ...silent, vmi }, guest('y', 'node2', '10.128.2.3'));
    expect(listNics(world).map(({ untested }) => untested)).toEqual([
      "the guest's agent is not connected",
      undefined,
    ]);
    expect(cellsOf(world)).toEqual([]);
  });

  test('hosts that meet on a network are not held apart on others: they answer at every address', () => {
    const two = (name: string, node: string, last: number, second: string) =>
      vmOf('a', name, node, [
        { network: 'a/l2', addresses: [`10.7.0.${last}`], device: 'net1' },
        { network: second, addresses: [`10.9.0.${last}`], device: 'net2' },
      ]);
    const cells = cellsOf(worldOf(two('x', 'node1', 1, 'a/vlan10'), two('y', 'node2', 2, 'a/vlan20')));
    const apart = cells.filter(({ expect: wanted }) => wanted === 'no-reach');
    // VLAN against VLAN is tried, for the two do not meet there; layer 2 against a VLAN is not.
    expect(
      [...new Set(apart.map(({ from, to }) => `${from.segment.label}>${to.segment.label}`))].toSorted(),
    ).toEqual(['a/vlan10>a/l2', 'a/vlan10>a/vlan20', 'a/vlan20>a/l2', 'a/vlan20>a/vlan10']);
  });
});

describe('many', () => {
  const many = pods(
    ...Array.from(
      { length: 40 },
      (_, index) => [`p${index}`, `node${(index % 2) + 1}`, on('a/l2', `10.7.0.${index + 1}`)] as const,
    ),
  );

  test('each is tried against a few others, on its own node and on another', () => {
    const cells = cellsOf(many, 4);
    for (const nic of listNics(many)) {
      const met = [
        ...new Set(cells.filter(({ from }) => from.host.name === nic.host.name).map(({ to }) => to)),
      ];
      expect(met).toHaveLength(4);
      expect(new Set(met.map(({ host }) => host.node)).size).toBe(2);
    }
  });
});

describe('what is expected', () => {
  const segment: fc.Arbitrary<Segment> = fc
    .record({
      kind: fc.constantFrom(
        'default' as const,
        'locked' as const,
        'overlay' as const,
        'physical' as const,
        'unknown' as const,
      ),
      key: fc.constantFrom('one', 'two'),
      hasWayOut: fc.boolean(),
      vlan: fc.constantFrom(0, 10, 20),
      wire: fc.option(
        fc.record({
          bridge: fc.constantFrom('br1', 'br2'),
          uplinks: fc.constantFrom([], ['eth1'], ['eth2']),
        }),
        { nil: undefined },
      ),
    })
    .map(({ wire, ...rest }) => ({
      ...rest,
      label: rest.key,
      subnets: [],
      ...(wire !== undefined && { wire }),
    }));
  const place = fc.record({ segment, node: fc.constantFrom('node1', 'node2') });

  test('is the same in both directions', () => {
    fc.assert(
      fc.property(place, place, (a, b) => {
        expect(relate(a, b)).toEqual(relate(b, a));
      }),
    );
  });

  test('of cells that must reach, each has its reverse', () => {
    const nic = fc.tuple(
      fc.constantFrom('a/l2', 'b/l2', 'a/vlan10', 'a/vlan20', 'a/br1-10', 'a/island'),
      fc.constantFrom('node1', 'node2'),
    );
    fc.assert(
      fc.property(fc.array(nic, { maxLength: 7 }), (list) => {
        const world = pods(
          ...list.map(
            ([network, node], index) => [`p${index}`, node, on(network, `10.7.0.${index + 1}`)] as const,
          ),
        );
        const reach = cellsOf(world).filter((cell) => cell.expect === 'reach' && cell.from !== cell.to);
        const keys = new Set(
          reach.map(({ from, to, protocol, size }) => [from.host.name, to.host.name, protocol, size].join()),
        );
        for (const { from, to, protocol, size } of reach) {
          expect(keys).toContain([to.host.name, from.host.name, protocol, size].join());
        }
      }),
    );
  });
});

test('isolation is tried against a NIC whose address the source does not have itself', () => {
  const nics = listNics({
    pods: [
      podOf('a', 'p', 'n1', [on('a/l2', '10.7.0.1')]),
      podOf('a', 'q', 'n1', [on('a/l2', '10.7.0.2')]),
      podOf('b', 'p', 'n1', [on('b/l2', '10.7.0.1')]),
      podOf('b', 'q', 'n1', [on('b/l2', '10.7.0.2')]),
    ],
    vmis: [],
    definitions,
    nodeStates,
  });
  const apart = composeCells(nics, { ports, peers: 1 }).filter(
    ({ expect: wanted, protocol }) => wanted === 'no-reach' && protocol === 'tcp',
  );
  expect(apart.map(({ from, to }) => `${nicName(from)} ${nicName(to)}`).toSorted()).toEqual([
    'pod a/p:net1 pod b/q:net1',
    'pod a/q:net1 pod b/p:net1',
    'pod b/p:net1 pod a/q:net1',
    'pod b/q:net1 pod a/p:net1',
  ]);
});

test('only one expectation, with what proves it', () => {
  const world = pods(
    ['p', 'node1', on('a/l2', '10.7.0.1')],
    ['q', 'node1', on('a/l2', '10.7.0.2')],
    ['r', 'node1', on('b/l2', '10.7.0.3')],
    ['s', 'node1', on('b/l2', '10.7.0.4')],
  );
  const only = (wanted: 'reach' | 'no-reach'): readonly Cell[] =>
    composeCells(listNics(world), { ports, peers: 8, expect: wanted });
  expect(briefly(only('reach')).slice(0, 2)).toEqual([`p>q reach ${everything}`, `q>p reach ${everything}`]);
  expect(only('reach').filter((cell) => cell.expect === 'no-reach' || cell.from === cell.to)).toEqual([]);
  const apart = only('no-reach');
  expect(briefly(apart).slice(0, 3)).toEqual([
    'p>q reach icmp',
    'p>r no-reach icmp tcp udp',
    'q>p reach icmp',
  ]);
  expect(
    apart.filter(({ from, to }) => from === to).map(({ to, protocol }) => `${to.host.name} ${protocol}`),
  ).toEqual(['r', 's', 'p', 'q'].flatMap((name) => [`${name} tcp`, `${name} udp`]));
});

test('what a pod opens beside its primary network is not held to be closed', () => {
  const world = (annotations: Readonly<Record<string, string>>): World => {
    const nic = (device: string, network: string, address: string): NicOf => ({
      ...{ device, network, addresses: [address], isDefault: device === 'ovn-udn1' },
    });
    const closed = podOf('a', 'p', 'node1', [
      nic('eth0', '', '10.128.0.5'),
      nic('ovn-udn1', 'a/primary', '10.1.1.5'),
    ]);
    const made = { ...closed.metadata.annotations, ...annotations };
    return {
      pods: [
        { ...closed, metadata: { ...closed.metadata, annotations: made } },
        podOf('b', 'q', 'node2', [{ ...nic('eth0', '', '10.128.2.5'), isDefault: true }]),
      ],
      ...{ vmis: [], definitions, nodeStates },
    };
  };
  const tried = (annotations: Readonly<Record<string, string>>): readonly string[] =>
    cellsOf(world(annotations))
      .filter(({ from, to }) => from.host.name === 'q' && nicName(to) === 'pod a/p:eth0')
      .map(({ protocol, expect: wanted }) => `${wanted} ${protocol}`);
  expect(tried({})).toEqual(['no-reach icmp', 'no-reach tcp', 'no-reach udp']);
  const open = 'k8s.ovn.org/open-default-ports';
  expect(tried({ [open]: '- protocol: icmp' })).toEqual(['no-reach tcp', 'no-reach udp']);
  expect(tried({ [open]: '- protocol: x' })).toHaveLength(3);
});
