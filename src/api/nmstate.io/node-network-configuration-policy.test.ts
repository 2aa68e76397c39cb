import { describe, expect, it } from 'vitest';
import { node } from '../core/node.ts';
import { briefly, requestFor, type Stored } from '../testing.ts';
import {
  type NodeNetworkConfigurationPolicy,
  nodeNetworkConfigurationPolicy,
} from './node-network-configuration-policy.ts';
import { nodeNetworkState } from './node-network-state.ts';

type Spec = NonNullable<NodeNetworkConfigurationPolicy['spec']>;

const policy = (spec: Spec): NodeNetworkConfigurationPolicy => ({ metadata: { name: 'p' }, spec });
const causesOf = (spec: Spec) => nodeNetworkConfigurationPolicy.validate?.(requestFor(policy(spec))) ?? [];
const state = (part: Readonly<Record<string, unknown>>): Spec => ({ desiredState: { interfaces: [part] } });

const at = 'spec.desiredState.interfaces[0]';
const br1 = { name: 'br1', type: 'linux-bridge', state: 'up', bridge: { port: [{ name: 'eth1' }] } };

describe('rules of a policy', () => {
  it.each<readonly [string, Spec, readonly string[]]>([
    ['node selector key', { nodeSelector: { 'a b': 'c' } }, ['Invalid spec.nodeSelector[a b]']],
    ['node selector value', { nodeSelector: { a: 'b c' } }, ['Invalid spec.nodeSelector[a]']],
    ['maxUnavailable 0', { maxUnavailable: 0 }, ['Invalid spec.maxUnavailable']],
    ['maxUnavailable 120%', { maxUnavailable: '120%' }, ['Invalid spec.maxUnavailable']],
    ['empty capture', { capture: { a: ' ' } }, ['Required spec.capture[a]']],
    [
      'interfaces that are no list',
      { desiredState: { interfaces: {} } },
      ['Invalid spec.desiredState.interfaces'],
    ],
    ['entry that is no object', { desiredState: { interfaces: ['br1'] } }, [`Invalid ${at}`]],
    ['no name', state({ type: 'linux-bridge' }), [`Required ${at}.name`]],
    ['long name', state({ ...br1, name: 'a-bridge-name-16' }), [`Invalid ${at}.name`]],
    ['unknown type', state({ ...br1, type: 'linux-brigde' }), [`NotSupported ${at}.type`]],
    ['misspelt key', state({ ...br1, brigde: {} }), [`Invalid ${at}.brigde`]],
    ['misspelt key of a bridge', state({ ...br1, bridge: { prot: [] } }), [`Invalid ${at}.bridge.prot`]],
    ['unknown state', state({ ...br1, state: 'on' }), [`NotSupported ${at}.state`]],
    ['mtu', state({ ...br1, mtu: 'jumbo' }), [`Invalid ${at}.mtu`]],
    ['MAC address', state({ ...br1, 'mac-address': '1:2' }), [`Invalid ${at}.mac-address`]],
    [
      'port that is no object',
      state({ ...br1, bridge: { port: ['eth1'] } }),
      [`Invalid ${at}.bridge.port[0]`],
    ],
    ['port without name', state({ ...br1, bridge: { port: [{}] } }), [`Invalid ${at}.bridge.port[0].name`]],
    [
      'ports that are no list',
      state({ ...br1, bridge: { port: { name: 'eth1' } } }),
      [`Invalid ${at}.bridge.port`],
    ],
    [
      'stp',
      state({ ...br1, bridge: { options: { stp: { enabled: 'no' } } } }),
      [`Invalid ${at}.bridge.options.stp.enabled`],
    ],
    [
      'tag',
      state({ ...br1, bridge: { port: [{ name: 'eth1', vlan: { tag: 5000 } }] } }),
      [`Invalid ${at}.bridge.port[0].vlan.tag`],
    ],
    [
      'IPv4 address',
      state({ ...br1, ipv4: { enabled: true, address: [{ ip: '10.0.0.1/24', 'prefix-length': 24 }] } }),
      [`Invalid ${at}.ipv4.address[0].ip`],
    ],
    [
      'no prefix length',
      state({ ...br1, ipv4: { address: [{ ip: '10.0.0.1' }] } }),
      [`Required ${at}.ipv4.address[0].prefix-length`],
    ],
    [
      'prefix length 33',
      state({ ...br1, ipv4: { address: [{ ip: '10.0.0.1', 'prefix-length': 33 }] } }),
      [`Invalid ${at}.ipv4.address[0].prefix-length`],
    ],
    [
      'IPv4 under ipv6',
      state({ ...br1, ipv6: { address: [{ ip: '10.0.0.1', 'prefix-length': 64 }] } }),
      [`Invalid ${at}.ipv6.address[0].ip`],
    ],
    ['enabled in quotes', state({ ...br1, ipv4: { enabled: 'false' } }), [`Invalid ${at}.ipv4.enabled`]],
    [
      'vlan without base',
      state({ name: 'eth1.5', type: 'vlan', vlan: { id: 5 } }),
      [`Required ${at}.vlan.base-iface`],
    ],
    [
      'vlan 4095',
      state({ name: 'eth1.5', type: 'vlan', vlan: { id: 4095, 'base-iface': 'eth1' } }),
      [`Invalid ${at}.vlan.id`],
    ],
    [
      'bond mode',
      state({ name: 'bond0', type: 'bond', 'link-aggregation': { mode: 'lacp' } }),
      [`NotSupported ${at}.link-aggregation.mode`],
    ],
    [
      'bond mode 7',
      state({ name: 'bond0', type: 'bond', 'link-aggregation': { mode: 7 } }),
      [`Invalid ${at}.link-aggregation.mode`],
    ],
    [
      'interface twice',
      { desiredState: { interfaces: [br1, br1] } },
      ['Duplicate spec.desiredState.interfaces[1].name'],
    ],
    [
      'mapping without bridge',
      { desiredState: { ovn: { 'bridge-mappings': [{ localnet: 'a' }] } } },
      ['Required spec.desiredState.ovn.bridge-mappings[0].bridge'],
    ],
    [
      'route destination',
      { desiredState: { routes: { config: [{ destination: '10.0.0.0' }] } } },
      ['Invalid spec.desiredState.routes.config[0].destination'],
    ],
    [
      'name server',
      { desiredState: { 'dns-resolver': { config: { server: ['dns'] } } } },
      ['Invalid spec.desiredState.dns-resolver.config.server[0]'],
    ],
  ])('refuse: %s', (_what, spec, causes) => {
    expect(briefly(causesOf(spec))).toEqual(causes);
  });

  it.each<readonly [string, Spec]>([
    ['nothing', {}],
    [
      'the bridge of the documentation',
      state({
        ...br1,
        ipv4: { enabled: false },
        bridge: { options: { stp: { enabled: false } }, port: [{ name: 'eth1' }] },
      }),
    ],
    [
      'worker nodes, one at a time',
      { nodeSelector: { 'node-role.kubernetes.io/worker': '' }, maxUnavailable: 1, ...state(br1) },
    ],
    ['half of the nodes', { maxUnavailable: '50%' }],
    [
      'mapping to br-ex',
      {
        desiredState: {
          ovn: { 'bridge-mappings': [{ localnet: 'localnet-network', bridge: 'br-ex', state: 'present' }] },
        },
      },
    ],
    [
      'mapping that goes',
      { desiredState: { ovn: { 'bridge-mappings': [{ localnet: 'a', state: 'absent' }] } } },
    ],
    [
      'bond by number',
      state({
        name: 'bond0',
        type: 'bond',
        state: 'up',
        'link-aggregation': { mode: 1, port: ['eth1', 'eth2'] },
      }),
    ],
    ['vlan', state({ name: 'eth1.102', type: 'vlan', state: 'up', vlan: { 'base-iface': 'eth1', id: 102 } })],
    [
      'Open vSwitch bridge and interface of one name',
      {
        desiredState: {
          interfaces: [
            { name: 'ovs0', type: 'ovs-bridge' },
            { name: 'ovs0', type: 'ovs-interface' },
          ],
        },
      },
    ],
    [
      'values from captures',
      {
        capture: { nic: 'interfaces.name == "eth1"' },
        ...state({
          ...br1,
          mtu: '{{ capture.nic.interfaces.0.mtu }}',
          'mac-address': '{{ capture.nic.interfaces.0.mac-address }}',
        }),
      },
    ],
    ['parts nobody here knows', state({ ...br1, lldp: { enabled: true }, ethtool: { ring: {} } })],
  ])('accept: %s', (_what, spec) => {
    expect(causesOf(spec)).toEqual([]);
  });

  it('refuse to change a policy in progress, but not its status', () => {
    const old = {
      ...policy(state(br1)),
      status: { conditions: [{ type: 'Progressing', status: 'True' as const }] },
    };
    const object = { ...old, spec: state({ ...br1, mtu: 1400 }) };
    const validate = (one: NodeNetworkConfigurationPolicy) =>
      briefly(nodeNetworkConfigurationPolicy.validate?.(requestFor(one, { operation: 'UPDATE', old })) ?? []);
    expect(validate(object)).toEqual(['Forbidden spec']);
    expect(validate({ ...old, metadata: { name: 'p', labels: { a: 'b' } } })).toEqual([]);
  });
});

describe('warnings about a policy', () => {
  const interfaces = [{ name: 'eth0' }, { name: 'eth1' }];
  const world: readonly Stored[] = [
    [node, { metadata: { name: 'node1', labels: { zone: 'a' } } }],
    [nodeNetworkState, { metadata: { name: 'node1' }, status: { currentState: { interfaces } } } as never],
  ];
  const bond = (mode: unknown) => ({
    desiredState: {
      interfaces: [
        { name: 'bond0', type: 'bond', 'link-aggregation': { mode, port: ['eth1'] } },
        { ...br1, bridge: { port: [{ name: 'bond0' }] } },
      ],
    },
  });

  it.each<readonly [string, Spec, readonly RegExp[]]>([
    ['nothing', state(br1), []],
    ['mode balance-rr', bond('balance-rr'), [/mode 0 \(balance-rr\)/]],
    ['mode 5', bond(5), [/mode 5 \(balance-tlb\)/]],
    ['mode balance-alb', bond('balance-alb'), [/mode 6/]],
    ['mode 802.3ad', bond('802.3ad'), []],
    [
      'a port that is nowhere',
      state({ ...br1, bridge: { port: [{ name: 'ehth1' }] } }),
      [/did you mean "eth1"\?/],
    ],
    ['labels no node has', { nodeSelector: { zone: 'b' }, ...state(br1) }, [/zone=b/]],
    ['a part that is none', { desiredState: { interface: [br1] } }, [/did you mean "interfaces"\?/]],
  ])('%s', (_what, spec, expected) => {
    const told = nodeNetworkConfigurationPolicy.warn?.(requestFor(policy(spec), {}, world)) ?? [];
    expect(told).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(told[index]).toMatch(pattern);
  });
});
