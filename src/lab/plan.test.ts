import { expect, test } from 'vitest';
import { instancePaths, isAliasOf, stableMac } from './names.ts';
import { composeLab } from './plan.ts';
import { composeSwitchGreeting } from './switch-greeting.ts';

const paths = instancePaths('demo', '/state');
const lab = composeLab({ paths, nodes: ['node1', 'node2'], machineSubnet: 130, datapath: 'netdev' });

test('nodes get addresses from .11, cables to both wires, and namespaces that carry the instance', () => {
  expect(lab.machine).toEqual({
    bridge: 'pb130',
    address: '192.168.130.1',
    prefixLength: 24,
    address6: 'fd00:192:168:130::1',
  });
  expect(lab.nodes.map(({ name, netns, address }) => [name, netns, address])).toEqual([
    ['node1', 'demo.node1', '192.168.130.11'],
    ['node2', 'demo.node2', '192.168.130.12'],
  ]);
  expect(lab.nodes[1]?.cables.map(({ nic, machineEnd, bridge }) => [nic, machineEnd, bridge])).toEqual([
    ['eth0', 'pb130n2e0', 'pb130'],
    ['eth1', 'pb130n2e1', 'pb130p'],
    ['eth2', 'pb130n2e2', 'pb130p'],
  ]);
});

test.each([
  [[4, 6] as const, ['192.168.130.12', 'fd00:192:168:130::12'], '1'],
  [[6] as const, ['fd00:192:168:130::12'], '1'],
  [[4] as const, ['192.168.130.12'], undefined],
])(
  'a lab of IPv%s has nodes with such addresses, and tunnels over IPv4',
  (ipFamilies, addresses, forwarding) => {
    const one = composeLab({
      paths,
      nodes: ['node1', 'node2'],
      machineSubnet: 130,
      datapath: 'netdev',
      ipFamilies,
    });
    expect(one.nodes[1]?.addresses).toEqual(addresses);
    expect(one.nodes[1]?.sysctls['net.ipv6.conf.all.forwarding']).toBe(forwarding);
    expect(one.machine.address6 === undefined).toBe(forwarding === undefined);
    expect(one.nodes[1]?.ovsSettings.flat()).toContain('external_ids:ovn-encap-ip="192.168.130.12"');
  },
);

test('pods get what the wires carry less what Geneve needs', () => {
  const jumbo = composeLab({
    paths,
    nodes: ['node1'],
    machineSubnet: 130,
    datapath: 'netdev',
    mtu: 9000,
  });
  expect([lab.mtu, lab.podMtu, jumbo.mtu, jumbo.podMtu]).toEqual([1500, 1400, 9000, 8900]);
  expect(jumbo.nodes[0]?.ovsSettings.flat()).toContain('mtu_request=9000');
});

test('link names fit into 15 bytes with the most nodes and the longest instance name', () => {
  const nodes = Array.from({ length: 240 }, (_, index) => `node${index + 1}`);
  const most = composeLab({
    paths: instancePaths('twelveletter'),
    nodes,
    machineSubnet: 254,
    datapath: 'netdev',
  });
  const names = most.nodes.flatMap(({ cables }) => cables.map(({ machineEnd }) => machineEnd));
  expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(15);
  expect(new Set(names).size).toBe(720);
});

test('every daemon names files of the instance only, and OVN central runs without root', () => {
  const daemons = [
    ...lab.central.databases,
    lab.central.northd,
    ...lab.nodes.flatMap(({ ovsdb, vswitchd, controller }) => [ovsdb, vswitchd, controller]),
  ];
  expect(daemons).toHaveLength(9);
  for (const { argv, pidFile } of daemons) {
    expect(argv).toContain(`--pidfile=${pidFile}`);
    expect(pidFile.startsWith('/run/patchbay/demo/')).toBe(true);
  }
  expect(daemons.filter(({ unprivileged }) => unprivileged).map(({ name }) => name)).toEqual([
    'ovn-nb',
    'ovn-sb',
    'ovn-northd',
  ]);
});

test('the underlay address is told to OVN, and br-ex holds eth0 with an address of its own', () => {
  const words = lab.nodes[0]?.ovsSettings.flat() ?? [];
  expect(words).toContain('external_ids:ovn-encap-ip="192.168.130.11"');
  expect(words).toContain('external_ids:ovn-remote="unix:/run/patchbay/demo/ovn/sb.sock"');
  expect(words).toContain('datapath_type=netdev');
  expect(words).not.toContain(`other_config:hwaddr="${lab.nodes[0]?.cables[0]?.mac ?? ''}"`);
});

test.each([
  ['', 'none'],
  ['Upper', 'capitals'],
  ['-a', 'a leading dash'],
  ['a.b', 'a dot'],
  ['thirteen-long', '13 letters'],
  ['../etc', 'a path'],
])('instance name %j is refused (%s)', (name) => {
  expect(() => instancePaths(name)).toThrow(/--name .* is refused: allowed are 1 to 12/);
});

test('no nodes, and more nodes than addresses, are refused', () => {
  for (const nodes of [[], Array.from({ length: 241 }, (_, index) => `n${index}`)]) {
    expect(() => composeLab({ paths, nodes, machineSubnet: 130, datapath: 'netdev' })).toThrow(
      /allowed are 1 to 240/,
    );
  }
});

test.each([
  ['patchbay:demo', true],
  ['patchbay:demo.node1.', true],
  ['patchbay:demo2', false],
  ['patchbay:demo-2.node1.', false],
  [undefined, false],
])('alias %j belongs to instance demo: %j', (alias, expected) => {
  expect(isAliasOf('demo', alias)).toBe(expected);
});

test('MAC addresses are stable, local and unicast', () => {
  expect(stableMac('a', 'b')).toBe(stableMac('a', 'b'));
  expect(stableMac('a', 'b')).not.toBe(stableMac('a', 'c'));
  expect(stableMac('a', 'b')).toMatch(/^02(:[0-9a-f]{2}){5}$/);
});

test('a switch in user space is told to leave fragments alone, and who is at the other ends of its tunnels', () => {
  const [node] = lab.nodes;
  if (node === undefined) throw new Error('the lab has no nodes');
  expect(composeSwitchGreeting(lab, node).map(({ method, params }) => [method, ...params].join(' '))).toEqual(
    [
      'dpctl/ipf-set-disabled netdev@ovs-netdev v4',
      'dpctl/ipf-set-disabled netdev@ovs-netdev v6',
      'tnl/neigh/aging 3600',
      `tnl/neigh/set br-ex 192.168.130.12 ${lab.nodes[1]?.uplinkMac}`,
    ],
  );
  expect(composeSwitchGreeting({ ...lab, datapath: 'system' }, node)).toEqual([]);
});
