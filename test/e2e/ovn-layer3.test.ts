/** Networks of topology Layer3: a subnet on each node, routed; primary and secondary, both families, tenants apart. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { node } from '#api/core/node.ts';
import { pod } from '#api/core/pod.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { awaitGuests, type Cluster, listOf, openCluster, vmManifest } from './cluster.ts';

const label = 'k8s.ovn.org/primary-user-defined-network';
const namespace = 'routed';
const other = 'routed-too';
let cluster: Cluster;
/** The machine's address on the network of the nodes. */
let outside = '';

const udn = (to: string, name: string, layer3: object): string =>
  JSON.stringify({
    apiVersion: 'k8s.ovn.org/v1',
    kind: 'UserDefinedNetwork',
    metadata: { namespace: to, name },
    spec: { topology: 'Layer3', layer3 },
  });

const plainPod = (to: string, name: string, on: string, networks?: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: to,
      name,
      ...(networks !== undefined && { annotations: { 'k8s.v1.cni.cncf.io/networks': networks } }),
    },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': on },
      containers: [{ name: 'main', image: 'localhost/none' }],
    },
  });

/** A VM behind masquerade on the primary network, and with `bridge` on the secondary one. */
function routedVm(name: string, on: string): string {
  const made = JSON.parse(vmManifest({ namespace, name, node: on, nics: [] }));
  const { spec } = made.spec.template;
  spec.domain.devices.interfaces.push({ name: 'routed', bridge: {} });
  spec.networks.push({ name: 'routed', multus: { networkName: 'secondary' } });
  const ethernets = { eth0: { dhcp4: true }, eth1: { dhcp4: true } };
  spec.volumes[0].cloudInitNoCloud.networkData = JSON.stringify({ version: 2, ethernets });
  return JSON.stringify(made);
}

const withL2bridge = (): string => {
  const made = JSON.parse(vmManifest({ namespace, name: 'wrong', node: 'node1', nics: [] }));
  made.spec.template.spec.domain.devices.interfaces = [{ name: 'default', binding: { name: 'l2bridge' } }];
  return JSON.stringify(made);
};

beforeAll(async () => {
  cluster = await openCluster();
  const { nodes } = await cluster.status();
  outside = (nodes[0]?.address ?? '').replace(/\.\d+$/, '.1');
  const namespaces = [namespace, other].map((name) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { [label]: '' } } }),
  );
  const primary = {
    role: 'Primary',
    subnets: [{ cidr: '10.20.0.0/16', hostSubnet: 24 }, { cidr: 'fd20::/48' }],
  };
  await cluster.must(
    ['create', '-f', '-'],
    listOf([
      ...namespaces,
      ...[namespace, other].map((name) => udn(name, 'primary', primary)),
      udn(namespace, 'secondary', { role: 'Secondary', mtu: 1300, subnets: [{ cidr: '10.21.0.0/16' }] }),
      routedVm('x', 'node1'),
      routedVm('y', 'node2'),
      plainPod(namespace, 'p', 'node1', 'secondary'),
      plainPod(namespace, 'q', 'node2'),
      plainPod(other, 'r', 'node1'),
      plainPod(other, 's', 'node2'),
    ]),
  );
  for (const [to, name] of [
    [namespace, 'p'],
    [namespace, 'q'],
    [other, 'r'],
    [other, 's'],
  ]) {
    await cluster.must([
      'wait',
      '-n',
      to ?? '',
      `pod/${name}`,
      '--for=jsonpath={.status.podIP}',
      '--timeout=30s',
    ]);
  }
  await awaitGuests(cluster, namespace);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, other, '--timeout=60s']);
  cluster.close();
});

interface Told {
  readonly ip_addresses: readonly string[];
  readonly mac_address: string;
  readonly role: string;
}

/** What the pod is told of a network of its own namespace. */
async function toldOf(to: string, name: string, network: string): Promise<Told> {
  const { metadata } = await cluster.client.get(pod, { namespace: to, name });
  const all = JSON.parse(metadata.annotations?.['k8s.ovn.org/pod-networks'] ?? '{}') as Record<string, Told>;
  return all[`${to}/${network}`] ?? { ip_addresses: [], mac_address: '', role: 'none' };
}
const addressOf = async (to: string, name: string, network = 'primary', index = 0): Promise<string> =>
  (await toldOf(to, name, network)).ip_addresses[index]?.split('/')[0] ?? '';
const podPing = async (to: string, name: string, address: string, size = 56): Promise<boolean> =>
  (await cluster.inPod(to, name, ['busybox', 'ping', '-c', '2', '-W', '2', '-s', String(size), address]))
    .status === 0;
const guestPing = async (vm: string, address: string, size = 56): Promise<boolean> =>
  (await cluster.guest(namespace, vm, 'ping -c 2 -W 2 -s "$2" "$1"', address, String(size))).exitCode === 0;
const launcherOf = async (vm: string): Promise<string> => {
  const labelSelector = `vm.kubevirt.io/name=${vm}`;
  const [launcher] = (await cluster.client.list(pod, { namespace, labelSelector })).items;
  return launcher?.metadata.name ?? '';
};

describe('a primary network of topology Layer3', () => {
  test('cuts its ranges into one subnet per node, which the nodes tell', async () => {
    const subnets = await Promise.all(
      ['node1', 'node2'].map(async (name) => {
        const { metadata } = await cluster.client.get(node, { name });
        const told = JSON.parse(metadata.annotations?.['k8s.ovn.org/node-subnets'] ?? '{}');
        return [told['routed_primary'], told['routed_secondary'], told['routed-too_primary']].flat();
      }),
    );
    expect(subnets.flat()).toHaveLength(10);
    expect(new Set(subnets.map((list) => list[0]))).toEqual(new Set(['10.20.0.0/24', '10.20.1.0/24']));
    expect(new Set(subnets.map((list) => list[1]))).toEqual(new Set(['fd20::/64', 'fd20:0:0:1::/64']));
  });

  test('routes pods to each other over both nodes in both families at full size', async () => {
    expect(await addressOf(namespace, 'q')).toMatch(/^10\.20\.\d\.\d+$/);
    expect(await podPing(namespace, 'p', await addressOf(namespace, 'q'), 1372)).toBe(true);
    expect(await podPing(namespace, 'p', await addressOf(namespace, 'q', 'primary', 1), 1352)).toBe(true);
    expect(await podPing(namespace, 'q', await addressOf(namespace, 'p'))).toBe(true);
  });

  test('lets pods and guests behind masquerade out, and guests reach each other', async () => {
    expect(await podPing(namespace, 'p', outside)).toBe(true);
    expect(await podPing(namespace, 'q', outside)).toBe(true);
    expect(await guestPing('x', outside)).toBe(true);
    const y = await addressOf(namespace, await launcherOf('y'));
    expect(await guestPing('x', y, 1372)).toBe(true);
    expect(await podPing(namespace, 'p', y)).toBe(true);
    const { status } = await cluster.client.get(virtualMachineInstance, { namespace, name: 'y' });
    expect(status?.interfaces?.find(({ name }) => name === 'default')?.ipAddress).toBe(y);
  });

  test('is apart from another of the same ranges, addresses and MACs', async () => {
    const mine = await Promise.all(
      ['p', await launcherOf('x')].map((name) => toldOf(namespace, name, 'primary')),
    );
    const { ip_addresses, mac_address } = await toldOf(other, 'r', 'primary');
    expect(mine).toContainEqual(expect.objectContaining({ ip_addresses, mac_address }));
    const received = async (): Promise<number> => {
      const { stdout } = await cluster.inPod(other, 's', ['ip', '-j', '-s', 'link', 'show', 'ovn-udn1']);
      const [link] = JSON.parse(stdout) as { stats64: { rx: { packets: number } } }[];
      return link?.stats64.rx.packets ?? -1;
    };
    expect(await podPing(other, 'r', await addressOf(other, 's'))).toBe(true);
    const before = await received();
    await podPing(namespace, 'p', await addressOf(other, 's'));
    expect((await received()) - before).toBeLessThan(3);
  });

  test('takes a range more while pods are on it, and loses none', async () => {
    const ranges = [{ cidr: '10.20.0.0/16', hostSubnet: 24 }, { cidr: 'fd20::/48' }];
    const patch = (subnets: readonly object[]) =>
      cluster.kubectl([
        ...['patch', 'udn', '-n', other, 'primary', '--type=merge', '-p'],
        JSON.stringify({ spec: { layer3: { subnets } } }),
      ]);
    const lost = await patch(ranges.slice(0, 1));
    expect(lost.stderr).toMatch(/Removing existing subnets is not allowed/);
    const twice = [{ cidr: '10.21.0.0/16' }, { cidr: 'fd21::/48' }];
    const second = await cluster.kubectl([
      ...['patch', 'udn', '-n', namespace, 'secondary', '--type=merge', '-p'],
      JSON.stringify({ spec: { layer3: { subnets: twice } } }),
    ]);
    expect(second.stderr).toMatch(/Subnets is immutable for Secondary role/);
    const grown = await patch([...ranges, { cidr: '10.22.0.0/16', hostSubnet: 24 }]);
    expect([grown.status, grown.stderr]).toEqual([0, '']);
    const config = ['get', 'net-attach-def', '-n', other, 'primary', '-o', 'jsonpath={.spec.config}'];
    await expect
      .poll(() => cluster.must(config), { timeout: 10_000 })
      .toContain('"subnets":"10.20.0.0/16/24,fd20::/48/64,10.22.0.0/16/24"');
    expect(await podPing(other, 'r', await addressOf(other, 's'))).toBe(true);
    expect(await podPing(other, 'r', outside)).toBe(true);
  });

  test('tells that l2bridge is no binding for it, and which one is', async () => {
    await cluster.must(['create', '-f', '-'], withL2bridge());
    const events = (): Promise<string> =>
      cluster.must([
        'get',
        'events',
        '-n',
        namespace,
        '-o',
        'jsonpath={range .items[*]}{.message}{"\\n"}{end}',
      ]);
    await expect
      .poll(events, { timeout: 20_000 })
      .toMatch(
        /binding l2bridge needs a primary user-defined network of topology layer2.*use "masquerade: \{\}"/,
      );
    await cluster.must(['delete', 'vm', '-n', namespace, 'wrong', '--timeout=30s']);
  });
});

describe('a secondary network of topology Layer3', () => {
  test('gives guests the address of the pod, the way to the other node, and no way out', async () => {
    const x = await addressOf(namespace, await launcherOf('x'), 'secondary');
    const y = await addressOf(namespace, await launcherOf('y'), 'secondary');
    const shown = async (): Promise<string> =>
      (await cluster.guest(namespace, 'x', 'ip -o -4 addr show eth1; ip route; cat /sys/class/net/eth1/mtu'))
        .stdout;
    await expect.poll(shown, { timeout: 30_000 }).toContain(`inet ${x}/24`);
    expect(await shown()).toMatch(/10\.21\.0\.0\/16 via 10\.21\.\d\.1 dev eth1/);
    expect(await shown()).toContain('\n1300\n');
    await expect.poll(() => guestPing('x', y, 1272), { timeout: 30_000 }).toBe(true);
    expect(await podPing(namespace, 'p', x)).toBe(true);
    expect((await cluster.guest(namespace, 'x', 'ping -c 1 -W 1 -I eth1 "$1"', outside)).exitCode).not.toBe(
      0,
    );
  });
});

describe('the manifests in examples', () => {
  const folder = path.resolve(import.meta.dirname, '../../examples/documentation');
  const dryRun = ['8.7.1.1-l2-network', '8.7.1.2-localnet-network', 'cluster-user-defined-networks'];
  test.each(dryRun)('%s is taken', async (name) => {
    const file = path.join(folder, `${name}.yaml`);
    const text = await readFile(file, 'utf8');
    const documents = text
      .split(/^---$/m)
      .filter((one) => !/^ {2}namespace: (my-namespace|routed-demo)$/m.test(one));
    const { status, stderr } = await cluster.kubectl(
      ['apply', '--dry-run=server', '-f', '-'],
      documents.join('---'),
    );
    expect([
      status,
      stderr.replaceAll(/^Warning: .*no NodeNetworkConfigurationPolicy maps.*$/gm, '').trim(),
    ]).toEqual([0, '']);
  });

  test("the slides' VM on a VLAN has the links and addresses that they show, name by name", async () => {
    const demo = 'demo-vm-localnet';
    const file = path.join(folder, 'slides-localnet.yaml');
    await cluster.must(['apply', '-f', file]);
    await awaitGuests(cluster, demo);
    const labelSelector = 'vm.kubevirt.io/name=vm-localnet';
    const [launcher] = (await cluster.client.list(pod, { namespace: demo, labelSelector })).items;
    const { stdout } = await cluster.inPod(demo, launcher?.metadata.name ?? '', ['ip', '-j', 'addr']);
    const links = JSON.parse(stdout) as {
      ifname: string;
      master?: string;
      addr_info: { family: string; local: string; prefixlen: number }[];
    }[];
    const shown = links.map(({ ifname, master = '', addr_info }) => {
      const v4 = addr_info.flatMap(({ family, local, prefixlen }) =>
        family === 'inet' ? [`${local}/${prefixlen}`] : [],
      );
      return `${ifname} ${master} ${v4.map((one) => one.replace(/^10\.1[23]\d\.\d+\.\d+/, 'pod')).join(' ')}`.trimEnd();
    });
    expect(shown.toSorted()).toEqual(
      [
        'lo  127.0.0.1/8',
        'eth0  pod/23',
        '16711a0a730-nic k6t-16711a0a730',
        'k6t-eth0  10.0.2.1/24',
        'tap0 k6t-eth0',
        'k6t-16711a0a730',
        'tap16711a0a730 k6t-16711a0a730',
        'pod16711a0a730',
      ].toSorted(),
    );
    const inside = async (): Promise<string> =>
      (await cluster.guest(demo, 'vm-localnet', 'cat /sys/class/net/eth[01]/address; ip route')).stdout;
    await expect.poll(inside, { timeout: 30_000 }).toMatch(/default via 10\.0\.2\.1 dev eth0/);
    expect(await inside()).toContain('02:86:5e:00:00:13\n02:86:5e:00:00:14\n');
    const mappings = [{ localnet: 'demo-vlan-1924', state: 'absent' }];
    const absent = { spec: { desiredState: { ovn: { 'bridge-mappings': mappings } } } };
    await cluster.must(['patch', 'nncp', 'demo-vlan-1924', '--type=merge', '-p', JSON.stringify(absent)]);
    await cluster.must(['delete', '-f', file, '--timeout=60s']);
  });
});
