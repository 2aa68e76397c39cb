import { beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '#api/core/pod.ts';
import { formatIp } from '#api/ip-range.ts';
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { NbRow } from '#drivers/ovn/driver.ts';
import { POD_NETWORKS } from './annotations.ts';
import type { FlatPlace } from './flat-network.ts';
import { Overlay } from './overlay.ts';

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
    const exits = put.filter(({ columns }) => columns['policy'] !== undefined);
    expect(exits.map(({ columns }) => [columns['ip_prefix'], columns['nexthop']])).toEqual([
      ['10.2.0.3/32', '100.65.0.2'],
      ['fd00:2::3/128', 'fd99::2'],
    ]);
    expect(overlay.dropPod('ns/p').map(({ key }) => key)).toEqual(
      expect.arrayContaining(exits.map(({ key }) => key)),
    );
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
    });
    define('l2', { subnets: '10.2.2.0/24' });
    overlay.settleClaim('ns/vm.l2', claims[0]);
    expect(placed(pod('p', [{ name: 'l2' }]))).toBe('10.2.2.2');
    expect(placed(launcher('p1', 'vm', [{ name: 'l2' }]))).toBe('10.2.2.1');
    expect(kept).toEqual(['10.2.2.1']);
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
