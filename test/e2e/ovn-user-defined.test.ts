/** User-defined networks as the slides show them: primary and secondary, tenants apart, ways out, protection. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { node } from '#api/core/node.ts';
import { pod } from '#api/core/pod.ts';
import { formatIp } from '#api/ip-range.ts';
import { managementOffset, nodeSubnetsAnnotation, readNodeSubnets } from '#api/k8s.ovn.org/node-subnets.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { type Cluster, execute, listOf, openCluster, vmManifest } from './cluster.ts';
import { instance } from './patchbay.ts';

const label = 'k8s.ovn.org/primary-user-defined-network';
const tenants = ['tenant-1', 'tenant-2'];
let cluster: Cluster;
/** The machine's address on the network of the nodes: outside of every network of OVN. */
let outside = '';

const udn = (namespace: string, name: string, layer2: object): string =>
  JSON.stringify({
    apiVersion: 'k8s.ovn.org/v1',
    kind: 'UserDefinedNetwork',
    metadata: { namespace, name },
    spec: { topology: 'Layer2', layer2 },
  });

/** A VM as in the slides: l2bridge on the pod network, and the secondary network by bridge. */
function tenantVm(namespace: string, name: string, node: string, hasSecondary: boolean): string {
  const made = JSON.parse(vmManifest({ namespace, name, node, nics: [] }));
  const { spec } = made.spec.template;
  const secondary = {
    name: 'secondary-udn',
    bridge: {},
    macAddress: `02:86:5e:00:00:0${node === 'node1' ? 'a' : 'b'}`,
  };
  spec.domain.devices.interfaces = [
    { name: 'default', binding: { name: 'l2bridge' } },
    ...(hasSecondary ? [secondary] : []),
  ];
  const multus = { networkName: 'secondary-udn' };
  spec.networks = [
    { name: 'default', pod: {} },
    ...(hasSecondary ? [{ name: 'secondary-udn', multus }] : []),
  ];
  const ethernets = { eth0: { dhcp4: true }, ...(hasSecondary && { eth1: { dhcp4: true } }) };
  spec.volumes[0].cloudInitNoCloud.networkData = JSON.stringify({ version: 2, ethernets });
  return JSON.stringify(made);
}

const plainPod = (namespace: string, name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': 'node1' },
      containers: [{ name: 'main', image: 'localhost/none' }],
    },
  });

beforeAll(async () => {
  cluster = await openCluster();
  const { nodes } = await cluster.status();
  outside = (nodes[0]?.address ?? '').replace(/\.\d+$/, '.1');
  const namespaces = [...tenants.map((name) => ({ name, labels: { [label]: '' } })), { name: 'plain' }];
  const made = namespaces.map((metadata) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }),
  );
  const ipam = { lifecycle: 'Persistent' };
  await cluster.must(
    ['create', '-f', '-'],
    listOf([
      ...made,
      ...tenants.map((name) => udn(name, 'primary-udn', { role: 'Primary', subnets: ['10.1.1.0/24'], ipam })),
      udn('tenant-1', 'secondary-udn', { role: 'Secondary', subnets: ['10.2.2.0/24'], ipam }),
      ...tenants.flatMap((name) => [
        tenantVm(name, 'x', 'node1', name === 'tenant-1'),
        tenantVm(name, 'y', 'node2', name === 'tenant-1'),
      ]),
      vmManifest({ namespace: 'plain', name: 'd', node: 'node1', nics: [] }),
      plainPod('tenant-1', 'p'),
      plainPod('plain', 'q'),
    ]),
  );
  for (const namespace of [...tenants, 'plain']) {
    await cluster.must([
      'wait',
      '-n',
      namespace,
      'vmi',
      '--all',
      '--for=condition=AgentConnected',
      '--timeout=90s',
    ]);
  }
  for (const [namespace, name] of [
    ['tenant-1', 'p'],
    ['plain', 'q'],
  ]) {
    await cluster.must([
      'wait',
      '-n',
      namespace ?? '',
      `pod/${name}`,
      '--for=jsonpath={.status.podIP}',
      '--timeout=30s',
    ]);
  }
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', ...tenants, 'plain', '--timeout=60s']);
  cluster.close();
});

/** A node's addresses on the default network, one per family. */
async function managementAddresses(name: string): Promise<readonly string[]> {
  const { metadata } = await cluster.client.get(node, { name });
  const subnets = readNodeSubnets(metadata.annotations?.[nodeSubnetsAnnotation]);
  return subnets.map(({ family, base }) => formatIp(family, base + BigInt(managementOffset)));
}
async function fromNode(name: string, argv: readonly string[]): Promise<boolean> {
  return (await execute(['nsenter', `--net=/run/netns/${instance}.${name}`, '--', ...argv])).status === 0;
}
const connecting = (ip: string, port: number): readonly string[] => [
  'nc.openbsd',
  '-z',
  '-w',
  '2',
  ip,
  `${port}`,
];

const run = async (namespace: string, vm: string, script: string, ...words: string[]): Promise<string> =>
  (await cluster.guest(namespace, vm, script, ...words)).stdout;
const ping = async (namespace: string, vm: string, address: string, size = 56): Promise<boolean> =>
  (await cluster.guest(namespace, vm, 'ping -c 2 -W 2 -s "$2" "$1"', address, String(size))).exitCode === 0;
const addressOf = async (namespace: string, vm: string): Promise<string> => {
  const { status } = await cluster.client.get(virtualMachineInstance, { namespace, name: vm });
  return status?.interfaces?.find(({ name }) => name === 'default')?.ipAddress ?? '';
};
const hasLease = (namespace: string, vm: string, device: string): Promise<void> =>
  expect
    .poll(() => run(namespace, vm, 'ip -o -4 addr show "$1"', device), { timeout: 30_000 })
    .toContain('inet ');

describe('a primary network', () => {
  test('gives guests addresses, the gateway and its MTU; reaches guests of the tenant on both nodes at full size', async () => {
    await hasLease('tenant-1', 'x', 'eth0');
    await hasLease('tenant-1', 'y', 'eth0');
    const [x, y] = [await addressOf('tenant-1', 'x'), await addressOf('tenant-1', 'y')];
    expect([x, y].every((address) => /^10\.1\.1\.\d+$/.test(address))).toBe(true);
    const told = await run('tenant-1', 'x', 'ip -o -4 addr show eth0; ip route; cat /sys/class/net/eth0/mtu');
    expect(told).toContain(`inet ${x}/24`);
    expect(told).toContain('default via 10.1.1.1 dev eth0');
    expect(told).toContain('\n1400\n');
    expect(await ping('tenant-1', 'x', '10.1.1.1')).toBe(true);
    expect(await ping('tenant-1', 'x', y, 1372)).toBe(true);
  });

  test('keeps tenants with the same addresses and MACs apart', async () => {
    await hasLease('tenant-2', 'x', 'eth0');
    await hasLease('tenant-2', 'y', 'eth0');
    const [one, two] = [await addressOf('tenant-1', 'y'), await addressOf('tenant-2', 'y')];
    const count = 'cat /sys/class/net/eth0/statistics/rx_packets';
    const before = Number(await run('tenant-2', 'y', count));
    await ping('tenant-1', 'x', one, 1000);
    await run('tenant-1', 'x', 'arping -c 3 -w 3 -I eth0 10.1.1.77');
    // Neither the unicasts nor the broadcasts of the one come to the other.
    expect(Number(await run('tenant-2', 'y', count)) - before).toBeLessThan(5);
    expect(await ping('tenant-2', 'x', two)).toBe(true);
    const macs = await Promise.all(tenants.map((name) => run(name, 'x', 'cat /sys/class/net/eth0/address')));
    expect(macs[0]?.slice(0, 11)).toBe(macs[1]?.slice(0, 11));
  });

  test('lets guests out to the network of the nodes, and the default network does too', async () => {
    expect(await ping('tenant-1', 'x', outside)).toBe(true);
    expect(await ping('tenant-2', 'y', outside)).toBe(true);
    expect(await ping('plain', 'd', outside)).toBe(true);
    expect(
      (await cluster.inPod('plain', 'q', ['busybox', 'ping', '-c', '1', '-W', '2', outside])).status,
    ).toBe(0);
  });

  test('is not reached from the default network, nor reaches it', async () => {
    const d = await addressOf('plain', 'd');
    expect(await ping('plain', 'd', await addressOf('tenant-1', 'x'))).toBe(false);
    expect(await ping('tenant-1', 'x', d)).toBe(false);
    const { status } = await cluster.client.get(pod, { namespace: 'tenant-1', name: 'p' });
    expect(status?.podIP).toMatch(/^10\.12[89]\./);
    expect(
      (await cluster.inPod('plain', 'q', ['busybox', 'ping', '-c', '1', '-W', '1', status?.podIP ?? '']))
        .status,
    ).not.toBe(0);
    const x = await addressOf('tenant-1', 'x');
    expect((await cluster.inPod('tenant-1', 'p', ['busybox', 'ping', '-c', '1', '-W', '2', x])).status).toBe(
      0,
    );
  });

  test('has pods that answer the probes of their own node, and nobody else there', async () => {
    const container = {
      name: 'main',
      image: 'localhost/host',
      command: ['sh', '-c', 'cd /tmp && exec python3 -m http.server --bind :: 8080'],
      readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 },
    };
    const probed = JSON.parse(plainPod('tenant-1', 'probed'));
    probed.spec.containers = [container];
    probed.spec.terminationGracePeriodSeconds = 1; // the server is process 1, which takes no SIGTERM that it does not handle
    await cluster.must(['create', '-f', '-'], JSON.stringify(probed));
    await cluster.must(['wait', '-n', 'tenant-1', 'pod/probed', '--for=condition=Ready', '--timeout=30s']);
    const { status } = await cluster.client.get(pod, { namespace: 'tenant-1', name: 'probed' });
    const managers = await managementAddresses('node1');
    for (const [index, ip] of (status?.podIPs ?? []).map((one) => one.ip ?? '').entries()) {
      const manager = managers[index] ?? '';
      expect([ip, await fromNode('node1', connecting(ip, 8080))]).toEqual([ip, true]);
      expect([ip, await fromNode('node2', connecting(ip, 8080))]).toEqual([ip, false]);
      expect((await cluster.inPod('plain', 'q', connecting(ip, 8080))).status).not.toBe(0);
      // Of its own accord it speaks with nobody there, with its node neither.
      const outward = ['busybox', 'ping', '-c', '1', '-W', '1', '-I', 'eth0'];
      expect((await cluster.inPod('tenant-1', 'probed', [...outward, manager])).status).not.toBe(0);
      expect((await cluster.inPod('plain', 'q', [...outward, manager])).status).toBe(0);
    }
    expect(status?.podIPs).toHaveLength(2);
    await cluster.must(['delete', 'pod', '-n', 'tenant-1', 'probed', '--timeout=30s']);
  });

  test('passes packets in fragments, and does not keep those of the default network on its nodes from passing', async () => {
    // Three fragments, which no MTU here takes whole; `plain` is where pods of the primary network have their `eth0`.
    const size = 3000;
    expect(await ping('tenant-1', 'x', await addressOf('tenant-1', 'y'), size)).toBe(true);
    const { status } = await cluster.client.get(pod, { namespace: 'plain', name: 'q' });
    expect(await ping('plain', 'd', status?.podIPs?.[0]?.ip ?? '', size)).toBe(true);
    const large = [
      'busybox',
      'ping',
      '-c',
      '2',
      '-W',
      '2',
      '-s',
      String(size),
      await addressOf('plain', 'd'),
    ];
    expect((await cluster.inPod('plain', 'q', large)).status).toBe(0);
  });

  test('gives a VM its addresses again after a stop, during which nobody else gets them', async () => {
    const claims = (): Promise<string> =>
      cluster.must([
        'get',
        'ipamclaims',
        '-n',
        'tenant-1',
        '-o',
        'jsonpath={range .items[*]}{.metadata.name} {.spec.interface} {.status.ips[0]}{"\\n"}{end}',
      ]);
    const before = await addressOf('tenant-1', 'y');
    await expect.poll(claims, { timeout: 10_000 }).toContain(`y.default ovn-udn1 ${before}/24`);
    expect(await claims()).toMatch(/y\.secondary-udn pod2eae7330186 10\.2\.2\.\d+\/24/);
    const kept = await claims();
    const set = (runStrategy: string): Promise<string> =>
      cluster.must([
        'patch',
        'vm',
        '-n',
        'tenant-1',
        'y',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { runStrategy } }),
      ]);
    await set('Halted');
    await cluster.must(['wait', '-n', 'tenant-1', 'vmi/y', '--for=delete', '--timeout=60s']);
    expect(await claims()).toBe(kept);
    await cluster.must(['create', '-f', '-'], plainPod('tenant-1', 'taker'));
    await cluster.must([
      'wait',
      '-n',
      'tenant-1',
      'pod/taker',
      '--for=jsonpath={.status.podIP}',
      '--timeout=30s',
    ]);
    await set('Always');
    await cluster.must(['wait', '-n', 'tenant-1', 'vm/y', '--for=condition=Ready', '--timeout=60s']);
    await cluster.must([
      'wait',
      '-n',
      'tenant-1',
      'vmi/y',
      '--for=condition=AgentConnected',
      '--timeout=60s',
    ]);
    expect(await addressOf('tenant-1', 'y')).toBe(before);
    await hasLease('tenant-1', 'y', 'eth0');
    expect(await ping('tenant-1', 'x', before)).toBe(true);
  });

  test('gives a VM the address and MAC it asks for, and none that another has', async () => {
    const free = '10.1.1.200';
    const taken = await addressOf('tenant-1', 'y');
    const asking = (name: string, ip: string): string => {
      const made = JSON.parse(tenantVm('tenant-1', name, 'node2', false));
      const { template } = made.spec;
      template.metadata.annotations = { 'network.kubevirt.io/addresses': JSON.stringify({ default: [ip] }) };
      template.spec.domain.devices.interfaces[0].macAddress = '02:00:00:00:01:c8';
      return JSON.stringify(made);
    };
    await cluster.must(['create', '-f', '-'], listOf([asking('asks', free), asking('asks-too', taken)]));
    const wait = (to: string): Promise<string> =>
      cluster.must(['wait', '-n', 'tenant-1', 'vmi/asks', `--for=condition=${to}`, '--timeout=60s']);
    await wait('AgentConnected');
    await hasLease('tenant-1', 'asks', 'eth0');
    expect(await run('tenant-1', 'asks', 'ip -o -4 addr show eth0')).toContain(`inet ${free}/24`);
    expect(await run('tenant-1', 'asks', 'cat /sys/class/net/eth0/address')).toBe('02:00:00:00:01:c8\n');
    expect(await ping('tenant-1', 'x', free)).toBe(true);
    await expect
      .poll(() => cluster.must(['get', 'events', '-n', 'tenant-1']), { timeout: 10_000 })
      .toMatch(new RegExp(`IPAddressConflict: .*${taken} is virtual machine tenant-1/y's; ask for another`));
    const claims = ['get', 'ipamclaims', '-n', 'tenant-1'];
    const refused = 'jsonpath={.status.conditions[0].status} {.status.conditions[0].reason}';
    await expect
      .poll(() => cluster.must([...claims, 'asks-too.default', '-o', refused]), { timeout: 10_000 })
      .toBe('False IPAddressConflict');
    await cluster.must(['delete', 'vm', '-n', 'tenant-1', 'asks', 'asks-too', '--timeout=60s']);
    await expect.poll(() => cluster.must(claims), { timeout: 10_000 }).not.toContain('asks');
  });

  test('takes back what others change in its definition', async () => {
    const at = ['net-attach-def', '-n', 'tenant-2', 'primary-udn'];
    const shown = (path: string): Promise<string> => cluster.must(['get', ...at, '-o', `jsonpath=${path}`]);
    const config = await shown('{.spec.config}');
    const edited = { spec: { config: JSON.stringify({ ...JSON.parse(config), mtu: 1300 }) } };
    const edit = await cluster.kubectl(['patch', ...at, '--type=merge', '-p', JSON.stringify(edited)]);
    // In use, it is refused at once.
    expect(edit.stderr).toMatch(/cannot be changed while pods are on network "tenant-2_primary-udn"/);
    await cluster.must(['label', ...at, 'k8s.ovn.org/user-defined-network-']);
    await cluster.must(['patch', ...at, '--type=merge', '-p', '{"metadata":{"finalizers":[]}}']);
    await expect
      .poll(() => shown('{.metadata.labels}{.metadata.finalizers}'), { timeout: 10_000 })
      .toBe('{"k8s.ovn.org/user-defined-network":""}["k8s.ovn.org/user-defined-network-protection"]');
    expect(await shown('{.spec.config}')).toBe(config);
  });

  test('is joined by nobody through a definition of their own', async () => {
    const config = { name: 'tenant-2_primary-udn', type: 'ovn-k8s-cni-overlay', topology: 'layer2' };
    const nad = {
      apiVersion: 'k8s.cni.cncf.io/v1',
      kind: 'NetworkAttachmentDefinition',
      metadata: { namespace: 'plain', name: 'sneak' },
      spec: {
        config: JSON.stringify({
          ...config,
          netAttachDefName: 'plain/sneak',
          role: 'primary',
          subnets: '10.1.1.0/24',
          allowPersistentIPs: true,
        }),
      },
    };
    const { status, stderr } = await cluster.kubectl(['create', '-f', '-'], JSON.stringify(nad));
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/spec\.config\.name: Forbidden: .*that of UserDefinedNetwork primary-udn/);
  });

  test('refuses to go while pods are on it, and names them', async () => {
    await cluster.must(['delete', 'udn', '-n', 'tenant-2', 'primary-udn', '--wait=false']);
    const message = (): Promise<string> =>
      cluster.must([
        'get',
        'udn',
        '-n',
        'tenant-2',
        'primary-udn',
        '-o',
        'jsonpath={.status.conditions[0].message}',
      ]);
    await expect
      .poll(message, { timeout: 10_000 })
      .toMatch(
        /network in use by the following pods: \[tenant-2\/virt-launcher-x-\w+, tenant-2\/virt-launcher-y-\w+\]/,
      );
    expect(await ping('tenant-2', 'x', await addressOf('tenant-2', 'y'))).toBe(true);
  });
});

describe('the launcher of a VM on a primary and a secondary network', () => {
  test('has the links and addresses of the slides, name by name', async () => {
    await hasLease('tenant-1', 'x', 'eth1');
    const labelSelector = 'vm.kubevirt.io/name=x';
    const [launcher] = (await cluster.client.list(pod, { namespace: 'tenant-1', labelSelector })).items;
    const { stdout } = await cluster.inPod('tenant-1', launcher?.metadata.name ?? '', ['ip', '-j', 'addr']);
    const links = JSON.parse(stdout) as {
      ifname: string;
      mtu: number;
      master?: string;
      address: string;
      flags: string[];
      addr_info: { family: string; local: string; prefixlen: number }[];
    }[];
    const told = links.map(({ ifname, master, addr_info }) => {
      const v4 = addr_info.flatMap(({ family, local, prefixlen }) =>
        family === 'inet' ? [`${local}/${prefixlen}`] : [],
      );
      return [ifname, master ?? '', ...v4].join(' ').trimEnd();
    });
    const x = await addressOf('tenant-1', 'x');
    expect(told.toSorted()).toEqual(
      [
        'lo  127.0.0.1/8',
        expect.stringMatching(/^eth0 {2}10\.12\d\.\d+\.\d+\/23$/),
        'ovn-udn1-nic k6t-ovn-udn1',
        '2eae7330186-nic k6t-2eae7330186',
        'k6t-ovn-udn1',
        'tap0 k6t-ovn-udn1',
        `ovn-udn1  ${x}/24`,
        'k6t-2eae7330186  169.254.75.11/32',
        'tap2eae7330186 k6t-2eae7330186',
        expect.stringMatching(/^pod2eae7330186 {2}10\.2\.2\.\d+\/24$/),
      ].toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)),
    );
    const dummy = links.find(({ ifname }) => ifname === 'ovn-udn1');
    const mac = await run('tenant-1', 'x', 'cat /sys/class/net/eth0/address');
    expect(dummy).toMatchObject({ flags: ['BROADCAST', 'NOARP'], address: mac.trim(), mtu: 1400 });
    expect(mac.trim()).toBe(
      `0a:58:${x
        .split('.')
        .map((octet) => Number(octet).toString(16).padStart(2, '0'))
        .join(':')}`,
    );
  });
});

describe('wrong input', () => {
  test('the label is given when the namespace is made, and stays', async () => {
    const { status, stderr } = await cluster.kubectl(['label', 'namespace', 'plain', `${label}=`]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/can only be given when the namespace is created/);
  });

  test('a primary network in a namespace without the label says which label', async () => {
    const layer2 = { role: 'Primary', subnets: ['10.1.1.0/24'] };
    await cluster.must(['create', '-f', '-'], udn('plain', 'unlabelled', layer2));
    const message = (): Promise<string> =>
      cluster.must([
        'get',
        'udn',
        '-n',
        'plain',
        'unlabelled',
        '-o',
        'jsonpath={.status.conditions[0].message}',
      ]);
    await expect.poll(message, { timeout: 10_000 }).toContain(`required namespace label "${label}"`);
    await cluster.must(['delete', 'udn', '-n', 'plain', 'unlabelled', '--timeout=10s']);
  });

  test('a second primary network of a namespace, and a foreign definition of its name, are reported', async () => {
    const layer2 = { role: 'Primary', subnets: ['10.3.1.0/24'] };
    await cluster.must(['create', '-f', '-'], udn('tenant-1', 'second', layer2));
    const message = (name: string): Promise<string> =>
      cluster.must(['get', 'udn', '-n', 'tenant-1', name, '-o', 'jsonpath={.status.conditions[0].message}']);
    await expect
      .poll(() => message('second'), { timeout: 10_000 })
      .toContain('primary network already exist in namespace "tenant-1": "primary-udn"');
    await cluster.must(['delete', 'udn', '-n', 'tenant-1', 'second', '--timeout=10s']);
  });

  test.each([
    ['a subnet of the pods', { role: 'Secondary', subnets: ['10.128.0.0/24'] }, /overlaps the pod network/],
    ['an immutable field', undefined, /Layer2 is immutable/],
  ])('%s is refused or reported', async (_name, layer2, message) => {
    if (layer2 === undefined) {
      const patch = '{"spec":{"layer2":{"mtu":1300}}}';
      const { stderr } = await cluster.kubectl([
        'patch',
        'udn',
        '-n',
        'tenant-1',
        'primary-udn',
        '--type=merge',
        '-p',
        patch,
      ]);
      expect(stderr).toMatch(message);
      return;
    }
    await cluster.must(['create', '-f', '-'], udn('plain', 'wrong', layer2));
    const told = (): Promise<string> =>
      cluster.must(['get', 'udn', '-n', 'plain', 'wrong', '-o', 'jsonpath={.status.conditions[0].message}']);
    await expect.poll(told, { timeout: 10_000 }).toMatch(message);
    await cluster.must(['delete', 'udn', '-n', 'plain', 'wrong', '--timeout=10s']);
  });
});

/** The name at the beginning of a line, also of a pattern for one. */
function nameOf(line: unknown): string {
  return typeof line === 'string'
    ? line
    : String((line as { sample?: RegExp }).sample ?? '').replace(/^\/\^/, '');
}
