/** OVN secondary networks (documentation 8.7): layer 2 and localnet, from inside guests; and what is refused or reported. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { type Cluster, listOf, openCluster, vmManifest } from './cluster.ts';

const namespace = 'my-namespace';
let cluster: Cluster;

// As printed in 8.7.1.1 and 8.7.1.2.
const documented = `
apiVersion: nmstate.io/v1
kind: NodeNetworkConfigurationPolicy
metadata:
  name: mapping
spec:
  nodeSelector:
    node-role.kubernetes.io/worker: ''
  desiredState:
    ovn:
      bridge-mappings:
      - localnet: localnet-network
        bridge: br-ex
        state: present
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata:
  name: l2-network
  namespace: my-namespace
spec:
  config: |2
    {
            "cniVersion": "0.3.1",
            "name": "my-namespace-l2-network",
            "type": "ovn-k8s-cni-overlay",
            "topology":"layer2",
            "mtu": 1300,
            "netAttachDefName": "my-namespace/l2-network"
    }
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata:
  name: localnet-network
  namespace: default
spec:
  config: |2
    {
            "cniVersion": "0.3.1",
            "name": "localnet-network",
            "type": "ovn-k8s-cni-overlay",
            "topology": "localnet",
            "netAttachDefName": "default/localnet-network"
    }
`;

function ovnNad(name: string, config: Readonly<Record<string, unknown>>, to = namespace): string {
  return JSON.stringify({
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { namespace: to, name },
    spec: {
      config: JSON.stringify({
        cniVersion: '0.3.1',
        name,
        type: 'ovn-k8s-cni-overlay',
        netAttachDefName: `${to}/${name}`,
        ...config,
      }),
    },
  });
}

/** A policy that makes an Open vSwitch bridge over a spare NIC and maps a physical network to it. */
const spareBridge = JSON.stringify({
  apiVersion: 'nmstate.io/v1',
  kind: 'NodeNetworkConfigurationPolicy',
  metadata: { name: 'spare-bridge' },
  spec: {
    desiredState: {
      interfaces: [
        {
          name: 'ovs-spare',
          type: 'ovs-bridge',
          state: 'up',
          bridge: { options: { stp: false }, port: [{ name: 'eth2' }] },
        },
      ],
      ovn: { 'bridge-mappings': [{ localnet: 'spare', bridge: 'ovs-spare', state: 'present' }] },
    },
  },
});

/** The physical network's VLAN 33 in every namespace that is chosen, with addresses for pods and guests. */
const lan = JSON.stringify({
  apiVersion: 'k8s.ovn.org/v1',
  kind: 'ClusterUserDefinedNetwork',
  metadata: { name: 'lan' },
  spec: {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    network: {
      topology: 'Localnet',
      localnet: {
        role: 'Secondary',
        physicalNetworkName: 'localnet-network',
        subnets: ['10.17.0.0/24'],
        excludeSubnets: ['10.17.0.0/28'],
        vlan: { mode: 'Access', access: { id: 33 } },
      },
    },
  },
});

const plainPod = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, annotations: { 'k8s.v1.cni.cncf.io/networks': 'lan@lan0' } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': 'node1' },
      containers: [{ name: 'main', image: 'localhost/none' }],
    },
  });

const nics = (last: number) => [
  { name: 'l2', network: 'l2-network', address: `10.7.0.${last}/24` },
  { name: 'phys', network: 'default/localnet-network', address: `10.8.0.${last}/24` },
  { name: 'vlan', network: 'vlan-1924', address: `10.9.0.${last}/24` },
  { name: 'tenant', network: 'tenant-a', address: '' },
  { name: 'spare', network: 'spare', address: `10.11.0.${last}/24` },
];

/** A VM on all networks; an empty address is asked for by DHCP. */
function manifest(name: string, node: string, last: number): string {
  const made = JSON.parse(vmManifest({ namespace, name, node, nics: nics(last) })) as {
    spec: { template: { spec: { volumes: { cloudInitNoCloud: { networkData: string } }[] } } };
  };
  for (const { cloudInitNoCloud } of made.spec.template.spec.volumes) {
    cloudInitNoCloud.networkData = cloudInitNoCloud.networkData.replace(
      '{"addresses":[""]}',
      '{"dhcp4":true}',
    );
  }
  return JSON.stringify(made);
}

beforeAll(async () => {
  cluster = await openCluster();
  await cluster.must(['create', 'namespace', namespace]);
  await cluster.must(['apply', '-f', '-'], documented);
  await cluster.must(['apply', '-f', '-'], spareBridge);
  await cluster.must([
    'wait',
    'nncp/mapping',
    'nncp/spare-bridge',
    '--for=condition=Available',
    '--timeout=30s',
  ]);
  const nads = [
    ovnNad('vlan-1924', {
      topology: 'localnet',
      physicalNetworkName: 'localnet-network',
      vlanID: 1924,
      ipam: {},
    }),
    ovnNad('vlan-1925', { topology: 'localnet', physicalNetworkName: 'localnet-network', vlanID: 1925 }),
    ovnNad('spare', { topology: 'localnet', vlanID: 77 }),
    ovnNad('tenant-a', { topology: 'layer2', subnets: '10.2.2.0/24', excludeSubnets: '10.2.2.0/29' }),
    ovnNad('tenant-b', { topology: 'layer2', subnets: '10.2.2.0/24' }),
  ];
  const other = JSON.parse(vmManifest({ namespace, name: 'other', node: 'node2', nics: [] }));
  other.spec.template.spec.domain.devices.interfaces.push(
    { name: 'vlan', bridge: {} },
    { name: 'tenant', bridge: {} },
    { name: 'lan', bridge: {} },
  );
  other.spec.template.spec.networks.push(
    { name: 'vlan', multus: { networkName: 'vlan-1925' } },
    { name: 'tenant', multus: { networkName: 'tenant-b' } },
    { name: 'lan', multus: { networkName: 'lan' } },
  );
  other.spec.template.spec.volumes[0].cloudInitNoCloud.networkData = JSON.stringify({
    version: 2,
    ethernets: {
      eth0: { dhcp4: true },
      eth1: { addresses: ['10.9.0.9/24'] },
      eth2: { dhcp4: true },
      eth3: { dhcp4: true },
    },
  });
  const vms = [manifest('a', 'node1', 1), manifest('b', 'node1', 2), manifest('c', 'node2', 3)];
  await cluster.must(
    ['create', '-f', '-'],
    listOf([lan, ...nads, ...vms, JSON.stringify(other), plainPod('peer')]),
  );
  await cluster.must([
    'wait',
    '-n',
    namespace,
    'vmi',
    '--all',
    '--for=condition=AgentConnected',
    '--timeout=90s',
  ]);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=60s']);
  await cluster.must(['delete', 'net-attach-def', '-n', 'default', 'localnet-network']);
  await cluster.must(['delete', 'cudn', 'lan', '--timeout=20s']);
  const entries = [
    { localnet: 'localnet-network', state: 'absent' },
    { localnet: 'spare', state: 'absent' },
  ];
  const interfaces = [{ name: 'ovs-spare', type: 'ovs-bridge', state: 'absent' }];
  const absent = { spec: { desiredState: { interfaces, ovn: { 'bridge-mappings': entries } } } };
  await cluster.must(['delete', 'nncp', 'mapping']);
  await cluster.must(['patch', 'nncp', 'spare-bridge', '--type=merge', '-p', JSON.stringify(absent)]);
  await cluster.must(['wait', 'nncp/spare-bridge', '--for=condition=Available', '--timeout=30s']);
  await cluster.must(['delete', 'nncp', 'spare-bridge']);
  cluster.close();
});

async function ping(from: string, address: string, size = 56): Promise<boolean> {
  const { exitCode } = await cluster.guest(
    namespace,
    from,
    'ping -c 2 -W 2 -s "$2" "$1"',
    address,
    String(size),
  );
  return exitCode === 0;
}

/** Of networks whose other cells have just answered: one second is long. */
async function isSilent(from: string, address: string): Promise<boolean> {
  return (await cluster.guest(namespace, from, 'ping -c 1 -W 1 "$1"', address)).exitCode !== 0;
}

async function tenantAddress(vm: string, device = 'eth4'): Promise<string> {
  const { stdout } = await cluster.guest(namespace, vm, 'ip -o -4 addr show "$1"', device);
  return /inet ([\d.]+)/.exec(stdout)?.[1] ?? '';
}

const launcherOf = async (vm: string): Promise<string> => {
  const labelSelector = `vm.kubevirt.io/name=${vm}`;
  const [launcher] = (await cluster.client.list(pod, { namespace, labelSelector })).items;
  return launcher?.metadata.name ?? '';
};

describe('connectivity', () => {
  const networks = [
    ['layer 2', '10.7.0', 1300],
    ['localnet on br-ex', '10.8.0', 1500],
    ['localnet on br-ex, VLAN 1924', '10.9.0', 1500],
    ['localnet on a bridge of a policy, VLAN 77', '10.11.0', 1500],
  ] as const;
  test.each(networks)('%s: same node and other node, at full size', async (_name, net, mtu) => {
    expect(await ping('a', `${net}.2`, mtu - 28)).toBe(true);
    expect(await ping('a', `${net}.3`, mtu - 28)).toBe(true);
    expect(await ping('c', `${net}.2`)).toBe(true);
  });

  test('MTU of the definition reaches the guest, which cannot exceed it', async () => {
    const { stdout } = await cluster.guest(namespace, 'a', 'cat /sys/class/net/eth[1-5]/mtu');
    expect(stdout.trim().split('\n')).toEqual(['1300', '1500', '1500', '1400', '1500']);
    // The card itself takes no more than its network carries.
    const { exitCode } = await cluster.guest(namespace, 'a', 'ip link set eth1 mtu 1400');
    expect(exitCode).not.toBe(0);
  });

  test('a network with subnets leases addresses outside its exclusions', async () => {
    for (const vm of ['a', 'b', 'c']) {
      await expect.poll(() => tenantAddress(vm), { timeout: 30_000 }).not.toBe('');
    }
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((vm) => tenantAddress(vm)));
    expect(new Set([a, b, c]).size).toBe(3);
    for (const address of [a, b, c]) {
      expect(Number(address?.split('.')[3])).toBeGreaterThanOrEqual(8);
    }
    expect(await ping('a', b ?? '', 1372)).toBe(true);
    expect(await ping('a', c ?? '', 1372)).toBe(true);
  });
});

describe('a ClusterUserDefinedNetwork of topology Localnet', () => {
  test('is made where it is asked for, and says where', async () => {
    const path = '{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}';
    const told = await cluster.must(['get', 'cudn', 'lan', '-o', `jsonpath=${path}`]);
    expect(told).toContain(
      'NetworkCreated=True NetworkAttachmentDefinitionCreated: NetworkAttachmentDefinition has been created in following namespaces: [my-namespace]',
    );
    expect(told).toContain('NetworkAllocationSucceeded=True');
  });

  test('connects pods and guests in its VLAN with addresses outside its exclusions, at full size', async () => {
    await expect.poll(() => tenantAddress('other', 'eth3'), { timeout: 30_000 }).toMatch(/^10\.17\.0\./);
    const guest = await tenantAddress('other', 'eth3');
    expect(Number(guest.split('.')[3])).toBeGreaterThanOrEqual(16);
    const pinged = await cluster.inPod(namespace, 'peer', [
      'busybox',
      'ping',
      '-c',
      '2',
      '-W',
      '2',
      '-s',
      '1472',
      guest,
    ]);
    expect(pinged.status).toBe(0);
  });
});

describe('VLAN trunks to a guest', () => {
  const tag =
    'modprobe 8021q; ip link add link "$1" name "$2" type vlan id "$3" && ip addr add "$4" dev "$2" && ip link set "$2" up';
  const cases = [
    ['a layer 2 network without addresses', 'eth1', '10.13.0', 1272],
    ['a localnet network without VLAN', 'eth2', '10.14.0', 1472],
  ] as const;
  test.each(cases)('%s carries frames that guests tag, VLANs apart', async (_name, device, net, size) => {
    for (const [vm, last, vlan] of [
      ['a', 1, '300'],
      ['c', 3, '300'],
      ['b', 2, '301'],
    ] as const) {
      const words = [device, `${device}.${vlan}`, vlan, `${net}.${last}/24`];
      expect(await cluster.guest(namespace, vm, tag, ...words)).toMatchObject({ exitCode: 0 });
    }
    expect(await ping('a', `${net}.3`, size)).toBe(true);
    expect(await ping('c', `${net}.1`)).toBe(true);
    expect(await isSilent('b', `${net}.3`)).toBe(true);
  });

  test('a network with a VLAN of its own does not, nor one that gives addresses', async () => {
    for (const [device, net] of [
      ['eth3', '10.15.0'],
      ['eth4', '10.16.0'],
    ] as const) {
      for (const [vm, last] of [
        ['a', 1],
        ['c', 3],
      ] as const) {
        const words = [device, `${device}.300`, '300', `${net}.${last}/24`];
        expect(await cluster.guest(namespace, vm, tag, ...words)).toMatchObject({ exitCode: 0 });
      }
      expect(await isSilent('a', `${net}.3`)).toBe(true);
    }
  });
});

describe('isolation', () => {
  test('networks with equal subnets and VLANs of one physical network are apart', async () => {
    expect(await ping('other', '10.9.0.3')).toBe(false);
    expect(await ping('c', '10.9.0.9')).toBe(false);
    await expect.poll(() => tenantAddress('other', 'eth2'), { timeout: 30_000 }).toBe('10.2.2.1');
    expect(await ping('other', await tenantAddress('c'))).toBe(false);
  });

  test('a guest with another MAC, or another address where the network gives them, is not heard', async () => {
    const change = 'ip link set "$1" down; ip link set "$1" address "$2"; ip link set "$1" up';
    const { stdout: mac } = await cluster.guest(namespace, 'b', 'cat /sys/class/net/eth1/address');
    await cluster.guest(namespace, 'b', change, 'eth1', '02:de:ad:be:ef:02');
    expect(await ping('b', '10.7.0.3')).toBe(false);
    await cluster.guest(namespace, 'b', change, 'eth1', mac.trim());
    expect(await ping('b', '10.7.0.3')).toBe(true);
    const c = await tenantAddress('c');
    await cluster.guest(namespace, 'b', 'ip addr add 10.2.2.200/24 dev eth4');
    expect((await cluster.guest(namespace, 'b', 'ping -c 2 -W 1 -I 10.2.2.200 "$1"', c)).exitCode).not.toBe(
      0,
    );
    await cluster.guest(namespace, 'b', 'ip addr del 10.2.2.200/24 dev eth4');
  });
});

describe('what is told', () => {
  test('the launcher has the links of the slides, the address stays on the placeholder', async () => {
    const { stdout } = await cluster.inPod(namespace, await launcherOf('a'), ['ip', '-j', 'addr']);
    const links = JSON.parse(stdout) as {
      ifname: string;
      master?: string;
      operstate: string;
      flags: string[];
      addr_info: { family: string; local: string; prefixlen: number }[];
    }[];
    const placeholders = links.filter(({ ifname }) => /^pod[0-9a-f]{11}$/.test(ifname));
    expect(placeholders).toHaveLength(5);
    for (const { ifname, flags } of placeholders) {
      const hash = ifname.slice(3);
      expect(flags).toEqual(['BROADCAST', 'NOARP']);
      expect(links.find((one) => one.ifname === `${hash}-nic`)?.master).toBe(`k6t-${hash}`);
      expect(links.find((one) => one.ifname === `tap${hash}`)?.master).toBe(`k6t-${hash}`);
    }
    const v4 = (name: string): string[] =>
      links
        .find(({ ifname }) => ifname === name)
        ?.addr_info.flatMap(({ family, local, prefixlen }) =>
          family === 'inet' ? [`${local}/${prefixlen}`] : [],
        ) ?? [];
    const holder = placeholders.filter(({ ifname }) => v4(ifname).length > 0);
    expect(holder).toHaveLength(1);
    expect(v4(holder[0]?.ifname ?? '')).toEqual([`${await tenantAddress('a')}/24`]);
    expect(v4(`k6t-${holder[0]?.ifname.slice(3)}`)).toEqual(['169.254.75.14/32']);
  });

  test('the pod is annotated by network, and told in network-status', async () => {
    const { metadata } = await cluster.client.get(pod, { namespace, name: await launcherOf('a') });
    const told = JSON.parse(metadata.annotations?.['k8s.ovn.org/pod-networks'] ?? '{}') as Record<
      string,
      { role: string }
    >;
    expect(Object.entries(told).map(([key, { role }]) => `${key} ${role}`)).toEqual([
      'default primary',
      'my-namespace/l2-network secondary',
      'default/localnet-network secondary',
      'my-namespace/vlan-1924 secondary',
      'my-namespace/tenant-a secondary',
      'my-namespace/spare secondary',
    ]);
  });
});

describe('wrong input', () => {
  test.each([
    ['VLAN 4095', { topology: 'localnet', vlanID: 4095 }, /spec\.config\.vlanID: Invalid value.*1 to 4094/],
    [
      'ipam',
      { topology: 'layer2', ipam: { subnet: '10.2.2.0/24' } },
      /spec\.config\.ipam: Forbidden.*subnets instead/,
    ],
    [
      'subnets of the pods',
      { topology: 'layer2', subnets: '10.128.0.0/24' },
      /invalid subnet configuration.*10\.128\.0\.0\/14/,
    ],
    [
      'another definition',
      { topology: 'layer2', netAttachDefName: 'x/y' },
      /\(my-namespace\/wrong\) is inconsistent with config \(x\/y\)/,
    ],
    [
      'a difference',
      { topology: 'layer2', name: 'tenant-a' },
      /my-namespace\/tenant-a, which says otherwise in subnets, excludeSubnets/,
    ],
  ])('%s is refused', async (_name, config, message) => {
    const { status, stderr } = await cluster.kubectl(['create', '-f', '-'], ovnNad('wrong', config));
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  test('an edit of a definition in use is refused, its deletion warns, and its status names the others', async () => {
    const config = { topology: 'layer2', subnets: '10.2.2.0/24', mtu: 1300 };
    const { status, stderr } = await cluster.kubectl(['apply', '-f', '-'], ovnNad('tenant-b', config));
    expect(status).not.toBe(0);
    expect(stderr).toMatch(
      /spec\.config\.mtu: Forbidden: cannot be changed while pods are on network "tenant-b": \[my-namespace\/virt-launcher-other-\w+\]; stop/,
    );
    await cluster.must(['create', '-f', '-'], ovnNad('shared', { topology: 'layer2' }));
    await cluster.must(['create', '-f', '-'], ovnNad('shared', { topology: 'layer2' }, 'default'));
    const path = 'jsonpath={.status.conditions[?(@.type=="NetworkConsistent")].message}';
    const told = (): Promise<string> =>
      cluster.must(['get', 'net-attach-def', '-n', namespace, 'shared', '-o', path]);
    await expect
      .poll(told)
      .toBe('network "shared" is shared with NetworkAttachmentDefinitions: [default/shared]');
    await cluster.must(['delete', 'net-attach-def', '-n', 'default', 'shared']);
    await expect.poll(told).toBe('network "shared" has no other definition');
  });

  test('a physical network that no node maps is warned of, reported on definition and machine, and mended by a policy', async () => {
    const { stderr } = await cluster.kubectl(['create', '-f', '-'], ovnNad('lost', { topology: 'localnet' }));
    expect(stderr).toMatch(/Warning: .*no NodeNetworkConfigurationPolicy maps physical network "lost"/);
    const nic = { name: 'lost', network: 'lost', address: '10.12.0.1/24' };
    await cluster.must(
      ['create', '-f', '-'],
      vmManifest({ namespace, name: 'lost', node: 'node1', nics: [nic] }),
    );
    const events = (): Promise<string> =>
      cluster.must([
        'get',
        'events',
        '-n',
        namespace,
        '-o',
        'jsonpath={range .items[*]}{.reason} {.message}{"\\n"}{end}',
      ]);
    await expect
      .poll(events, { timeout: 20_000 })
      .toMatch(/FailedScheduling .*had no bridge mapping for physical network "lost"/);
    const status = (kind: string, path: string): Promise<string> =>
      cluster.must(['get', kind, '-n', namespace, 'lost', '-o', `jsonpath=${path}`]);
    await expect.poll(() => status('vm', '{.status.printableStatus}')).toBe('ErrorUnschedulable');
    expect(await status('vmi', '{.status.conditions[?(@.type=="PodScheduled")].message}')).toMatch(
      /Physical network "lost" is mapped on no node; mapped are: .*localnet-network/,
    );
    const mapped = '{.status.conditions[?(@.type=="BridgeMapped")].message}';
    await expect
      .poll(() => status('net-attach-def', mapped))
      .toMatch(/physical network "lost" is mapped to no bridge of nodes: \[node1, node2\]/);
    const desiredState = {
      ovn: { 'bridge-mappings': [{ localnet: 'lost', bridge: 'br-ex', state: 'present' }] },
    };
    const policy = {
      apiVersion: 'nmstate.io/v1',
      kind: 'NodeNetworkConfigurationPolicy',
      metadata: { name: 'lost' },
      spec: { desiredState },
    };
    await cluster.must(['create', '-f', '-'], JSON.stringify(policy));
    await cluster.must(['wait', '-n', namespace, 'vm/lost', '--for=condition=Ready', '--timeout=20s']);
    expect(await status('net-attach-def', mapped)).toMatch(
      /is mapped on: \[node1 \(br-ex\), node2 \(br-ex\)\]/,
    );
    await cluster.must(['delete', 'nncp', 'lost']);
  });
});
