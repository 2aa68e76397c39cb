import { describe, expect, it } from 'vitest';
import type { Pod } from '#api/core/pod.ts';
import { addressOf, definition, pod } from './overlay.fixture.ts';
import { Overlay } from './overlay.ts';

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
    [
      '[{"name":"default"',
      /no JSON; write such as \[\{"name": "default", "namespace": "ovn-kubernetes", "ips":/,
    ],
    ['ovn', /no JSON/],
    ['[1]', /has no element that is an object/],
    ['[]', /has no element that is an object/],
    [
      '[{"name":"default","mac":"zz"}]',
      /mac: "zz" is no unicast MAC address; write such as 02:00:00:00:00:01, or leave it out/,
    ],
    ['[{"name":"default","mac":"01:00:5e:00:00:01"}]', /mac: "01:00:5e:00:00:01" is no unicast MAC address/],
    [
      '[{"name":"default","ips":"10.1.0.200"}]',
      /ips: "10.1.0.200" is no list of addresses; write such as \["10.1.0.5\/24"\]/,
    ],
  ])('are not given to who writes what cannot be read: %s', (text, message) => {
    const annotations = { 'v1.multus-cni.io/default-network': text };
    const asked = (): unknown => placed(overlayOf({}), pod('p', [], { annotations }));
    expect(asked).toThrow(message);
    expect(asked).toThrow(/^pod ns\/p: annotation v1\.multus-cni\.io\/default-network/);
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
