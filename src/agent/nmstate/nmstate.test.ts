import { describe, expect, it } from 'vitest';
import type { Node } from '#api/core/node.ts';
import type { NodeNetworkConfigurationEnactment } from '#api/nmstate.io/node-network-configuration-enactment.ts';
import type { NodeNetworkConfigurationPolicy } from '#api/nmstate.io/node-network-configuration-policy.ts';
import type { InterfaceView } from '#drivers/ip/driver.ts';
import { NODE, type Resource, resourceId } from '#node-state/resource.ts';
import { composePolicy } from './compose-policy.ts';
import { composeCurrentState } from './current-state.ts';
import { enactmentStatus, isAt, slots, stages, turnOf } from './enactment.ts';
import type { NodeView } from './policy-input.ts';

const nic = (name: string, rest: Partial<InterfaceView> = {}): InterfaceView => ({
  name,
  index: 1,
  kind: 'veth',
  mtu: 1500,
  up: true,
  carrier: true,
  mac: '02:00:00:00:00:01',
  ipv4: [],
  ipv6: [],
  ...rest,
});

const ovsNode: NodeView = {
  interfaces: [nic('eth0'), nic('eth1'), nic('eth2')],
  observed: [],
  foreignBridges: ['br-int', 'br-ex'],
  bridgeVlanFiltering: false,
  vlanDevices: false,
  bonding: false,
  ovsUserspace: true,
};
const linuxNode: NodeView = {
  ...ovsNode,
  bridgeVlanFiltering: true,
  vlanDevices: true,
  bonding: true,
  ovsUserspace: false,
};

const documented = {
  interfaces: [
    {
      name: 'br1',
      description: 'Linux bridge with eth1 as a port',
      type: 'linux-bridge',
      state: 'up',
      ipv4: { enabled: false },
      bridge: { options: { stp: { enabled: false } }, port: [{ name: 'eth1' }] },
    },
  ],
};

const br1: Resource = { kind: 'ovs-bridge', name: 'br1', failMode: 'standalone', replaces: 'linux-bridge' };
const port = (name: string): Resource => ({
  kind: 'ovs-port',
  name,
  bridge: 'br1',
  interfaceType: 'system',
  externalIds: {},
});

describe('composePolicy', () => {
  it('realises the documented linux-bridge by Open vSwitch where the kernel cannot, and says so', () => {
    const { desired, notes } = composePolicy(documented, ovsNode);
    expect(desired).toEqual([
      { ...br1, description: 'Linux bridge with eth1 as a port' },
      { kind: 'link', netns: NODE, name: 'eth1', device: { type: 'nic' }, up: true, offload: false },
      port('eth1'),
    ]);
    expect(notes).toEqual([expect.stringContaining('br1 is realised by an Open vSwitch bridge')]);
  });

  it('makes it a Linux bridge where the kernel can: VLAN 1 native, all others tagged', () => {
    const { desired, notes } = composePolicy(documented, linuxNode);
    expect(desired).toMatchObject([
      { kind: 'link', name: 'br1', device: { type: 'bridge', stp: false, vlanFiltering: true } },
      {
        name: 'eth1',
        port: {
          bridge: 'br1',
          vlans: [
            { id: 1, pvid: true, untagged: true },
            { id: 2, endId: 4094 },
          ],
        },
      },
    ]);
    expect(notes).toEqual([]);
  });

  it.each([
    [
      { mode: 'access', tag: 100 },
      { tag: 100, vlanMode: 'access' },
    ],
    [
      { mode: 'trunk', 'trunk-tags': [{ id: 100 }, { 'id-range': { min: 200, max: 202 } }] },
      { trunks: [0, 100, 200, 201, 202] },
    ],
    [
      { mode: 'trunk', 'trunk-tags': [{ id: 100 }], 'enable-native': true, tag: 5 },
      { trunks: [100], tag: 5, vlanMode: 'native-untagged' },
    ],
  ])('port with %j', (vlan, expected) => {
    const state = {
      interfaces: [{ name: 'br1', type: 'linux-bridge', bridge: { port: [{ name: 'eth1', vlan }] } }],
    };
    expect(composePolicy(state, ovsNode).desired.find(({ kind }) => kind === 'ovs-port')).toMatchObject(
      expected,
    );
  });

  it('lets go of ports that are no longer listed', () => {
    const observed = [br1, port('eth1'), port('eth2')];
    expect(composePolicy(documented, { ...ovsNode, observed }).removed).toEqual([port('eth2')]);
    const bridged: Resource = {
      kind: 'link',
      netns: NODE,
      name: 'eth2',
      device: { type: 'nic' },
      up: true,
      port: { bridge: 'br1' },
    };
    const state = composePolicy(documented, { ...linuxNode, observed: [bridged] });
    expect(state.desired.find((one) => one.kind === 'link' && one.name === 'eth2')).toEqual({
      kind: 'link',
      netns: NODE,
      name: 'eth2',
      device: { type: 'nic' },
      up: true,
    });
  });

  it('takes away what is absent, with its ports', () => {
    const absent = { interfaces: [{ name: 'br1', type: 'linux-bridge', state: 'absent' }] };
    const interfaces = [...ovsNode.interfaces, nic('br1', { kind: 'tun' })];
    const { removed, desired } = composePolicy(absent, {
      ...ovsNode,
      interfaces,
      observed: [br1, port('eth1')],
    });
    expect(removed.map(resourceId)).toEqual(['ovs-bridge/br1', 'ovs-port/eth1']);
    expect(desired).toEqual([]);
    expect(composePolicy(absent, ovsNode).removed).toEqual([]);
  });

  it('adds and removes bridge mappings', () => {
    const mappings = (list: object[]) =>
      composePolicy(
        { ovn: { 'bridge-mappings': list } },
        {
          ...ovsNode,
          observed: [{ kind: 'ovs-mappings', mappings: { old: 'br-ex' } }],
        },
      ).desired;
    expect(mappings([{ localnet: 'net1', bridge: 'br-ex' }])).toEqual([
      { kind: 'ovs-mappings', mappings: { old: 'br-ex', net1: 'br-ex' } },
    ]);
    // The last one goes with the resource: no mappings are none, not an empty one that is never found there.
    expect(mappings([{ localnet: 'old', state: 'absent' }])).toEqual([]);
    expect(() => mappings([{ localnet: 'net1', bridge: 'br-exx' }])).toThrow(/did you mean "br-ex"\?/);
  });

  it.each([
    [
      { name: 'br1', type: 'linux-bridge', bridge: { port: [{ name: 'eth11' }] } },
      /"eth11" does not exist on this node \(did you mean "eth1"\?\); NICs there are: eth0, eth1, eth2/,
    ],
    [{ name: 'br-int', type: 'ovs-bridge', bridge: { port: [] } }, /not configured by policies/],
    [{ name: 'eth2', type: 'linux-bridge', bridge: { port: [] } }, /is there already as veth/],
    [{ name: 'eth1.5', type: 'vlan', vlan: { 'base-iface': 'eth1', id: 5 } }, /no VLAN devices/],
    [{ name: 'bond0', type: 'bond', 'link-aggregation': { port: ['eth1'] } }, /no bonding/],
    [{ name: 'eth1', type: 'ethernet', ipv4: { enabled: true, dhcp: true } }, /ipv4.dhcp/],
    [{ name: 'x', type: 'vxlan' }, /type "vxlan" is not supported/],
  ])('refuses %j', (wanted, message) => {
    expect(() => composePolicy({ interfaces: [wanted] }, ovsNode)).toThrow(message);
  });

  it('sets addresses, and takes away those that are not listed', () => {
    const wanted = {
      name: 'eth1',
      type: 'ethernet',
      mtu: 9000,
      ipv4: { enabled: true, address: [{ ip: '10.0.0.1', 'prefix-length': 24 }] },
    };
    const old: Resource = { kind: 'address', netns: NODE, link: 'eth1', address: '10.0.0.9/24' };
    const { desired, removed } = composePolicy({ interfaces: [wanted] }, { ...ovsNode, observed: [old] });
    expect(desired.map(resourceId)).toEqual(['link//eth1', 'address//eth1/10.0.0.1/24']);
    expect(removed).toEqual([old]);
  });
});

describe('composeCurrentState', () => {
  it("reports the stand-in as the linux-bridge it stands for, and leaves out what is not the node's network", () => {
    const { interfaces } = composeCurrentState({
      nodeName: 'node1',
      interfaces: [
        nic('lo', { kind: 'loopback' }),
        nic('eth1'),
        nic('br1', { kind: 'tun' }),
        nic('br-int', { kind: 'tun' }),
        nic('veth0'),
        nic('pb0123456789abc', { alias: 'patchbay:lab.node1.020af941-7a31-4916-ab88-88299c86132f raw' }),
      ],
      routes: [],
      observed: [br1, port('eth1')],
      dnsServers: [],
    }) as { interfaces: Record<string, unknown>[] };
    expect(interfaces.map(({ name, type, controller }) => ({ name, type, controller }))).toEqual([
      { name: 'br1', type: 'linux-bridge', controller: undefined },
      { name: 'eth1', type: 'ethernet', controller: 'br1' },
    ]);
    expect(interfaces[0]).toMatchObject({
      'realised-by': 'ovs-bridge',
      bridge: { port: [{ name: 'eth1' }] },
    });
  });
});

describe('enactments', () => {
  const policy: NodeNetworkConfigurationPolicy = {
    metadata: { name: 'p', generation: 2 },
    spec: { desiredState: {} },
  };
  const node = (name: string): Node => ({
    metadata: { name },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const at = (
    name: string,
    stage: ReturnType<typeof stages.pending>,
    generation = 2,
  ): NodeNetworkConfigurationEnactment => ({
    metadata: { name: `${name}.p` },
    status: enactmentStatus(undefined, { ...policy, metadata: { name: 'p', generation } }, stage, 0, 0),
  });
  const nodes = ['node1', 'node2', 'node3', 'node4'].map(node);

  it('has one true condition, and keeps times of those that stay', () => {
    const first = enactmentStatus(undefined, policy, stages.progressing(), 0, 0);
    const then = enactmentStatus(first, policy, stages.available(['a note']), 0, 60_000);
    expect(then.conditions?.filter(({ status }) => status === 'True')).toEqual([
      {
        type: 'Available',
        status: 'True',
        reason: 'SuccessfullyConfigured',
        message: 'successfully reconciled; a note',
        lastTransitionTime: '1970-01-01T00:01:00Z',
      },
    ]);
    expect(isAt({ metadata: { name: 'x' }, status: then }, policy, 'Available')).toBe(true);
    expect(
      isAt(
        { metadata: { name: 'x' }, status: then },
        { ...policy, metadata: { name: 'p', generation: 3 } },
        'Available',
      ),
    ).toBe(false);
  });

  it.each([
    [undefined, 4, 2],
    [undefined, 1, 1],
    ['50%', 5, 3],
    [1, 10, 1],
    ['3', 10, 3],
    ['10%', 3, 1],
  ])('maxUnavailable %s of %i nodes is %i at once', (value, matching, expected) => {
    expect(slots(value, matching)).toBe(expected);
  });

  it.each([
    ['node1', [], 'go'],
    ['node2', [], 'go'],
    ['node3', [], 'wait'],
    ['node3', [at('node1', stages.available([]))], 'go'],
    ['node3', [at('node1', stages.available([]), 1)], 'wait'],
    ['node4', [at('node1', stages.failing('x'))], 'abort'],
  ] as const)('%s with %j: %s', (name, enactments, expected) => {
    expect(turnOf(name, policy, nodes, enactments)).toBe(expected);
  });
});
