import { beforeEach, describe, expect, it } from 'vitest';
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import { formatIp, formatRange } from '#api/ip-range.ts';
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { nodeSubnetsAnnotation as NODE_SUBNETS } from '#api/k8s.ovn.org/node-subnets.ts';
import type { NbRow } from '#drivers/ovn/driver.ts';
import { formatPodNetworks, POD_NETWORKS } from './annotations.ts';
import type { FlatPlace } from './flat-network.ts';
import { Overlay } from './overlay.ts';
import { idle } from './overlay-parts.ts';

const definition = (
  name: string,
  config: object,
  created = '2026-01-01T00:00:00Z',
): NetworkAttachmentDefinition => ({
  metadata: { namespace: 'ns', name, creationTimestamp: created },
  spec: {
    config: JSON.stringify({
      name: 'net-a',
      type: 'ovn-k8s-cni-overlay',
      topology: 'layer2',
      netAttachDefName: `ns/${name}`,
      ...config,
    }),
  },
});
const pod = (name: string, networks: unknown, more: Partial<Pod['metadata']> = {}): Pod => {
  const { annotations, ...metadata } = more;
  return {
    metadata: {
      namespace: 'ns',
      name,
      uid: `uid-${name}`,
      ...metadata,
      annotations: { 'k8s.v1.cni.cncf.io/networks': JSON.stringify(networks), ...annotations },
    },
    spec: { containers: [{ name: 'c' }], hostname: name },
  };
};
const launcher = (name: string, vm: string, networks: unknown): Pod =>
  pod(name, networks, { labels: { 'kubevirt.io': 'virt-launcher', 'vm.kubevirt.io/name': vm } });
const addressOf = (place: FlatPlace | undefined): string =>
  place?.addresses.map(({ family, value }) => formatIp(family, value)).join(' ') ?? 'none';

describe('networks besides the default one', () => {
  let overlay: Overlay;
  beforeEach(() => {
    overlay = new Overlay();
  });
  const define = (name: string, config: object, created?: string): readonly NbRow[] =>
    overlay.settleDefinition(`ns/${name}`, definition(name, config, created)).put;
  const placed = (one: Pod): string => addressOf(overlay.settlePod(one, 'n1').places[0]);
  const row = (key: string): NbRow | undefined => overlay.compose().find((one) => one.key === key);

  it('have upstream names, and a way to the physical network where they are localnet', () => {
    expect(define('l2', {}).map(({ key }) => key)).toEqual([
      'net.a_ovn_layer2_switch',
      'net.a_ovn_layer2_switch-guard',
    ]);
    const rows = define('phys', {
      name: 'phys',
      topology: 'localnet',
      vlanID: 5,
      physicalNetworkName: 'physnet',
    });
    expect(rows.map(({ key }) => key)).toEqual([
      'phys_ovn_localnet_switch',
      'phys_ovn_localnet_port',
      'phys_ovn_localnet_switch-trusted',
      'phys_ovn_localnet_switch-guard',
    ]);
    expect(rows[1]?.columns).toMatchObject({
      type: 'localnet',
      options: { network_name: 'physnet' },
      tag_request: [5],
    });
  });

  it.each([
    ['secondary', '0a:58:a9:fe:01:01', 'the DHCP server'],
    ['primary', '0a:58:0a:02:02:01', 'the gateway'],
  ])('give no pod of a %s one the MAC %s of %s', (role, mac) => {
    define('l2', { role, subnets: '10.2.2.0/24' });
    const { places, problems } =
      role === 'primary'
        ? overlay.settlePod(
            pod('p', [], {
              annotations: {
                'k8s.ovn.org/pod-networks': JSON.stringify({
                  'ns/l2': { ip_addresses: ['10.2.2.9/24'], mac_address: mac },
                }),
              },
            }),
            'n1',
            true,
          )
        : overlay.settlePod(pod('p', [{ name: 'l2', mac }]), 'n1');
    expect(places).toEqual([]);
    expect(problems.map(({ reason }) => reason)).toEqual(['MACAddressConflict']);
  });

  it('that are primary lead every family of theirs out, behind a masquerade address of its own', () => {
    overlay = new Overlay({
      nodes: () => [{ name: 'n1', index: 0 }],
      claims: () => [],
      keep: () => undefined,
      refuse: () => undefined,
    });
    define('l2', { role: 'primary', subnets: '10.2.0.0/16,fd00:2::/64' });
    const { put } = overlay.settlePod(pod('p', []), 'n1', true);
    expect(row('trtos-net.a_ovn_layer2_switch')?.columns).toMatchObject({
      networks: ['10.2.0.1/16', 'fd00:2::1/64'],
      ipv6_ra_configs: { address_mode: 'dhcpv6_stateful', mtu: '1400' },
    });
    const nats = overlay.compose().filter(({ table }) => table === 'NAT');
    expect(nats.map(({ columns }) => columns['logical_ip'])).toEqual(['10.2.0.0/16', 'fd00:2::/64']);
    expect(nats.map(({ columns }) => columns['external_ip'])).toEqual([
      expect.stringMatching(/^169\.254\./),
      expect.stringMatching(/^fd69::/),
    ]);
    const exits = overlay.compose().filter(({ table }) => table === 'Logical_Router_Policy');
    expect(exits.map(({ columns }) => columns)).toEqual([
      {
        priority: 100,
        match:
          'ip4.src == {10.2.0.0/16} && ip4.dst != {10.2.0.0/16} && is_chassis_resident("rtoj-GR_net.a_n1")',
        action: 'reroute',
        nexthops: ['100.65.0.2'],
      },
      {
        priority: 100,
        match:
          'ip6.src == {fd00:2::/64} && ip6.dst != {fd00:2::/64} && is_chassis_resident("rtoj-GR_net.a_n1")',
        action: 'reroute',
        nexthops: ['fd99::2'],
      },
    ]);
    // The nodes' rows lead pods out: a pod's own is its port.
    expect(put.map(({ table }) => table)).toEqual(['Logical_Switch_Port']);
    expect(overlay.dropPod('ns/p').map(({ table }) => table)).toEqual(['Logical_Switch_Port']);
  });

  it.each([
    [{}, '100.65.0.2/16'],
    [{ joinSubnet: '100.70.0.0/16' }, '100.70.0.2/16'],
    [{ joinSubnet: '100.70.0.0/16', transitSubnet: '100.71.0.0/16' }, '100.71.0.2/16'],
  ])('that are primary have their gateways where they say: %j', (config, address) => {
    overlay = new Overlay({ ...idle, nodes: () => [{ name: 'n1', index: 0 }] });
    define('l2', { role: 'primary', subnets: '10.2.0.0/16', ...config });
    expect(row('rtoj-GR_net.a_n1')?.columns['networks']).toEqual([address]);
  });

  it.each([
    [{}, '8900'],
    [{ topology: 'localnet' }, '9000'],
    [{ mtu: 1300 }, '1300'],
  ])("that name no MTU follow the pods': %j has %s", (config, mtu) => {
    overlay = new Overlay({
      nodes: () => [],
      claims: () => [],
      keep: () => undefined,
      refuse: () => undefined,
      podMtu: 8900,
    });
    expect(define('jumbo', config)[0]?.columns['other_config']).toMatchObject({ mtu });
  });

  it('without subnets know pods by their MAC alone', () => {
    define('l2', {});
    const { places, put } = overlay.settlePod(pod('p', [{ name: 'l2', mac: '02:00:00:00:00:0A' }]), 'n1');
    expect(places[0]?.addresses).toEqual([]);
    expect(put[0]).toMatchObject({
      key: 'ns.l2_ns_p',
      columns: { addresses: ['02:00:00:00:00:0a'], port_security: ['02:00:00:00:00:0a'] },
      parent: { key: 'net.a_ovn_layer2_switch' },
    });
  });

  it('with subnets give addresses, MACs from them, and DHCP to guests', () => {
    define('l2', { subnets: '10.2.2.0/29,fd00:1::/64', excludeSubnets: '10.2.2.2/32' });
    const { put } = overlay.settlePod(launcher('p', 'vm', [{ name: 'l2' }]), 'n1');
    expect(put[0]?.columns['addresses']).toEqual(['0a:58:0a:02:02:01 10.2.2.1 fd00:1::1']);
    expect(put[0]?.references?.['dhcpv4_options']).toEqual([{ table: 'DHCP_Options', key: 'net.a_dhcp4' }]);
    expect(put[0]?.columns['options']).toMatchObject({ hostname: '"p"' });
    expect(placed(pod('q', [{ name: 'l2' }]))).toBe('10.2.2.3 fd00:1::2');
    expect(row('ns.l2_ns_q')?.references?.['dhcpv4_options']).toEqual([]);
  });

  it('refuse an address or MAC that another has, and one outside the subnet', () => {
    define('l2', { subnets: '10.2.2.0/29' });
    placed(pod('p', [{ name: 'l2', mac: '02:00:00:00:00:01' }]));
    const reasons = [{ ips: ['10.2.2.1'] }, { ips: ['10.2.3.1/24'] }, { mac: '02:00:00:00:00:01' }].map(
      (more) => overlay.settlePod(pod('q', [{ name: 'l2', ...more }]), 'n1').problems[0]?.reason,
    );
    expect(reasons).toEqual(['IPAddressConflict', 'IPAddressConflict', 'MACAddressConflict']);
  });

  it('let both launchers of one machine have its addresses, and free them with the last', () => {
    define('l2', { subnets: '10.2.2.0/29' });
    const asked = [{ name: 'l2', mac: '02:00:00:00:00:01', ips: ['10.2.2.4'] }];
    expect(placed(launcher('p1', 'vm', asked))).toBe('10.2.2.4');
    expect(placed(launcher('p2', 'vm', asked))).toBe('10.2.2.4');
    overlay.dropPod('ns/p1');
    expect(placed(pod('q', asked))).toBe('none');
    overlay.dropPod('ns/p2');
    expect(overlay.takeWoken()).toEqual(['ns/q']);
    expect(placed(pod('q', asked))).toBe('10.2.2.4');
  });

  it('keep what an annotation tells, over a restart', () => {
    define('l2', { subnets: '10.2.2.0/24' });
    const told = { 'ns/l2': { ip_addresses: ['10.2.2.9/24'], mac_address: '0a:58:0a:02:02:09' } };
    const annotations = { [POD_NETWORKS]: JSON.stringify(told) };
    expect(placed(pod('p', [{ name: 'l2' }], { annotations }))).toBe('10.2.2.9');
    expect(placed(pod('q', [{ name: 'l2' }]))).toBe('10.2.2.10');
  });

  it('say when no address is left, and give the next one that comes free', () => {
    define('l2', { subnets: '10.2.2.0/30' });
    expect(['a', 'b', 'c'].map((name) => placed(pod(name, [{ name: 'l2' }])))).toEqual([
      '10.2.2.1',
      '10.2.2.2',
      'none',
    ]);
    overlay.dropPod('ns/a');
    expect(overlay.takeWoken()).toEqual(['ns/c']);
    expect(placed(pod('c', [{ name: 'l2' }]))).toBe('10.2.2.1');
  });

  it('refuse a definition that differs from an older one of the same network', () => {
    define('old', { mtu: 1300 });
    define('new', {}, '2026-02-01T00:00:00Z');
    const { problems } = overlay.settlePod(pod('p', [{ name: 'new' }]), 'n1');
    expect(problems).toEqual([expect.objectContaining({ reason: 'NetworkMismatch' })]);
    const { pods } = overlay.settleDefinition('ns/old', undefined);
    expect([...pods]).toEqual(['ns/p']);
    expect(overlay.settlePod(pod('p', [{ name: 'new' }]), 'n1').problems).toEqual([]);
  });

  it('warn of a pod on two that share addresses', () => {
    define('one', { name: 'one', subnets: '10.2.0.0/16' });
    define('two', { name: 'two', subnets: '10.2.2.0/24' });
    const { places, warnings } = overlay.settlePod(pod('p', [{ name: 'one' }, { name: 'two' }]), 'n1');
    expect(places).toHaveLength(2);
    expect(warnings[0]?.message).toMatch(
      /subnet 10\.2\.2\.0\/24 of network "two" overlaps one of network "one"/,
    );
    expect(overlay.settlePod(pod('q', [{ name: 'one' }, { name: 'one' }]), 'n1').warnings).toEqual([]);
  });

  it('attach a pod twice to one network', () => {
    define('l2', {});
    const { put } = overlay.settlePod(pod('p', [{ name: 'l2' }, { name: 'l2' }]), 'n1');
    expect(put.map(({ key }) => key)).toEqual(['ns.l2_ns_p', 'ns.l2.1_ns_p']);
  });

  it('outlive their definition while pods are on them, and end with the last', () => {
    define('l2', {});
    overlay.settlePod(pod('p', [{ name: 'l2' }]), 'n1');
    expect(overlay.settleDefinition('ns/l2', undefined).remove).toEqual([]);
    expect(overlay.settlePod(pod('p', [{ name: 'l2' }]), 'n1').places).toHaveLength(1);
    expect(row('net.a_ovn_layer2_switch')).toBeDefined();
    expect(overlay.dropPod('ns/p').map(({ key }) => key)).toContain('net.a_ovn_layer2_switch');
    expect(overlay.compose()).toEqual([]);
  });

  it('keep the addresses of a claim for its machine, whether or not it runs', () => {
    const claims: IpamClaim[] = [
      {
        metadata: { namespace: 'ns', name: 'vm.l2', labels: { 'kubevirt.io/vm': 'vm' } },
        spec: { network: 'net-a', interface: 'net1' },
        status: { ips: ['10.2.2.1/24'] },
      },
    ];
    const kept: string[] = [];
    overlay = new Overlay({
      nodes: () => [],
      claims: () => claims,
      keep: (_claim, place) => kept.push(addressOf(place)),
      refuse: (_claim, _pod, reason) => kept.push(reason),
    });
    define('l2', { subnets: '10.2.2.0/24' });
    overlay.settleClaim('ns/vm.l2', claims[0]);
    expect(placed(pod('p', [{ name: 'l2' }]))).toBe('10.2.2.2');
    expect(placed(launcher('p1', 'vm', [{ name: 'l2' }]))).toBe('10.2.2.1');
    expect(kept).toEqual(['10.2.2.1']);
    placed(launcher('p2', 'vm', [{ name: 'l2', ips: ['10.2.2.2'] }]));
    expect(kept.splice(1)).toEqual(['IPAddressConflict']);
    overlay.dropPod('ns/p1');
    expect(placed(pod('q', [{ name: 'l2', ips: ['10.2.2.1'] }]))).toBe('none');
    claims.pop();
    expect(overlay.settleClaim('ns/vm.l2', undefined)).toEqual(['ns/q']);
    expect(placed(pod('q', [{ name: 'l2', ips: ['10.2.2.1'] }]))).toBe('10.2.2.1');
  });

  it('let go of a port whose network is no longer asked for', () => {
    define('l2', {});
    overlay.settlePod(pod('p', [{ name: 'l2' }]), 'n1');
    expect(overlay.settlePod(pod('p', []), 'n1').remove).toEqual([
      { table: 'Logical_Switch_Port', key: 'ns.l2_ns_p' },
    ]);
  });
});

describe('networks of topology layer3', () => {
  const gateways = [
    { name: 'n1', index: 0 },
    { name: 'n2', index: 1 },
  ];
  let overlay: Overlay;
  beforeEach(() => {
    overlay = new Overlay({
      nodes: () => gateways,
      claims: () => [],
      keep: () => undefined,
      refuse: () => undefined,
    });
  });
  const define = (config: object): ReturnType<Overlay['settleDefinition']> =>
    overlay.settleDefinition('ns/l3', definition('l3', { topology: 'layer3', ...config }));
  const node = (name: string, subnets?: object): Node => ({
    metadata: {
      name,
      ...(subnets !== undefined && { annotations: { [NODE_SUBNETS]: JSON.stringify(subnets) } }),
    },
  });
  const settleNodes = (...nodes: readonly Node[]) =>
    overlay.settleNodes(nodes, new Set(nodes.map(({ metadata }) => metadata.name)));
  const keys = (rows: readonly { readonly key: string }[]): readonly string[] => rows.map(({ key }) => key);
  const placeOf = (name: string, on: string) => overlay.settlePod(pod(name, [{ name: 'l3' }]), on);
  const partsOf = (name: string): string[] => overlay.subnetsOf(name)['net-a']?.map(formatRange) ?? [];

  it('give each node a part, a switch with a gateway on it, and its pods addresses of it', () => {
    expect(keys(define({ subnets: '10.20.0.0/16/24,fd20::/48' }).put)).toEqual(['net.a_ovn_cluster_router']);
    const { put, touched } = settleNodes(node('n1'), node('n2'));
    expect([...touched]).toEqual(['n1', 'n2']);
    expect(partsOf('n2')).toEqual(['10.20.1.0/24', 'fd20:0:0:1::/64']);
    expect(keys(put).slice(5)).toEqual([
      'net.a_n2',
      'rtos-net.a_n2',
      'stor-net.a_n2',
      'net.a_n2-trusted',
      'net.a_n2-guard',
    ]);
    expect(put[5]?.columns['other_config']).toMatchObject({ subnet: '10.20.1.0/24', mtu: '1400' });
    expect(put[6]?.columns['networks']).toEqual(['10.20.1.1/24', 'fd20:0:0:1::1/64']);
    const [place] = placeOf('p', 'n2').places;
    expect(addressOf(place)).toBe('10.20.1.3 fd20:0:0:1::3');
    const port = overlay.compose().find(({ key }) => key === 'ns.l3_ns_p');
    expect(port?.parent?.key).toBe('net.a_n2');
    expect(addressOf(placeOf('q', 'n1').places[0])).toBe('10.20.0.3 fd20::3');
  });

  it('lead pods to the other nodes by routes, and lead none of them anywhere else', () => {
    define({ subnets: '10.20.0.0/16/24' });
    settleNodes(node('n1'), node('n2'));
    const one = pod('p', [{ name: 'l3' }]);
    const { places } = overlay.settlePod(one, 'n2');
    const network = { addresses: [], mac: '', gateways: [], routes: [] };
    const told = JSON.parse(formatPodNetworks(one, { mac: '', addresses: [] }, network, places));
    expect(told['ns/l3']).toEqual({
      ip_addresses: ['10.20.1.3/24'],
      ip_address: '10.20.1.3/24',
      mac_address: '0a:58:0a:14:01:03',
      routes: [{ dest: '10.20.0.0/16', nextHop: '10.20.1.1' }],
      role: 'secondary',
    });
    expect(keys(overlay.compose()).filter((key) => key.startsWith('GR_'))).toEqual([]);
  });

  it('have ways out at every node when they are primary', () => {
    define({ role: 'primary', subnets: '10.20.0.0/16/24' });
    settleNodes(node('n1'), node('n2'));
    const one = pod('p', []);
    const { places } = overlay.settlePod(one, 'n2', true);
    expect(places[0]).toMatchObject({ key: 'ns/l3', interfaceName: 'ovn-udn1' });
    const network = { addresses: [], mac: '', gateways: [], routes: [] };
    const told = JSON.parse(formatPodNetworks(one, { mac: '', addresses: [] }, network, places));
    expect(told['ns/l3']).toMatchObject({ gateway_ips: ['10.20.1.1'], role: 'primary' });
    expect(told['ns/l3'].routes).toBeUndefined();
    const rows = overlay.compose();
    expect(keys(rows)).toEqual(expect.arrayContaining(['GR_net.a_n1', 'GR_net.a_n2', 'net.a_join']));
    const exit = rows.find(({ key }) => key === 'net.a_ovn_cluster_router-n2');
    expect(exit?.columns).toMatchObject({
      ip_prefix: '10.20.1.0/24',
      nexthop: '100.65.0.3',
      policy: ['src-ip'],
    });
  });

  it('keep what the annotation of a node tells, and give the part of one that goes to another', () => {
    define({ subnets: '10.20.0.0/24/25' });
    settleNodes(node('n1'), node('n2', { 'net-a': ['10.20.0.0/25'] }));
    expect([partsOf('n1'), partsOf('n2')]).toEqual([['10.20.0.128/25'], ['10.20.0.0/25']]);
    settleNodes(node('n3'));
    const { problems } = placeOf('p', 'n3');
    expect(problems[0]?.reason).toBe('SubnetExhausted');
    expect(problems[0]?.message).toContain('10.20.0.0/24 has room for 2 /25');
    expect(keys(overlay.dropNode('n1'))).toEqual(['net.a_n1', 'rtos-net.a_n1', 'stor-net.a_n1']);
    overlay.settleNodes([node('n2'), node('n3')], new Set());
    expect(partsOf('n3')).toEqual(['10.20.0.128/25']);
    expect(overlay.takeWoken()).toEqual(['ns/p']);
    expect(addressOf(placeOf('p', 'n3').places[0])).toBe('10.20.0.131');
  });

  it('cut a second range when the first is used up', () => {
    define({ role: 'primary', subnets: '10.20.0.0/24/25,10.21.0.0/24/25' });
    settleNodes(node('n1'), node('n2'), node('n3'));
    expect(partsOf('n3')).toEqual(['10.21.0.0/25']);
  });

  it('grow under their pods when they are primary, and nodes that found no part get one', () => {
    const small = { role: 'primary', subnets: '10.20.0.0/24/25' };
    define(small);
    settleNodes(node('n1'), node('n2'), node('n3'));
    expect(partsOf('n3')).toEqual([]);
    overlay.settlePod(pod('p', []), 'n1', true);
    expect(overlay.settlePod(pod('q', []), 'n3', true).problems[0]?.reason).toBe('SubnetExhausted');
    const { put, remove } = define({ ...small, subnets: '10.20.0.0/24/25,10.21.0.0/24/25' });
    expect(remove).toEqual([]);
    const hidden = put.filter(({ table, key }) => table === 'NAT' && key.startsWith('GR_net.a_n1'));
    expect(hidden.map(({ columns }) => columns['logical_ip'])).toEqual(['10.20.0.0/24', '10.21.0.0/24']);
    overlay.settleNodes([node('n1'), node('n2'), node('n3')], new Set());
    expect(['n1', 'n2', 'n3'].map(partsOf)).toEqual([['10.20.0.0/25'], ['10.20.0.128/25'], ['10.21.0.0/25']]);
    expect(overlay.takeWoken()).toEqual(['ns/q']);
    expect(addressOf(overlay.settlePod(pod('p', []), 'n1', true).places[0])).toBe('10.20.0.3');
    expect(addressOf(overlay.settlePod(pod('q', []), 'n3', true).places[0])).toBe('10.21.0.3');
  });

  it.each([
    ['secondary', '10.20.0.0/24/25,10.21.0.0/24/25'],
    ['primary', '10.21.0.0/24/25'],
    ['primary', '10.20.0.0/24/25,fd20::/48/64'],
  ])('are made anew when they change otherwise: %s %s', (role, subnets) => {
    define({ role, subnets: '10.20.0.0/24/25' });
    settleNodes(node('n1'));
    expect(keys(define({ role, subnets }).remove)).toContain('net.a_n1');
  });

  it('refuse addresses that are asked for', () => {
    define({ subnets: '10.20.0.0/16/24' });
    settleNodes(node('n1'));
    const asked = pod('p', [{ name: 'l3', ips: ['10.20.0.9'] }]);
    expect(overlay.settlePod(asked, 'n1').problems[0]).toMatchObject({ reason: 'StaticIPNotSupported' });
  });

  it('end with all their rows, and begin anew when their definition changes', () => {
    define({ role: 'primary', subnets: '10.20.0.0/16/24' });
    settleNodes(node('n1'));
    const { put } = define({ subnets: '10.30.0.0/16/24' });
    expect(keys(put)).toEqual(['net.a_ovn_cluster_router']);
    expect(partsOf('n1')).toEqual([]);
    settleNodes(node('n1'));
    expect(partsOf('n1')).toEqual(['10.30.0.0/24']);
    const { remove } = overlay.settleDefinition('ns/l3', undefined);
    expect(overlay.owesNodes).toBe(true);
    expect([...overlay.settleNodes([node('n1')], new Set()).touched]).toEqual(['n1']);
    expect(overlay.owesNodes).toBe(false);
    expect(keys(remove)).toEqual(
      expect.arrayContaining(['net.a_ovn_cluster_router', 'net.a_n1', 'rtos-net.a_n1']),
    );
    expect(overlay.compose()).toEqual([]);
    expect(partsOf('n1')).toEqual([]);
  });
});

describe('ranges inside a primary network', () => {
  const config = {
    role: 'primary',
    subnets: '10.1.0.0/24',
    reservedSubnets: '10.1.0.128/25',
    infrastructureSubnets: '10.1.0.0/29',
  };
  const asking = (name: string, choice?: object): Pod =>
    pod(name, [], {
      annotations:
        choice === undefined
          ? {}
          : { 'v1.multus-cni.io/default-network': JSON.stringify([{ name: 'default', ...choice }]) },
    });
  const overlayOf = (more: object): Overlay => {
    const overlay = new Overlay({
      nodes: () => [],
      claims: () => [],
      keep: () => undefined,
      refuse: () => undefined,
    });
    overlay.settleDefinition('ns/net', definition('net', { ...config, ...more }));
    return overlay;
  };
  const placed = (overlay: Overlay, one: Pod): string => {
    const { places, problems } = overlay.settlePod(one, 'n1', true);
    return problems[0]?.reason ?? addressOf(places[0]);
  };

  it('are left out, unless a pod asks for an address of a reserved one', () => {
    const overlay = overlayOf({});
    expect(placed(overlay, asking('a'))).toBe('10.1.0.8');
    expect(placed(overlay, asking('b', { ips: ['10.1.0.200/24'], mac: '02:00:00:00:00:0B' }))).toBe(
      '10.1.0.200',
    );
    const port = overlay.compose().find(({ key }) => key === 'ns.net_ns_b');
    expect(port?.columns['addresses']).toEqual(['02:00:00:00:00:0b 10.1.0.200']);
    expect(placed(overlay, asking('c'))).toBe('10.1.0.9');
    expect(placed(overlay, asking('d', { ips: ['10.1.0.200'] }))).toBe('IPAddressConflict');
    expect(placed(overlay, asking('e', { ips: ['10.1.0.2'] }))).toBe('IPAddressConflict');
    expect(() => placed(overlay, asking('f', { ips: ['ten'] }))).toThrow(
      /"ten" is no address; write such as/,
    );
  });

  it.each([
    [{ defaultGatewayIPs: '10.1.0.6' }, '10.1.0.6'],
    [{}, '10.1.0.1'],
    [{ infrastructureSubnets: undefined }, '10.1.0.1'],
    [{ infrastructureSubnets: '10.1.0.64/29' }, '10.1.0.64'],
  ])('hold the gateway: %j', (more, gateway) => {
    const rows = overlayOf(more).compose();
    const port = rows.find(({ key }) => key === 'trtos-net.a_ovn_layer2_switch');
    expect(port?.columns['networks']).toEqual([`${gateway}/24`]);
    const dhcp = rows.find(({ table }) => table === 'DHCP_Options');
    expect(dhcp?.columns['options']).toMatchObject({ router: gateway });
  });

  it.each([
    [{}, '10.1.0.3'],
    [{ defaultGatewayIPs: '10.1.0.2' }, '10.1.0.1'],
  ])('or not, and the first free address follows: %j', (more, first) => {
    const overlay = overlayOf({ infrastructureSubnets: undefined, ...more });
    expect(placed(overlay, asking('a'))).toBe(first);
  });
});

describe('frames that guests tag', () => {
  it.each([
    [{ topology: 'localnet' }, 'true'],
    [{ topology: 'layer2' }, 'true'],
    [{ topology: 'localnet', vlanID: 5 }, undefined],
    [{ topology: 'layer2', subnets: '10.2.2.0/24' }, undefined],
  ])('pass where the network has no VLAN and gives no addresses: %j', (more, passes) => {
    const [row] = new Overlay().settleDefinition('ns/l2', definition('l2', more)).put;
    const config = new Map(Object.entries(row?.columns['other_config'] ?? {}));
    expect(config.get('vlan-passthru')).toBe(passes);
  });
});
