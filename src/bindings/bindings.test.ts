import { describe, expect, it } from 'vitest';
import type { VmiInterface, VmiNetwork } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';
import type { Resource } from '#node-state/resource.ts';
import { resourceId } from '#node-state/resource.ts';
import type { BindingInput } from './binding.ts';
import { bindingOf } from './bindings.ts';
import { vmRange } from './cidr.ts';
import { linkNames, podInterfaceName } from './names.ts';

const netns = 'sandbox';

interface Case {
  readonly card: VmiInterface;
  readonly network: VmiNetwork;
  readonly index?: number;
  readonly podName?: string;
  readonly addresses?: readonly string[];
  readonly routes?: BindingInput['pod']['routes'];
}

function compose(one: Case): ReturnType<ReturnType<typeof bindingOf>['compose']> {
  const { card, network, index = 0, podName = 'eth0', addresses = ['10.128.0.5/23'], routes = [] } = one;
  const pod = { netns, name: podName, mac: '0a:58:0a:80:00:05', mtu: 1400, addresses, gateways: [], routes };
  return bindingOf(card).compose({
    interface: card,
    network,
    index,
    pod,
    podLink: {
      kind: 'link',
      netns,
      name: podName,
      device: { type: 'veth', peer: { netns: '', name: 'host0' } },
      up: true,
      mtu: 1400,
      mac: pod.mac,
    },
    podResources: addresses.map((address) => ({ kind: 'address', netns, link: podName, address })),
    spec: { domain: { devices: {} } },
    guestMac: card.macAddress ?? pod.mac,
    hostname: 'vm-a',
    dns: { servers: ['172.30.0.10'], searches: ['demo.svc.cluster.local'] },
    qemuUser: 107,
    queues: 1,
  });
}

const masqueraded = (card: Partial<VmiInterface> = {}, addresses?: readonly string[]) =>
  compose({
    card: { name: 'default', masquerade: {}, ...card },
    network: { name: 'default', pod: {} },
    ...(addresses !== undefined && { addresses }),
  });

const bridged = (addresses: readonly string[], routes: BindingInput['pod']['routes'] = []) =>
  compose({
    card: { name: 'net', bridge: {}, macAddress: '02:86:5e:00:00:0a' },
    network: { name: 'net', multus: { networkName: 'net' } },
    index: 1,
    podName: 'pod2eae7330186',
    addresses,
    routes,
  });

const ids = (resources: readonly Resource[]): string[] => resources.map(resourceId);
const dhcpOf = (resources: readonly Resource[]): DhcpServer | undefined =>
  resources.find((resource) => resource.kind === 'dhcp-server');

/** Rules of a chain of the nat table, without counters, as short text. */
function rulesOf(resources: readonly Resource[], family: 'ip' | 'ip6', chain: string): string[] {
  const table = resources.find((resource) => resource.kind === 'nft-table' && resource.family === family);
  const objects = table?.kind === 'nft-table' ? table.objects : [];
  return objects.flatMap((object) => {
    const rule = object['rule'] as { chain: string; expr: object[] } | undefined;
    return rule?.chain === chain ? [rule.expr.map(exprText).join(' ')] : [];
  });
}

function exprText(expr: object): string {
  const [verb, value] = Object.entries(expr)[0] ?? ['', null];
  if (verb !== 'match') {
    return value === null ? verb : `${verb} ${Object.values(value as object).join(' ')}`;
  }
  const { left, right } = value as { left: object; right: unknown };
  const [selector] = Object.values(left) as Record<string, string>[];
  return `${Object.values(selector ?? {}).join(' ')} ${JSON.stringify(right)}`;
}

describe('masquerade', () => {
  it('wires the pod as upstream does', () => {
    const { resources, nic } = masqueraded();
    expect(ids(resources)).toEqual([
      'link/sandbox/eth0',
      'address/sandbox/eth0/10.128.0.5/23',
      'link/sandbox/k6t-eth0',
      'link/sandbox/tap0',
      'address/sandbox/k6t-eth0/10.0.2.1/24',
      'sysctl/sandbox/net.ipv4.ip_forward',
      'sysctl/sandbox/net.ipv4.conf.k6t-eth0.route_localnet',
      'nft-table/sandbox/ip/nat',
      'dhcp-server/sandbox/k6t-eth0',
    ]);
    expect(resources.find((one) => one.kind === 'link' && one.name === 'k6t-eth0')).toMatchObject({
      mac: '02:00:00:00:00:00',
      mtu: 1400,
    });
    expect(nic).toEqual({
      name: 'default',
      model: 'virtio',
      mac: '0a:58:0a:80:00:05',
      tap: 'tap0',
      mtu: 1400,
      queues: 1,
      linkUp: true,
    });
  });

  it.each([
    [[], ['counter dnat 10.0.2.2']],
    [[{ port: 80 }], ['tcp dport 80 counter dnat 10.0.2.2']],
    [
      [
        { port: 80, protocol: 'TCP' },
        { port: 53, protocol: 'UDP' },
      ],
      ['tcp dport 80 counter dnat 10.0.2.2', 'udp dport 53 counter dnat 10.0.2.2'],
    ],
  ])('lets in the ports %j and drops the others, those of migration always', (ports, expected) => {
    const { resources } = masqueraded({ ports });
    expect(rulesOf(resources, 'ip', 'KUBEVIRT_PREINBOUND')).toEqual([
      'tcp dport {"set":[49152,49153]} counter drop',
      ...expected,
      ...(ports.length > 0 ? ['l4proto {"set":["tcp","udp"]} counter drop'] : []),
    ]);
    expect(rulesOf(resources, 'ip', 'prerouting')).toEqual([
      'iifname "eth0" counter jump KUBEVIRT_PREINBOUND',
    ]);
    expect(rulesOf(resources, 'ip', 'postrouting')).toEqual([
      'ip saddr "10.0.2.2" counter masquerade',
      'oifname "k6t-eth0" counter jump KUBEVIRT_POSTINBOUND',
    ]);
  });

  it('has IPv6 only where the pod has it', () => {
    const both = masqueraded({}, ['10.128.0.5/23', 'fd00:10::5/64']).resources;
    expect(rulesOf(both, 'ip6', 'KUBEVIRT_PREINBOUND').at(-1)).toBe('counter dnat fd10:0:2::2');
    expect(dhcpOf(both)).toMatchObject({
      v4: { address: '10.0.2.2', prefixLength: 24, router: '10.0.2.1' },
      v6: { address: 'fd10:0:2::2', prefixLength: 120, router: 'fd10:0:2::1', advertise: true },
    });
    const v6Only = masqueraded({}, ['fd00:10::5/64', 'fe80::1/64']).resources;
    expect(ids(v6Only)).not.toContain('nft-table/sandbox/ip/nat');
    expect(dhcpOf(v6Only)?.v4).toBeUndefined();
  });

  it('gives the guest MTU, names and options by DHCP', () => {
    const dhcpOptions = {
      tftpServerName: 't',
      bootFileName: 'b',
      ntpServers: ['192.0.2.1'],
      privateOptions: [{ option: 240, value: 'x' }],
    };
    expect(dhcpOf(masqueraded({ dhcpOptions }).resources)).toMatchObject({
      link: 'k6t-eth0',
      mtu: 1400,
      hostname: 'vm-a',
      dns: ['172.30.0.10'],
      options: [
        { code: 66, value: 't' },
        { code: 67, value: 'b' },
        { code: 42, value: '192.0.2.1' },
        { code: 240, value: 'x' },
      ],
    });
  });

  it("is refused on a secondary network and with the bridge's MAC", () => {
    const card = { name: 'a', masquerade: {}, macAddress: '02-00-00-00-00-00' };
    const causes = bindingOf(card).validate(card, { name: 'a', multus: { networkName: 'n' } }, 'spec.i[0]');
    expect(causes.map(({ field }) => field)).toEqual(['spec.i[0].masquerade', 'spec.i[0].macAddress']);
  });
});

describe('bridge', () => {
  it('moves the pod interface aside and leaves a placeholder', () => {
    const { resources, nic } = bridged([]);
    expect(ids(resources)).toEqual([
      'link/sandbox/2eae7330186-nic',
      'link/sandbox/k6t-2eae7330186',
      'link/sandbox/tap2eae7330186',
      'link/sandbox/pod2eae7330186',
    ]);
    const [moved, bridge, , placeholder] = resources;
    expect(moved).toMatchObject({ port: { bridge: 'k6t-2eae7330186', learning: false } });
    expect(moved?.kind === 'link' && bridge?.kind === 'link' && moved.mac === bridge.mac).toBe(true);
    expect(placeholder).toMatchObject({
      device: { type: 'dummy' },
      up: false,
      arp: false,
      mac: '0a:58:0a:80:00:05',
    });
    expect(nic).toMatchObject({ tap: 'tap2eae7330186', mac: '02:86:5e:00:00:0a' });
  });

  it.each([
    [['10.2.2.3/24'], true],
    [['fd00::3/64'], false],
    [['169.254.1.1/16'], false],
    [[], false],
  ])('serves DHCP and has its own address only with IPv4: %j', (addresses, isServed) => {
    const found = ids(bridged(addresses).resources);
    expect(found.includes('address/sandbox/k6t-2eae7330186/169.254.75.11/32')).toBe(isServed);
    expect(found.includes('dhcp-server/sandbox/k6t-2eae7330186')).toBe(isServed);
  });

  it('hands routes on, also when there is none', () => {
    const routes = [
      { destination: 'default', via: '10.2.2.1' },
      { destination: '10.9.0.0/16', via: '10.2.2.254' },
    ];
    expect(dhcpOf(bridged(['10.2.2.3/24'], routes).resources)?.v4).toEqual({
      address: '10.2.2.3',
      prefixLength: 24,
      router: '10.2.2.1',
      routes: [{ destination: '10.9.0.0/16', via: '10.2.2.254' }],
    });
    expect(dhcpOf(bridged(['10.2.2.3/24']).resources)?.v4).toEqual({ address: '10.2.2.3', prefixLength: 24 });
  });

  it('is not permitted on the pod network', () => {
    const card = { name: 'a', bridge: {} };
    expect(bindingOf(card).validate(card, { name: 'a', pod: {} }, 'f')).toHaveLength(1);
    expect(bindingOf(card).validate(card, { name: 'a', multus: { networkName: 'n' } }, 'f')).toEqual([]);
  });
});

describe('names and ranges', () => {
  it('hashes a network name as upstream does', () => {
    expect(podInterfaceName('secondary-udn')).toMatch(/^pod[0-9a-f]{11}$/);
    expect(linkNames('pod2eae7330186', 1)).toEqual({
      bridge: 'k6t-2eae7330186',
      tap: 'tap2eae7330186',
      nic: '2eae7330186-nic',
    });
    expect(linkNames('net1', 1)).toEqual({ bridge: 'k6t-net1', tap: 'tap1', nic: 'net1-nic' });
  });

  it.each([
    ['10.0.2.0/24', '10.0.2.1', '10.0.2.2'],
    ['10.0.2.128/30', '10.0.2.129', '10.0.2.130'],
    ['10.11.12.13/24', '10.11.12.1', '10.11.12.2'],
    ['fd10:0:2::2/120', 'fd10:0:2::1', 'fd10:0:2::2'],
  ])('%s', (cidr, gateway, guest) => {
    expect(vmRange(cidr, 'f')).toMatchObject({ gateway, guest });
  });

  it.each(['10.0.2.0/31', 'fd10::/127', 'nonsense', '10.0.2.0'])('refuses %s', (cidr) => {
    expect(() => vmRange(cidr, 'spec.networks[0]')).toThrow(/spec.networks\[0\]/);
  });

  it('names the bindings there are when another is asked for', () => {
    expect(() => bindingOf({ name: 'a', sriov: {} })).toThrow(
      /"sriov" is not there; there are masquerade, bridge/,
    );
  });
});
