import { beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '#api/core/pod.ts';
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { NbRow } from '#drivers/ovn/driver.ts';
import { POD_NETWORKS } from './annotations.ts';
import { addressOf, definition, launcher, pod } from './overlay.fixture.ts';
import { Overlay } from './overlay.ts';
import { idle } from './overlay-parts.ts';

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

  it('that are primary are given by the namespace, never by a selection', () => {
    define('l2', { role: 'primary', subnets: '10.2.2.0/24' });
    const message =
      'unexpected primary network ns/l2 in annotation k8s.v1.cni.cncf.io/networks: every pod is on the primary network of its namespace by the label k8s.ovn.org/primary-user-defined-network of that namespace; leave it out of the annotation, or make a network of role secondary';
    for (const hasPrimary of [false, true]) {
      const { problems, places } = overlay.settlePod(pod('p', [{ name: 'l2' }]), 'n1', hasPrimary);
      expect(problems).toEqual([{ reason: 'PrimaryNetworkSelected', message }]);
      expect(places.map(({ interfaceName }) => interfaceName)).toEqual(hasPrimary ? ['ovn-udn1'] : []);
    }
  });

  it('warn of a claim that a pod names and that is not its own', () => {
    const claim: IpamClaim = {
      metadata: { namespace: 'ns', name: 'keep' },
      spec: { network: 'net-a', interface: 'net1' },
    };
    overlay = new Overlay({ ...idle, claims: () => [claim] });
    define('l2', { subnets: '10.2.2.0/24', allowPersistentIPs: true });
    const warningsOf = (reference: string): unknown =>
      overlay.settlePod(pod('p', [{ name: 'l2', 'ipam-claim-reference': reference }]), 'n1').warnings;
    const only =
      'claims keep addresses for virtual machines only; the pod has an address of its own, which ends with it: leave ipam-claim-reference out';
    expect(warningsOf('keep')).toEqual([
      {
        reason: 'IPAMClaimNotUsed',
        message: `pod ns/p, network "net-a": IPAMClaim "keep" is not used: ${only}`,
      },
    ]);
    expect(warningsOf('nope')).toEqual([
      {
        reason: 'IPAMClaimNotUsed',
        message: `pod ns/p, network "net-a": IPAMClaim "nope" is not used, and is not there: ${only}`,
      },
    ]);
  });

  it('let go of a port whose network is no longer asked for', () => {
    define('l2', {});
    overlay.settlePod(pod('p', [{ name: 'l2' }]), 'n1');
    expect(overlay.settlePod(pod('p', []), 'n1').remove).toEqual([
      { table: 'Logical_Switch_Port', key: 'ns.l2_ns_p' },
    ]);
  });
});
