import { beforeEach, describe, expect, it } from 'vitest';
import type { Node } from '#api/core/node.ts';
import { formatRange } from '#api/ip-range.ts';
import { nodeSubnetsAnnotation as NODE_SUBNETS } from '#api/k8s.ovn.org/node-subnets.ts';
import { formatPodNetworks } from './annotations.ts';
import { addressOf, definition, pod } from './overlay.fixture.ts';
import { Overlay } from './overlay.ts';

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
