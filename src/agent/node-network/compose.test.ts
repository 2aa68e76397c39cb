import { describe, expect, test } from 'vitest';
import type { InterfaceView } from '#drivers/ip/driver.ts';
import { NODE, type Resource, type ResourceOf } from '#node-state/resource.ts';
import { diff } from '../diff.ts';
import { composeNodeNetwork, isNodeNetwork } from './compose.ts';
import type { NetworkFacts, NetworkView } from './placed.ts';

const plain: NetworkFacts = {
  bridgeVlanFiltering: true,
  vlanDevices: true,
  bonding: true,
  ovsUserspace: false,
};
const small: NetworkFacts = {
  bridgeVlanFiltering: false,
  vlanDevices: false,
  bonding: false,
  ovsUserspace: true,
};

function nic(name: string): InterfaceView {
  return { name, index: 1, kind: 'ether', mtu: 1500, up: true, carrier: true, ipv4: [], ipv6: [] };
}

function nicLink(name: string): ResourceOf<'link'> {
  return { kind: 'link', netns: NODE, name, device: { type: 'nic' }, up: true, mtu: 1500 };
}

function view(facts: NetworkFacts, extra: readonly Resource[] = []): NetworkView {
  const names = ['eth0', 'eth1', 'eth2'];
  return {
    nodeName: 'node1',
    interfaces: names.map(nic),
    resources: [
      ...names
        .map(nicLink)
        .filter(({ name }) => !extra.some((one) => one.kind === 'link' && one.name === name)),
      ...extra,
    ],
    facts,
  };
}

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

function compose(state: unknown, facts = plain, extra: readonly Resource[] = []): readonly Resource[] {
  return composeNodeNetwork(state, view(facts, extra));
}

function find(resources: readonly Resource[], kind: Resource['kind'], name: string): Resource | undefined {
  return resources.find((one) => one.kind === kind && 'name' in one && one.name === name);
}

describe('the documented Linux bridge', () => {
  test('is the kernel’s where the kernel filters VLANs; its port carries all VLANs, 1 untagged', () => {
    const resources = compose(documented);
    expect(find(resources, 'link', 'br1')).toMatchObject({
      device: { type: 'bridge', stp: false, vlanFiltering: true },
      description: 'Linux bridge with eth1 as a port',
      up: true,
    });
    expect(find(resources, 'link', 'eth1')).toMatchObject({
      port: {
        bridge: 'br1',
        vlans: [
          { id: 1, pvid: true, untagged: true },
          { id: 2, endId: 4094 },
        ],
      },
    });
  });

  test('is an Open vSwitch bridge of the same name elsewhere, and says what it replaces', () => {
    const resources = compose(documented, small);
    expect(find(resources, 'ovs-bridge', 'br1')).toMatchObject({
      replaces: 'linux-bridge',
      failMode: 'standalone',
    });
    expect(find(resources, 'ovs-port', 'eth1')).toMatchObject({ bridge: 'br1', interfaceType: 'system' });
    expect(find(resources, 'link', 'eth1')).toMatchObject({ up: true, offload: false });
  });

  test.each([
    ['kernel', plain],
    ['Open vSwitch', small],
  ])('applied twice changes nothing (%s)', (_name, facts) => {
    const once = compose(documented, facts);
    expect(diff(compose(documented, facts, once), once)).toEqual([]);
  });

  test.each([
    ['kernel', plain],
    ['Open vSwitch', small],
  ])('is gone with state absent, its NIC stays (%s)', (_name, facts) => {
    const once = compose(documented, facts);
    const after = compose(
      { interfaces: [{ name: 'br1', type: 'linux-bridge', state: 'absent' }] },
      facts,
      once,
    );
    expect(after.filter((one) => 'name' in one && one.name === 'br1')).toEqual([]);
    expect(find(after, 'ovs-port', 'eth1')).toBeUndefined();
    expect(find(after, 'link', 'eth1')).not.toHaveProperty('port');
  });

  test('a policy for another interface leaves it alone', () => {
    const once = compose(documented, small);
    const after = compose(
      { interfaces: [{ name: 'eth2', type: 'ethernet', state: 'up', mtu: 1400 }] },
      small,
      once,
    );
    expect(find(after, 'ovs-bridge', 'br1')).toBeDefined();
    expect(find(after, 'link', 'eth2')).toMatchObject({ mtu: 1400 });
  });

  test('a port that the policy no longer lists leaves the bridge', () => {
    const once = compose(documented, small);
    const bridge = { ...documented.interfaces[0], bridge: { port: [{ name: 'eth2' }] } };
    const after = compose({ interfaces: [bridge] }, small, once);
    expect(find(after, 'ovs-port', 'eth1')).toBeUndefined();
    expect(find(after, 'ovs-port', 'eth2')).toMatchObject({ bridge: 'br1' });
  });
});

describe('port VLANs', () => {
  const port = (vlan: unknown): unknown => ({
    interfaces: [
      { name: 'br1', type: 'linux-bridge', state: 'up', bridge: { port: [{ name: 'eth1', vlan }] } },
    ],
  });

  test.each([
    [
      { mode: 'access', tag: 100 },
      [{ id: 100, pvid: true, untagged: true }],
      { tag: 100, vlanMode: 'access' },
    ],
    [
      { mode: 'trunk', 'trunk-tags': [{ id: 101 }, { 'id-range': { min: 500, max: 501 } }] },
      [{ id: 101 }, { id: 500, endId: 501 }],
      { trunks: [101, 500, 501], vlanMode: 'trunk' },
    ],
    [
      { mode: 'trunk', 'enable-native': true, tag: 105, 'trunk-tags': [{ id: 101 }] },
      [{ id: 105, pvid: true, untagged: true }, { id: 101 }],
      { tag: 105, trunks: [101, 105], vlanMode: 'native-untagged' },
    ],
  ])('%j', (vlan, kernel, ovs) => {
    expect(find(compose(port(vlan)), 'link', 'eth1')).toMatchObject({
      port: { bridge: 'br1', vlans: kernel },
    });
    expect(find(compose(port(vlan), small), 'ovs-port', 'eth1')).toMatchObject(ovs);
  });
});

describe('addresses', () => {
  const old: Resource = { kind: 'address', netns: NODE, link: 'eth1', address: '192.0.2.9/24' };

  test('a list replaces those there', () => {
    const ipv4 = { enabled: true, address: [{ ip: '192.0.2.10', 'prefix-length': 24 }] };
    const after = compose({ interfaces: [{ name: 'eth1', type: 'ethernet', state: 'up', ipv4 }] }, plain, [
      old,
    ]);
    expect(after.filter(({ kind }) => kind === 'address')).toEqual([{ ...old, address: '192.0.2.10/24' }]);
  });

  test('disabled removes them, absent leaves them', () => {
    const disabled = { interfaces: [{ name: 'eth1', state: 'up', ipv4: { enabled: false } }] };
    expect(compose(disabled, plain, [old]).filter(({ kind }) => kind === 'address')).toEqual([]);
    const silent = { interfaces: [{ name: 'eth1', state: 'up' }] };
    expect(compose(silent, plain, [old])).toContainEqual(old);
  });
});

test('bridge mappings are added to and taken from those there', () => {
  const there: Resource = { kind: 'ovs-mappings', mappings: { a: 'br-ex' } };
  const mappings = [
    { localnet: 'b', bridge: 'br-ex', state: 'present' },
    { localnet: 'a', state: 'absent' },
  ];
  expect(compose({ ovn: { 'bridge-mappings': mappings } }, plain, [there])).toContainEqual({
    kind: 'ovs-mappings',
    mappings: { b: 'br-ex' },
  });
});

describe('what a node cannot do is refused with field, value and remedy', () => {
  test.each([
    [
      { interfaces: [{ name: 'br1', type: 'linux-bridge', bridge: { port: [{ name: 'eth9' }] } }] },
      /interfaces\[0\]\.bridge\.port\[0\]\.name: node node1 has no interface "eth9" \(did you mean "eth\d"\?\); it has eth0, eth1, eth2/,
    ],
    [
      { interfaces: [{ name: 'eth1.5', type: 'vlan', vlan: { 'base-iface': 'eth1', id: 5 } }] },
      /interfaces\[0\]\.type: the kernel of node node1 has no 802\.1q devices; .*CONFIG_VLAN_8021Q/,
    ],
    [{ interfaces: [{ name: 'bond0', type: 'bond' }] }, /no bonding/],
    [{ interfaces: [{ name: 'wg0', type: 'wireguard' }] }, /"wireguard" is not served.*allowed: ethernet/],
    [
      { interfaces: [{ name: 'eth1', type: 'ethernet', ipv4: { enabled: true, dhcp: true } }] },
      /ipv4\.dhcp: .*set dhcp: false/,
    ],
    [{ 'dns-resolver': { config: { server: ['192.0.2.1'] } } }, /dns-resolver\.config/],
  ])('%j', (state, message) => {
    expect(() => compose(state, small)).toThrow(message);
  });
});

test('ports of pods are no network configuration', () => {
  const pod: Resource = {
    kind: 'ovs-port',
    name: 'pb1',
    bridge: 'br1',
    interfaceType: 'system',
    externalIds: { sandbox: 'patchbay.node1.x' },
  };
  expect(isNodeNetwork(pod)).toBe(false);
  expect(compose(documented, small, [pod])).not.toContainEqual(pod);
});
