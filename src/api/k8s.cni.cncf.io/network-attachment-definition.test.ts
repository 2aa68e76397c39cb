import { describe, expect, it } from 'vitest';
import { node } from '../core/node.ts';
import { pod } from '../core/pod.ts';
import { nodeNetworkConfigurationPolicy } from '../nmstate.io/node-network-configuration-policy.ts';
import { nodeNetworkState } from '../nmstate.io/node-network-state.ts';
import { briefly, requestFor, type Stored } from '../testing.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from './network-attachment-definition.ts';

const RESOURCE = 'k8s.v1.cni.cncf.io/resourceName';

function nad(config: unknown, annotations?: Readonly<Record<string, string>>): NetworkAttachmentDefinition {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return {
    metadata: { name: 'net', namespace: 'ns', ...(annotations && { annotations }) },
    spec: { config: text },
  };
}

const causesOf = (object: NetworkAttachmentDefinition) =>
  networkAttachmentDefinition.validate?.(requestFor(object)) ?? [];
const warningsOf = (object: NetworkAttachmentDefinition, stored: readonly Stored[] = []) =>
  networkAttachmentDefinition.warn?.(requestFor(object, {}, stored)) ?? [];

const bridge = { cniVersion: '0.3.1', name: 'net', type: 'bridge', bridge: 'br1' };
const ovn = { name: 'net', type: 'ovn-k8s-cni-overlay', topology: 'layer2', netAttachDefName: 'ns/net' };
const layer3 = { ...ovn, topology: 'layer3', subnets: '10.20.0.0/16/24' };
const primary = { ...ovn, role: 'primary', subnets: '10.1.0.0/16' };

describe('spec.config', () => {
  it.each([
    ['a comma too many', '{\n  "type": "bridge",\n}', /line 3, column 1: there must be no comma before '}'/],
    [
      'a comma missing',
      '{\n  "type": "bridge"\n  "bridge": "br1"\n}',
      /line 3, column 3: expected ',' or '}' at/,
    ],
    ['single quotes', "{'type': 'bridge'}", /line 1, column 2: expected a name in double quotes/],
    ['no quotes', '{"type": bridge}', /line 1, column 10: expected a value at "bridge"/],
    ['an open bracket', '{"type": "bridge"', /line 1, column 18: .*the end of the text, 1 bracket/],
    ['text after the end', '{"type": "bridge"} 1', /line 1, column 20: there is more after the end/],
    ['a colon missing', '{"type" "bridge"}', /line 1, column 9: expected ':'/],
    [
      'text that does not end',
      '{"type": "bridge}',
      /line 1, column 10: the text in double quotes does not end/,
    ],
    ['a leading zero', '{"vlan": 0100}', /line 1, column 10: expected a value at "0100"/],
    ['YAML', 'type: bridge', /line 1, column 1/],
    ['a list', '[]', /must be a JSON object/],
  ])('refuses %s', (_what, config, pattern) => {
    const causes = causesOf(nad(config));
    expect(briefly(causes)).toEqual(['Invalid spec.config']);
    expect(causes[0]?.message).toMatch(pattern);
  });

  it('reads what JSON.parse reads', () => {
    const text = '{"type":"bridge","bridge":"br1","args":{"a":[1,-2.5e+3,true,null,"\\u00e9\\n"],"b":{}}}';
    expect(causesOf(nad(text))).toEqual([]);
  });

  it.each([
    ['no type', { name: 'net' }, ['Required spec.config.type']],
    ['type that is no text', { type: 1 }, ['Invalid spec.config.type']],
    ['type with a path', { type: '../bridge' }, ['Invalid spec.config.type']],
    ['unknown type', { type: 'brige' }, ['NotSupported spec.config.type']],
    ['unknown version', { ...bridge, cniVersion: '2.0' }, ['NotSupported spec.config.cniVersion']],
    ['name with a space', { ...bridge, name: 'a b' }, ['Invalid spec.config.name']],
    ['bridge name too long', { ...bridge, bridge: 'a-bridge-name-16' }, ['Invalid spec.config.bridge']],
    ['bridge name with a slash', { ...bridge, bridge: 'a/b' }, ['Invalid spec.config.bridge']],
    ['vlan 4095', { ...bridge, vlan: 4095 }, ['Invalid spec.config.vlan']],
    ['vlan -1', { ...bridge, vlan: -1 }, ['Invalid spec.config.vlan']],
    ['vlan in quotes', { ...bridge, vlan: '100' }, ['Invalid spec.config.vlan']],
    [
      'vlan and vlanTrunk',
      { ...bridge, vlan: 1, vlanTrunk: [{ id: 2 }] },
      ['Forbidden spec.config.vlanTrunk'],
    ],
    ['vlanTrunk that is no list', { ...bridge, vlanTrunk: { id: 2 } }, ['Invalid spec.config.vlanTrunk']],
    ['empty trunk entry', { ...bridge, vlanTrunk: [{}] }, ['Invalid spec.config.vlanTrunk[0]']],
    ['half a range', { ...bridge, vlanTrunk: [{ minID: 2 }] }, ['Invalid spec.config.vlanTrunk[0]']],
    [
      'range turned round',
      { ...bridge, vlanTrunk: [{ minID: 9, maxID: 2 }] },
      ['Invalid spec.config.vlanTrunk[0].minID'],
    ],
    ['macspoofchk in quotes', { ...bridge, macspoofchk: 'true' }, ['Invalid spec.config.macspoofchk']],
    [
      'preserveDefaultVlan 0',
      { ...bridge, preserveDefaultVlan: 0 },
      ['Invalid spec.config.preserveDefaultVlan'],
    ],
    ['mtu 10', { ...bridge, mtu: 10 }, ['Invalid spec.config.mtu']],
    ['ipam that is no object', { ...bridge, ipam: 'dhcp' }, ['Invalid spec.config.ipam']],
    ['empty list', { name: 'net', plugins: [] }, ['Invalid spec.config.plugins']],
    ['list and type', { ...bridge, plugins: [bridge] }, ['Invalid spec.config.type']],
    [
      'plug-in without type',
      { name: 'net', plugins: [{ bridge: 'br1' }] },
      ['Required spec.config.plugins[0].type'],
    ],
    [
      'second plug-in wrong',
      { name: 'net', plugins: [bridge, { ...bridge, vlan: 'x' }] },
      ['Invalid spec.config.plugins[1].vlan'],
    ],
    ['macvlan mode', { type: 'macvlan', mode: 'l2' }, ['NotSupported spec.config.mode']],
    ['ipvlan mode', { type: 'ipvlan', mode: 'bridge' }, ['NotSupported spec.config.mode']],
    ['vlan without master', { type: 'vlan', vlanId: 5 }, ['Required spec.config.master']],
    ['host-device without device', { type: 'host-device' }, ['Required spec.config.device']],
    ['host-device with two', { type: 'host-device', device: 'eth1', hwaddr: 'x' }, ['Forbidden spec.config']],
    ['sriov trust', { type: 'sriov', trust: 'yes' }, ['NotSupported spec.config.trust']],
    ['sriov priority without vlan', { type: 'sriov', vlanQoS: 3 }, ['Invalid spec.config.vlanQoS']],
    [
      'ovn of another definition',
      { ...ovn, netAttachDefName: 'ns/other' },
      ['Invalid spec.config.netAttachDefName'],
    ],
    [
      'ovn without own name',
      { ...ovn, netAttachDefName: undefined },
      ['Required spec.config.netAttachDefName'],
    ],
    ['ovn without name', { ...ovn, name: undefined }, ['Required spec.config.name']],
    ['ovn topology', { ...ovn, topology: 'layer4' }, ['NotSupported spec.config.topology']],
    ['ovn without topology', { ...ovn, topology: undefined }, ['Required spec.config.topology']],
    ['ovn with ipam', { ...ovn, ipam: { type: 'dhcp' } }, ['Forbidden spec.config.ipam']],
    ['vlanID on layer2', { ...ovn, vlanID: 5 }, ['Forbidden spec.config.vlanID']],
    ['primary localnet', { ...ovn, topology: 'localnet', role: 'primary' }, ['Forbidden spec.config.role']],
    ['subnets that are none', { ...ovn, subnets: '10.0.0.0/8,x' }, ['Invalid spec.config.subnets']],
    [
      'ovn with a subnet in ipam',
      { ...ovn, ipam: { subnet: '10.2.2.0/24' } },
      ['Forbidden spec.config.ipam'],
    ],
    ['VLAN 4095', { ...ovn, topology: 'localnet', vlanID: 4095 }, ['Invalid spec.config.vlanID']],
    ['subnet of the pods', { ...ovn, subnets: '10.129.0.0/24' }, ['Invalid spec.config.subnets']],
    ['subnet around the join network', { ...ovn, subnets: '100.64.0.0/10' }, ['Invalid spec.config.subnets']],
    ['two IPv4 subnets', { ...ovn, subnets: '10.2.2.0/24,10.2.3.0/24' }, ['Invalid spec.config.subnets']],
    [
      'exclusion outside',
      { ...ovn, subnets: '10.2.2.0/24', excludeSubnets: '10.2.3.0/28' },
      ['Invalid spec.config.excludeSubnets'],
    ],
    ['small MTU for IPv6', { ...ovn, subnets: 'fd00:1::/64', mtu: 1000 }, ['Invalid spec.config.mtu']],
    ['the name of the pod network', { ...ovn, name: 'default' }, ['Invalid spec.config.name']],
    [
      'layer3, node prefix too short',
      { ...layer3, subnets: '10.20.0.0/16/16' },
      ['Invalid spec.config.subnets'],
    ],
    [
      'layer3, node prefix too long',
      { ...layer3, subnets: '10.20.0.0/16/30' },
      ['Invalid spec.config.subnets'],
    ],
    [
      'layer3, a range that is a node',
      { ...layer3, subnets: '10.20.0.0/24' },
      ['Invalid spec.config.subnets'],
    ],
    [
      'layer3 subnet of the pods',
      { ...layer3, subnets: '10.128.0.0/16/24' },
      ['Invalid spec.config.subnets'],
    ],
    [
      'layer3 subnet of the pods, IPv6',
      { ...layer3, subnets: 'fd01::/48/64' },
      ['Invalid spec.config.subnets'],
    ],
    [
      'layer3 ranges that overlap',
      { ...layer3, subnets: '10.20.0.0/16/24,10.20.4.0/22/24' },
      ['Invalid spec.config.subnets'],
    ],
    ['layer3 that is no range', { ...layer3, subnets: '10.20.0.0' }, ['Invalid spec.config.subnets']],
    [
      'layer3 with persistence',
      { ...layer3, allowPersistentIPs: true },
      ['Forbidden spec.config.allowPersistentIPs'],
    ],
    ['subnet of the services', { ...ovn, subnets: '172.30.1.0/24' }, ['Invalid spec.config.subnets']],
    ['subnet of the services, IPv6', { ...ovn, subnets: 'fd02::/112' }, ['Invalid spec.config.subnets']],
    ['subnet of the masquerade', { ...ovn, subnets: '169.254.0.0/24' }, ['Invalid spec.config.subnets']],
    ['subnet of the masquerade, IPv6', { ...ovn, subnets: 'fd69::/112' }, ['Invalid spec.config.subnets']],
    ['subnet of the join, IPv6', { ...ovn, subnets: 'fd98::/64' }, ['Invalid spec.config.subnets']],
    ['join of a secondary', { ...ovn, joinSubnet: '100.70.0.0/16' }, ['Forbidden spec.config.joinSubnet']],
    ['primary without subnets', { ...ovn, role: 'primary' }, ['Required spec.config.subnets']],
    ['join over the subnets', { ...primary, joinSubnet: '10.1.0.0/24' }, ['Invalid spec.config.joinSubnet']],
    [
      "join over the cluster's",
      { ...primary, joinSubnet: '100.64.0.0/16' },
      ['Invalid spec.config.joinSubnet'],
    ],
    [
      'reserved and infrastructure',
      { ...primary, reservedSubnets: '10.1.1.0/24', infrastructureSubnets: '10.1.1.0/28' },
      ['Invalid spec.config.infrastructureSubnets'],
    ],
    [
      'gateway outside',
      { ...primary, defaultGatewayIPs: '10.2.0.1' },
      ['Invalid spec.config.defaultGatewayIPs'],
    ],
    [
      "gateway on the network's own address",
      { ...primary, defaultGatewayIPs: '10.1.0.0' },
      ['Invalid spec.config.defaultGatewayIPs'],
    ],
    [
      'two gateways of a family',
      { ...primary, defaultGatewayIPs: '10.1.0.1,10.1.0.2' },
      ['Invalid spec.config.defaultGatewayIPs'],
    ],
    ['multicast', { ...ovn, subnets: '224.0.0.0/24' }, ['Invalid spec.config.subnets']],
    ['multicast, IPv6', { ...ovn, subnets: 'ff05::/64' }, ['Invalid spec.config.subnets']],
    ['loopback', { ...ovn, subnets: '127.1.0.0/16' }, ['Invalid spec.config.subnets']],
    ['link-local IPv6', { ...ovn, subnets: 'fe80::/64' }, ['Invalid spec.config.subnets']],
    ['loopback on layer3', { ...layer3, subnets: '127.0.0.0/8/24' }, ['Invalid spec.config.subnets']],
    ['everything', { ...ovn, subnets: '0.0.0.0/0' }, ['Invalid spec.config.subnets']],
    ['one address', { ...ovn, subnets: '10.2.2.5/32' }, ['Invalid spec.config.subnets']],
    ['two addresses', { ...ovn, subnets: '10.2.2.4/31' }, ['Invalid spec.config.subnets']],
    ['router only', { ...primary, subnets: '10.1.0.0/30' }, ['Invalid spec.config.subnets']],
    [
      'all excluded, in parts',
      { ...ovn, subnets: '10.2.2.0/24', excludeSubnets: '10.2.2.128/25,10.2.2.0/25' },
      ['Invalid spec.config.subnets'],
    ],
    [
      'all for infrastructure',
      { ...primary, infrastructureSubnets: '10.1.0.0/16' },
      ['Invalid spec.config.subnets'],
    ],
    [
      'join of two addresses',
      { ...primary, joinSubnet: '100.70.0.0/31' },
      ['Invalid spec.config.joinSubnet'],
    ],
    ['layer3 without subnets', { ...layer3, subnets: undefined }, ['Required spec.config.subnets']],
    [
      'physical network with a colon',
      { ...ovn, topology: 'localnet', physicalNetworkName: 'a:br1' },
      ['Invalid spec.config.physicalNetworkName'],
    ],
    [
      'physical network that is no text',
      { ...ovn, topology: 'localnet', physicalNetworkName: 5 },
      ['Invalid spec.config.physicalNetworkName'],
    ],
    ['two prefixes on layer2', { ...ovn, subnets: '10.0.0.0/16/24' }, ['Invalid spec.config.subnets']],
  ])('refuses %s', (_what, config, causes) => {
    expect(briefly(causesOf(nad(config)))).toEqual(causes);
  });

  it.each([
    ['bridge', { ...bridge, vlan: 100, macspoofchk: false, preserveDefaultVlan: false }],
    ['cnv-bridge with vlan 0', { ...bridge, type: 'cnv-bridge', vlan: 0, macspoofchk: true }],
    ['trunk', { ...bridge, vlanTrunk: [{ id: 5 }, { minID: 100, maxID: 200 }] }],
    ['list', { cniVersion: '1.0.0', name: 'net', plugins: [bridge, { type: 'tuning', sysctl: {} }] }],
    ['layer2', { ...ovn, subnets: '192.168.100.0/24,fd00::/64', mtu: 1300 }],
    ['layer3', { ...layer3, subnets: '10.20.0.0/16/24,fd20::/48/64' }],
    ['two addresses to give', { ...ovn, subnets: '10.2.2.4/30' }],
    [
      'one address to give',
      {
        ...ovn,
        subnets: '10.2.2.0/24',
        excludeSubnets:
          '10.2.2.0/25,10.2.2.128/26,10.2.2.192/27,10.2.2.224/28,10.2.2.240/29,10.2.2.248/30,10.2.2.252/31',
      },
    ],
    ['all on request', { ...primary, reservedSubnets: '10.1.0.0/16' }],
    ['IPv4 of one link', { ...ovn, subnets: '169.254.200.0/24' }],
    ['layer3 without node prefix', { ...layer3, subnets: '10.20.0.0/16' }],
    ['primary with the default join range', { ...primary, joinSubnet: '100.65.0.0/16,fd99::/64' }],
    [
      'primary with ranges inside',
      {
        ...primary,
        reservedSubnets: '10.1.1.0/24',
        infrastructureSubnets: '10.1.2.0/29',
        defaultGatewayIPs: '10.1.2.1',
      },
    ],
    ['localnet with empty ipam', { ...ovn, topology: 'localnet', vlanID: 1924, ipam: {} }],
    [
      'macvlan',
      {
        type: 'macvlan',
        master: 'eth1',
        mode: 'bridge',
        ipam: { type: 'whereabouts', range: '10.200.5.0/24' },
      },
    ],
    ['sriov', { type: 'sriov', vlan: 5, vlanQoS: 3, spoofchk: 'off', link_state: 'auto' }],
  ])('accepts %s', (_what, config) => {
    expect(causesOf(nad(config))).toEqual([]);
  });
});

describe('the resourceName annotation', () => {
  it.each([
    ['br1', ['Invalid metadata.annotations[k8s.v1.cni.cncf.io/resourceName]']],
    ['/br1', ['Invalid metadata.annotations[k8s.v1.cni.cncf.io/resourceName]']],
    ['bridge.network.kubevirt.io/', ['Invalid metadata.annotations[k8s.v1.cni.cncf.io/resourceName]']],
    ['bridge.network.kubevirt.io/br1', []],
    ['openshift.io/sriov_nic', []],
  ])('%s', (resource, causes) => {
    expect(briefly(causesOf(nad(bridge, { [RESOURCE]: resource })))).toEqual(causes);
  });

  it('hands a host-device in', () => {
    expect(causesOf(nad({ type: 'host-device' }, { [RESOURCE]: 'example.com/nic' }))).toEqual([]);
  });
});

describe('warnings', () => {
  const interfaces = [
    { name: 'br1', type: 'linux-bridge' },
    { name: 'eth1', type: 'ethernet' },
  ];
  const node1: Stored = [node, { metadata: { name: 'node1' } }];
  const state: Stored = [
    nodeNetworkState,
    { metadata: { name: 'node1' }, status: { currentState: { interfaces } } } as never,
  ];
  const planned = { interfaces: [{ name: 'br2', type: 'linux-bridge' }] };
  const policy: Stored = [
    nodeNetworkConfigurationPolicy,
    { metadata: { name: 'p' }, spec: { desiredState: planned } } as never,
  ];
  const withBridge: Stored = [
    node,
    {
      metadata: { name: 'node2' },
      status: { capacity: { 'bridge.network.kubevirt.io/br3': '1k' } },
    } as never,
  ];
  const world = [node1, state, policy, withBridge];

  it.each([
    ['a bridge that is there', bridge, []],
    ['a bridge a policy makes', { ...bridge, bridge: 'br2' }, []],
    ['a bridge a node counts', { ...bridge, bridge: 'br3' }, []],
    [
      'a misspelt bridge',
      { ...bridge, bridge: 'rb1' },
      [/bridges on nodes: br1, br3\)\. Did you mean "br1"\?/],
    ],
    ['a bridge that is nowhere', { ...bridge, bridge: 'dev-bridge' }, [/no node has a bridge "dev-bridge"/]],
    ['no bridge', { type: 'bridge' }, [/cni0/]],
    ['an unknown key', { ...bridge, valn: 100 }, [/spec\.config\.valn: .*did you mean "vlan"\?/]],
    ['ipam', { ...bridge, ipam: { type: 'host-local' } }, [/not supported for virtual machines/]],
    ['macvlan', { type: 'macvlan', master: 'eth1' }, [/bridge binding/]],
    ['nothing at all', '', [/empty/]],
  ] as const)('%s', (_what, config, expected) => {
    const told = warningsOf(nad(config), world);
    expect(told).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(told[index]).toMatch(pattern);
  });

  it('says nothing of bridges while there is no node', () => {
    expect(warningsOf(nad(bridge))).toEqual([]);
  });

  it('compares the annotation with the bridge', () => {
    const told = warningsOf(nad(bridge, { [RESOURCE]: 'bridge.network.kubevirt.io/br9' }), world);
    expect(told).toEqual([expect.stringContaining('write bridge.network.kubevirt.io/br1')]);
  });
});

describe('a network of several definitions', () => {
  const definition = (name: string, more: object): NetworkAttachmentDefinition => ({
    metadata: { name, namespace: 'ns' },
    spec: { config: JSON.stringify({ ...ovn, netAttachDefName: `ns/${name}`, ...more }) },
  });
  const judge = (object: NetworkAttachmentDefinition, stored: NetworkAttachmentDefinition) =>
    networkAttachmentDefinition.validate?.(requestFor(object, {}, [[networkAttachmentDefinition, stored]])) ??
    [];

  it('is one network when they agree', () => {
    expect(judge(definition('a', { mtu: 1400 }), definition('b', {}))).toEqual([]);
    expect(judge(definition('a', { name: 'other', mtu: 1300 }), definition('b', {}))).toEqual([]);
  });

  it('is refused when they differ, and says in what', () => {
    const causes = judge(definition('a', { mtu: 1300, subnets: '10.2.2.0/24' }), definition('b', {}));
    expect(briefly(causes)).toEqual(['Forbidden spec.config']);
    expect(causes[0]?.message).toContain('ns/b, which says otherwise in mtu, subnets');
  });

  it('is refused when OVN would not tell the names apart', () => {
    const causes = judge(definition('a', { name: 'net.a' }), definition('b', { name: 'net-a' }));
    expect(briefly(causes)).toEqual(['Forbidden spec.config.name']);
  });

  it('is joined by nobody else when a user-defined network renders it', () => {
    const rendered = (namespace: string, uid: string): NetworkAttachmentDefinition => {
      const { spec } = definition('a', { netAttachDefName: `${namespace}/a` });
      const owner = { apiVersion: 'k8s.ovn.org/v1', kind: 'ClusterUserDefinedNetwork', name: 'a', uid };
      const labels = { 'k8s.ovn.org/user-defined-network': '' };
      return {
        metadata: { namespace, name: 'a', labels, ownerReferences: [{ ...owner, controller: true }] },
        spec: spec ?? {},
      };
    };
    const causes = judge(definition('b', {}), rendered('ns', '1'));
    expect(briefly(causes)).toEqual(['Forbidden spec.config.name']);
    expect(causes[0]?.message).toContain('that of ClusterUserDefinedNetwork a');
    expect(briefly(judge(rendered('other', '2'), rendered('ns', '1')))).toEqual([
      'Forbidden spec.config.name',
    ]);
    expect(judge(rendered('other', '1'), rendered('ns', '1'))).toEqual([]);
  });

  it('is not changed while pods are on it, and warns when it goes', () => {
    const annotations = { 'k8s.ovn.org/pod-networks': '{"default":{},"ns/a":{"role":"secondary"}}' };
    const user: Stored = [pod, { metadata: { namespace: 'ns', name: 'p', annotations } }];
    const edit = (more: object, stored: readonly Stored[]) =>
      networkAttachmentDefinition.validate?.(
        requestFor(definition('a', more), { operation: 'UPDATE', old: definition('a', {}) }, stored),
      ) ?? [];
    const causes = edit({ mtu: 1300, subnets: '10.2.2.0/24' }, [user]);
    expect(briefly(causes)).toEqual(['Forbidden spec.config.mtu', 'Forbidden spec.config.subnets']);
    expect(causes[0]?.message).toContain('while pods are on network "net": [ns/p]; stop these');
    expect(edit({ mtu: 1300 }, [])).toEqual([]);
    expect(edit({ mtu: 1400 }, [user])).toEqual([]);
    const gone = requestFor(definition('a', {}), { operation: 'DELETE' }, [user]);
    expect(networkAttachmentDefinition.warn?.(gone)).toEqual([
      expect.stringContaining('in use by the following pods: [ns/p]'),
    ]);
  });

  it.each(['transport', 'outboundSNAT', 'uplink', 'evpn'])('warns of %s, which nothing here reads', (key) => {
    const config = JSON.stringify({ ...primary, [key]: key === 'evpn' ? { vtep: 'v' } : 'x' });
    const found = networkAttachmentDefinition.warn?.(requestFor(nad(config), {}, [])) ?? [];
    expect(found).toEqual([
      expect.stringMatching(
        `^spec.config.${key}: not implemented here: networks go over Geneve, and out behind addresses of the nodes; remove it$`,
      ),
    ]);
  });

  it('warns of a physical network that no policy maps, and of an MTU the underlay cannot carry', () => {
    const mapping = {
      metadata: { name: 'mapping' },
      spec: { desiredState: { ovn: { 'bridge-mappings': [{ localnet: 'net', bridge: 'br-ex' }] } } },
    };
    const stored: readonly Stored[] = [[nodeNetworkConfigurationPolicy, mapping]];
    const localnet = nad({ ...ovn, topology: 'localnet' });
    expect(warningsOf(localnet)).toEqual([expect.stringContaining('no NodeNetworkConfigurationPolicy maps')]);
    expect(warningsOf(localnet, stored)).toEqual([]);
    const address = '192.168.1.11';
    const told = { metadata: { name: 'n1' }, status: { addresses: [{ type: 'InternalIP', address }] } };
    const interfaces = [{ mtu: 1500, ipv4: { address: [{ ip: address }] } }];
    const state = { metadata: { name: 'n1' }, status: { currentState: { interfaces } } };
    const wired: readonly Stored[] = [
      [node, told],
      [nodeNetworkState, state],
    ];
    expect(warningsOf(nad({ ...ovn, mtu: 1400 }), wired)).toEqual([]);
    expect(warningsOf(nad({ ...ovn, mtu: 1500 }), wired)).toEqual([
      expect.stringContaining('spec.config.mtu: 1500'),
    ]);
  });
});
