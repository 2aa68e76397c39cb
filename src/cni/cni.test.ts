import { describe, expect, it } from 'vitest';
import { NODE } from '#node-state/resource.ts';
import type { Attachment, AttachmentInput, NodeFacts } from './attachment.ts';
import { cniTypeOf } from './cni.ts';
import { type CniConfig, parseCniConfig } from './config.ts';
import { composeDefaultNetwork, parsePodNetwork } from './ovn-overlay.ts';

const sandbox = { netns: 'a.b.u1', podUid: 'u1', podNamespace: 'demo', podName: 'p' };

const onOvs: NodeFacts = {
  bridgeVlanFiltering: false,
  podMtu: 1400,
  ovsUserspace: true,
  bridges: new Map([['br1', { realisedBy: 'ovs-bridge', mtu: 1500 }]]),
};
const onLinux: NodeFacts = {
  bridgeVlanFiltering: true,
  podMtu: 1400,
  ovsUserspace: false,
  bridges: new Map([['br1', { realisedBy: 'linux-bridge', mtu: 9000 }]]),
};

function attach(config: CniConfig, node: NodeFacts, mac = '02:00:00:00:00:01'): Attachment {
  const full = { type: 'bridge', bridge: 'br1', ...config };
  return cniTypeOf(full, 'n').compose({ sandbox, interfaceName: 'net1', mac, config: full, node });
}

function vlansOf(attachment: Attachment): unknown {
  const { device } = attachment.podLink;
  return device.type === 'veth' ? device.peer.port?.vlans : undefined;
}

describe('bridge on a Linux bridge', () => {
  it.each([
    [{ vlan: 100 }, [{ id: 100, pvid: true, untagged: true }]],
    [{ vlan: 100, preserveDefaultVlan: true }, [{ id: 100, pvid: true, untagged: true }]],
    [{ vlan: 100, preserveDefaultVlan: false }, [{ id: 100, pvid: true, untagged: true }]],
    [{}, [{ id: 1, pvid: true, untagged: true }]],
    [{ vlan: 0 }, [{ id: 1, pvid: true, untagged: true }]],
    [
      { vlanTrunk: [{ id: 5 }, { minID: 7, maxID: 9 }], preserveDefaultVlan: false },
      [{ id: 5 }, { id: 7, endId: 9 }],
    ],
    [{ vlanTrunk: [{ id: 5 }] }, [{ id: 1, pvid: true, untagged: true }, { id: 5 }]],
  ])('%j is a port with these VLANs, and VLAN 1 never beside another', (config, vlans) => {
    expect(vlansOf(attach(config, onLinux))).toEqual(vlans);
  });

  it('takes MTU and flags from bridge and configuration, and filters MACs on the node', () => {
    const attachment = attach({ macspoofchk: true, hairpinMode: true, portIsolation: true }, onLinux);
    expect(attachment.podLink).toMatchObject({
      mtu: 9000,
      device: { peer: { port: { bridge: 'br1', hairpin: true, isolated: true } } },
    });
    expect(attachment.nodeResources).toMatchObject([{ kind: 'nft-table', family: 'bridge', netns: NODE }]);
    expect(attach({ mtu: 1400 }, onLinux).podLink.mtu).toBe(1400);
  });
});

describe('bridge on its stand-in of Open vSwitch', () => {
  it.each([
    [{ vlan: 100 }, { tag: 100, vlanMode: 'access' }],
    [
      { vlan: 100, preserveDefaultVlan: true },
      { tag: 100, vlanMode: 'access' },
    ],
    [{}, { trunks: [0], vlanMode: 'trunk' }],
    [{ vlan: 1 }, { trunks: [0], vlanMode: 'trunk' }],
    [
      { vlanTrunk: [{ minID: 5, maxID: 7 }], preserveDefaultVlan: false },
      { trunks: [5, 6, 7], vlanMode: 'trunk' },
    ],
    [{ vlanTrunk: [{ id: 1 }, { id: 5 }] }, { trunks: [0, 5], vlanMode: 'trunk' }],
  ])('%j is %j', (config, tagging) => {
    const { nodeResources, podLink } = attach(config, onOvs);
    expect(nodeResources).toMatchObject([{ kind: 'ovs-port', bridge: 'br1', ...tagging }]);
    expect(podLink).toMatchObject({ offload: false, device: { peer: { netns: NODE } } });
  });

  it('lets only the own MAC out with macspoofchk', () => {
    const { nodeResources, macSpoofCheck } = attach({ macspoofchk: true }, onOvs);
    expect(nodeResources).toMatchObject([
      { allowedMac: '02:00:00:00:00:01', externalIds: { sandbox: 'a.b.u1' } },
    ]);
    expect(macSpoofCheck).toEqual({ mayTag: false });
  });
});

describe('refusals', () => {
  it('never makes a bridge, and says which there are', () => {
    expect(() => attach({ bridge: 'br11' }, onOvs)).toThrow(
      /bridge "br11" does not exist \(did you mean "br1"\?\); this node has br1\. Make it with/,
    );
  });

  it.each([
    [{ vlan: 4095 }, /vlan/],
    [{ vlan: '100' }, /vlan/],
    [{ vlan: 5, vlanTrunk: [{ id: 6 }] }, /exclude each other/],
    [{ vlanTrunk: [{ minID: 9, maxID: 5 }] }, /vlanTrunk\[0\]/],
    [{ mtu: -1 }, /mtu/],
    [{ macspoofchk: 'true' }, /without quotes/],
    [{ isGateway: true }, /isGateway/],
    [{ bridge: 'a name too long for a link' }, /bridge/],
    [{ ipam: { type: 'host-local' } }, /host-local/],
    [{ ipam: { type: 'static', addresses: [{ address: '10.0.0.1' }] } }, /prefix length/],
  ])('%j', (config, message) => {
    expect(() => attach(config, onOvs)).toThrow(message);
  });

  it.each([
    ['', /is empty/],
    ['{"type": "bridge",}', /is not valid JSON/],
    ['[]', /must be a JSON object/],
    ['{"name": "x"}', /names no plug-in/],
  ])('configuration %j', (text, message) => {
    expect(() => parseCniConfig(text, 'NAD demo/n')).toThrow(message);
  });

  it('takes the first plug-in of a list, and names the types there are', () => {
    expect(parseCniConfig('{"name":"l","plugins":[{"type":"bridge","bridge":"br1"}]}', 'n')).toEqual({
      name: 'l',
      type: 'bridge',
      bridge: 'br1',
    });
    expect(() => cniTypeOf({ type: 'bridg' }, 'n')).toThrow(/did you mean "bridge"\?/);
  });
});

describe('default network', () => {
  const annotation = JSON.stringify({
    default: {
      ip_addresses: ['10.128.0.5/23', 'fd01::5/64'],
      mac_address: '0a:58:0a:80:00:05',
      gateway_ips: ['10.128.0.1', 'fd01::1'],
      routes: [{ dest: '172.30.0.0/16', nextHop: '10.128.0.1' }],
    },
  });

  it('is a pair on br-int with what ovn-controller looks for', () => {
    const network = parsePodNetwork(annotation, 'default');
    expect(network).toBeDefined();
    const attachment = composeDefaultNetwork(
      { sandbox, interfaceName: 'eth0', node: onOvs },
      network ?? { mac: '', addresses: [], gateways: [], routes: [] },
    );
    expect(attachment.podLink).toMatchObject({
      name: 'eth0',
      mtu: 1400,
      mac: '0a:58:0a:80:00:05',
      offload: false,
    });
    expect(attachment.nodeResources).toMatchObject([
      {
        bridge: 'br-int',
        externalIds: {
          'iface-id': 'demo_p',
          'iface-id-ver': 'u1',
          attached_mac: '0a:58:0a:80:00:05',
          ip_addresses: '10.128.0.5/23,fd01::5/64',
          sandbox: 'a.b.u1',
        },
      },
    ]);
    expect(
      attachment.podResources.map((one) =>
        one.kind === 'route' ? `${one.destination} ${one.via}` : one.kind,
      ),
    ).toEqual(['address', 'address', 'default 10.128.0.1', '::/0 fd01::1', '172.30.0.0/16 10.128.0.1']);
  });

  it.each([
    [undefined, undefined],
    ['{}', undefined],
  ])('waits while the fabric has not written: %j', (text, expected) => {
    expect(parsePodNetwork(text, 'default')).toBe(expected);
  });

  it.each([
    'nonsense',
    '{"default":{"ip_addresses":["x"],"mac_address":"0a:58:0a:80:00:05"}}',
    '{"default":{"ip_addresses":[]}}',
  ])('refuses %s', (text) => {
    expect(() => parsePodNetwork(text, 'default')).toThrow(/k8s.ovn.org\/pod-networks/);
  });
});

describe('ovn-k8s-cni-overlay', () => {
  const config = {
    name: 'phys',
    type: 'ovn-k8s-cni-overlay',
    topology: 'localnet',
    netAttachDefName: 'demo/phys',
    vlanID: 5,
  };
  const input: AttachmentInput = {
    sandbox,
    interfaceName: 'net1',
    config,
    key: 'demo/phys',
    node: { ...onOvs, mappings: new Map([['phys', 'br-ex']]) },
  };
  const place = { mac: '0a:58:00:00:00:01', addresses: [], gateways: [], routes: [] };
  const compose = (changes: Partial<AttachmentInput>): Attachment =>
    cniTypeOf(config, 'x').compose({ ...input, place, ...changes });

  it('is a port of the integration bridge that bears the logical port', () => {
    const { podLink, nodeResources, servesDhcp } = compose({});
    expect(podLink).toMatchObject({ name: 'net1', mtu: 1500, mac: '0a:58:00:00:00:01', offload: false });
    const externalIds = { 'iface-id': 'demo.phys_demo_p', 'k8s.ovn.org/network': 'phys' };
    expect(nodeResources).toMatchObject([{ bridge: 'br-int', externalIds }]);
    expect(servesDhcp).toBeUndefined();
    expect(compose({ config: { ...config, subnets: '10.2.2.0/24' } }).servesDhcp).toBe(true);
    const layer3 = { ...config, topology: 'layer3', vlanID: undefined, subnets: '10.20.0.0/16/24' };
    expect(compose({ config: layer3 }).servesDhcp).toBeUndefined();
  });

  it('waits for its place, and for the mapping of its physical network', () => {
    expect(() => cniTypeOf(config, 'x').compose(input)).toThrow(/demo\/phys: the pod has no place on it yet/);
    const node = { ...onOvs, mappings: new Map([['physs', 'br-ex']]) };
    expect(() => compose({ node })).toThrow(/did you mean "physs"/);
    const other = { ...config, netAttachDefName: 'a/b' };
    expect(() => compose({ config: other })).toThrow(/\(demo\/phys\) is inconsistent with config \(a\/b\)/);
  });
});
