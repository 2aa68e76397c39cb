/** Both address families on the default pod network: pods, guests, nodes, and the way out. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { node as nodeKind } from '#api/core/node.ts';
import { pod } from '#api/core/pod.ts';
import { virtualMachineInstance as vmi } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { awaitGuests, type Cluster, execute, listOf, openCluster, vmManifest } from './cluster.ts';
import { instance } from './patchbay.ts';

const namespace = 'dual-stack';
const families = ['IPv4', 'IPv6'] as const;
type Family = (typeof families)[number];
let cluster: Cluster;
/** Pod, VM or node -> its addresses, the IPv4 one first. */
const addresses = new Map<string, readonly string[]>();
const stops: (() => void)[] = [];

const addressOf = (name: string, family: Family): string =>
  addresses.get(name)?.[families.indexOf(family)] ?? '';

/** As documented in 8.2.1 for IPv6: the guest's address and router are written into its seed. */
const documented = { eth0: { dhcp4: true, addresses: ['fd10:0:2::2/120'], gateway6: 'fd10:0:2::1' } };

function plainPod(name: string, node: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      containers: [{ name: 'main', image: 'localhost/none' }],
    },
  });
}

beforeAll(async () => {
  cluster = await openCluster();
  await cluster.must(['create', 'namespace', namespace]);
  const vms = [
    { name: 'a', node: 'node1' },
    { name: 'b', node: 'node2' },
    { name: 'c', node: 'node2', ports: [80] },
    // Nothing is configured here: the guest asks the network.
    { name: 'd', node: 'node1', ethernets: {} },
  ].map((one) => vmManifest({ namespace, ethernets: documented, ...one }));
  const pods = [plainPod('p1', 'node1'), plainPod('q1', 'node1'), plainPod('p2', 'node2')];
  await cluster.must(['create', '-f', '-'], listOf([...vms, ...pods]));
  await awaitGuests(cluster, namespace);
  const names = ['p1', 'q1', 'p2'].map((name) => `pod/${name}`);
  await cluster.must(['wait', '-n', namespace, ...names, '--for=jsonpath={.status.podIP}', '--timeout=30s']);
  for (const { metadata, status } of (await cluster.client.list(pod, { namespace })).items) {
    addresses.set(metadata.name, status?.podIPs?.map(({ ip }) => ip ?? '') ?? []);
  }
  for (const { metadata, status } of (await cluster.client.list(vmi, { namespace })).items) {
    addresses.set(metadata.name, status?.interfaces?.[0]?.ipAddresses ?? []);
    await cluster.guest(
      namespace,
      metadata.name,
      'mkdir -p /run/w; hostname >/run/w/who; httpd -p 80 -h /run/w',
    );
  }
  for (const { metadata, status } of (await cluster.client.list(nodeKind)).items) {
    const internal = status?.addresses?.filter(({ type }) => type === 'InternalIP') ?? [];
    addresses.set(
      metadata.name,
      internal.map(({ address }) => address),
    );
    await servePeers(`${instance}.${metadata.name}`);
  }
  const machine = (address: string): string => address.replace(/\d+$/, '1');
  addresses.set('machine', (addresses.get('node1') ?? []).map(machine));
  await servePeers(undefined);
});

afterAll(async () => {
  for (const stop of stops) stop();
  await cluster.must(['delete', 'namespace', namespace, '--timeout=60s']);
  cluster.close();
});

const peerPort = 4711;

/** Serves `peer.py` in a network namespace, or on the machine itself. */
async function servePeers(netns: string | undefined): Promise<void> {
  const enter = netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`, '--'];
  const argv = [...enter, 'python3', path.join(import.meta.dirname, 'peer.py'), String(peerPort)];
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  stops.push(() => child.kill());
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error('peer.py ended')));
    child.stdout.once('data', () => resolve());
  });
}

const guests = ['a', 'b', 'c', 'd'];
const fetching = 'printf "GET /who HTTP/1.0\\r\\n\\r\\n" | busybox nc -w 3 "$1" "$2" | tail -n 1';

/** What a web server answers to somebody: a guest, a pod, or a node. */
async function fetchFrom(from: string, address: string, port = 80): Promise<string> {
  const words = [address, String(port)];
  if (guests.includes(from)) {
    return (await cluster.guest(namespace, from, fetching, ...words)).stdout.trim();
  }
  const argv = ['sh', '-c', fetching, 'sh', ...words];
  const result = from.startsWith('node')
    ? await execute(['nsenter', `--net=/run/netns/${instance}.${from}`, '--', ...argv])
    : await cluster.inPod(namespace, from, argv);
  return result.stdout.trim();
}

/** Bytes of data in an echo request that fills a packet of this size: the kernel lets none be taken apart on the way. */
const filling = (mtu: number, family: Family): number => mtu - (family === 'IPv4' ? 28 : 48);

async function ping(from: string, address: string, bytes: number): Promise<boolean> {
  const script = 'busybox ping -c 2 -i 0.2 -W 2 -s "$2" "$1"';
  const words = [address, String(bytes)];
  const result = guests.includes(from)
    ? (await cluster.guest(namespace, from, script, ...words)).exitCode
    : (await cluster.inPod(namespace, from, ['sh', '-c', script, 'sh', ...words])).status;
  return result === 0;
}

test('pods, guests and nodes tell an address of each family, in documented ranges', async () => {
  for (const name of ['p1', 'q1', 'p2', ...guests]) {
    expect(addresses.get(name)).toEqual([
      expect.stringMatching(/^10\.1(2[89]|3[01])\./),
      expect.stringMatching(/^fd01:/),
    ]);
  }
  expect(addresses.get('node1')).toEqual([
    expect.stringMatching(/^192\.168\./),
    expect.stringMatching(/^fd00:192:168:/),
  ]);
  const { metadata, status } = await cluster.client.get(pod, { namespace, name: 'p1' });
  expect(status?.hostIPs?.map(({ ip }) => ip)).toEqual(addresses.get('node1'));
  const told = JSON.parse(metadata.annotations?.['k8s.ovn.org/pod-networks'] ?? '{}') as {
    default: { ip_addresses: string[]; gateway_ips: string[]; mac_address: string };
  };
  const [v4 = '', v6 = ''] = addresses.get('p1') ?? [];
  expect(told.default.ip_addresses).toEqual([`${v4}/23`, `${v6}/64`]);
  const subnets = JSON.parse(
    (await cluster.client.get(nodeKind, { name: 'node1' })).metadata.annotations?.[
      'k8s.ovn.org/node-subnets'
    ] ?? '{}',
  ) as { default: string[] };
  expect(told.default.gateway_ips).toEqual(subnets.default.map((one) => one.replace(/0?\/\d+$/, '1')));
  const hex = v4.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  expect(told.default.mac_address).toBe(`0a:58:${hex.join(':')}`);
});

describe.each(families)('%s', (family) => {
  test.each([
    ['p1', 'q1', 'pod to pod, same node'],
    ['p1', 'p2', 'pod to pod, other node'],
    ['p1', 'a', 'pod to VM, same node'],
    ['p1', 'b', 'pod to VM, other node'],
    ['a', 'p1', 'VM to pod, same node'],
    ['a', 'p2', 'VM to pod, other node'],
    ['a', 'b', 'VM to VM, other node'],
    ['b', 'c', 'VM to VM, same node'],
    ['d', 'b', 'VM without network data to VM, other node'],
    ['p2', 'd', 'pod to VM without network data, other node'],
  ])('%s reaches %s with packets of full size (%s)', async (from, to) => {
    expect(await ping(from, addressOf(to, family), filling(1400, family))).toBe(true);
  });

  test.each([
    ['p1', 'b'],
    ['p2', 'b'],
    ['a', 'b'],
    ['b', 'a'],
    ['c', 'b'],
  ])('%s talks TCP with VM %s', async (from, to) => {
    expect(await fetchFrom(from, addressOf(to, family))).toBe(to);
  });

  test('a VM that lists port 80 answers there and nowhere else', async () => {
    expect(await fetchFrom('a', addressOf('c', family))).toBe('c');
    // Nothing is said to the SSH server: it resets connections that speak HTTP, and its greeting could be lost with them.
    const greeting = async (to: string): Promise<string> =>
      (
        await cluster.guest(
          namespace,
          'a',
          'busybox nc -w 3 "$1" 22 </dev/null | head -c 3',
          addressOf(to, family),
        )
      ).stdout;
    expect([await greeting('b'), await greeting('c')]).toEqual(['SSH', '']);
  });

  test.each([
    ['p1', 'node1'],
    ['p2', 'node2'],
    ['a', 'node1'],
    ['b', 'node2'],
    ['d', 'node1'],
  ])('%s leaves for the machine network with the address of %s', async (from, node) => {
    expect(await fetchFrom(from, addressOf('machine', family), peerPort)).toBe(addressOf(node, family));
  });

  test('a pod reaches the other node, which sees the address of its own', async () => {
    expect(await fetchFrom('p1', addressOf('node2', family), peerPort)).toBe(addressOf('node1', family));
  });

  test.each(['p1', 'a'])('%s reaches its own node, and hears its answers', async (from) => {
    expect(await fetchFrom(from, addressOf('node1', family), peerPort)).not.toBe('');
  });

  test.each([
    ['node1', 'a', 'its own'],
    ['node1', 'b', 'the other node'],
    ['node2', 'a', 'the other node'],
  ])('%s reaches VM %s (%s) by its management port', async (node, to) => {
    expect(await fetchFrom(node, addressOf(to, family))).toBe(to);
  });
});

test('guests have the MTU of the network on their card, and see 10.0.2.2 and fd10:0:2::2', async () => {
  const script = 'cat /sys/class/net/eth0/mtu; ip -o addr show eth0; ip -6 route';
  const { stdout } = await cluster.guest(namespace, 'a', script);
  expect(stdout).toMatch(/^1400\n/);
  expect(stdout).toContain('10.0.2.2/24');
  expect(stdout).toContain('fd10:0:2::2/120');
  expect(stdout).toContain('default via fd10:0:2::1 dev eth0');
});

test('a guest without network data learns address, router and MTU from DHCPv6 and router advertisements', async () => {
  const script = 'ip -o -6 addr show eth0; ip -6 route; ip -o link show eth0';
  const seen = async (): Promise<string> => (await cluster.guest(namespace, 'd', script)).stdout;
  await expect.poll(seen, { timeout: 20_000 }).toContain('inet6 fd10:0:2::2/');
  expect(await seen()).toMatch(/default via fe80::\S+ dev eth0/);
  expect(await seen()).toContain('mtu 1400');
});

describe('a primary user-defined network', () => {
  const tenant = 'dual-stack-tenant';

  beforeAll(async () => {
    const made = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: tenant, labels: { 'k8s.ovn.org/primary-user-defined-network': '' } },
    };
    const network = {
      apiVersion: 'k8s.ovn.org/v1',
      kind: 'UserDefinedNetwork',
      metadata: { namespace: tenant, name: 'tenant' },
      spec: {
        topology: 'Layer2',
        layer2: {
          role: 'Primary',
          subnets: ['10.70.0.0/16', 'fd70::/64'],
          ipam: { lifecycle: 'Persistent' },
        },
      },
    };
    await cluster.must(['create', '-f', '-'], listOf([made, network].map((one) => JSON.stringify(one))));
    const vms = ['x', 'y'].map((name, index) => {
      const vm = JSON.parse(vmManifest({ namespace: tenant, name, node: `node${index + 1}`, ethernets: {} }));
      vm.spec.template.spec.domain.devices.interfaces = [{ name: 'default', binding: { name: 'l2bridge' } }];
      return JSON.stringify(vm);
    });
    await cluster.must(['create', '-f', '-'], listOf(vms));
    await awaitGuests(cluster, tenant);
  });

  afterAll(async () => {
    await cluster.must(['delete', 'namespace', tenant, '--timeout=60s']);
  });

  const run = async (name: string, script: string, ...words: string[]): Promise<string> =>
    (await cluster.guest(tenant, name, script, ...words)).stdout;
  const told = async (name: string): Promise<readonly string[]> =>
    (await cluster.client.get(vmi, { namespace: tenant, name })).status?.interfaces?.[0]?.ipAddresses ?? [];

  test('gives guests both addresses by DHCP and router advertisements, and their status says so', async () => {
    const [v4 = '', v6 = ''] = await told('x');
    expect([v4, v6]).toEqual([expect.stringMatching(/^10\.70\./), expect.stringMatching(/^fd70::/)]);
    const seen = (): Promise<string> => run('x', 'ip -o addr show eth0; ip -6 route; ip -o link show eth0');
    await expect.poll(seen, { timeout: 20_000 }).toContain(`inet6 ${v6}/`);
    expect(await seen()).toContain(`inet ${v4}/16`);
    expect(await seen()).toMatch(/default via fe80::\S+ dev eth0/);
    expect(await seen()).toContain('mtu 1400');
  });

  test.each(families)('%s: guests reach each other at full size, and the machine network', async (family) => {
    const other = (await told('y'))[families.indexOf(family)] ?? '';
    const seen = (): Promise<string> => run('y', 'ip -o addr show eth0');
    await expect.poll(seen, { timeout: 20_000 }).toContain(` ${other}/`);
    const pinging = 'ping -c 2 -i 0.2 -W 2 -s "$2" "$1" >/dev/null && echo reached';
    expect(await run('x', pinging, other, String(filling(1400, family)))).toBe('reached\n');
    const peer = await run('x', fetching, addressOf('machine', family), String(peerPort));
    expect(peer.trim()).toBe(addressOf('node1', family));
  });

  test.each(families)('%s: stays apart from the default network', async (family) => {
    expect(await run('x', 'ping -c 1 -W 1 "$1" >/dev/null; echo $?', addressOf('p2', family))).toBe('1\n');
    expect(await run('x', 'ping -c 1 -W 1 "$1" >/dev/null; echo $?', addressOf('a', family))).toBe('1\n');
  });
});

/**
 * Sets the MTU of IPv6 too low, then has the kernel ask for an advertisement and believe it, as after DAD of its link-local
 * address: neither `host_mtu` nor DHCP raises it again. The guest's own DHCP client reads advertisements by itself.
 */
const advertised = `
cd /proc/sys/net/ipv6/conf/eth0
own=$(ip -6 -o addr show dev eth0 scope link | awk '{print $4}')
echo 1280 >mtu
echo 2 >accept_ra
ip -6 addr del "$own" dev eth0
ip -6 addr add "$own" dev eth0
for i in $(seq 100); do [ "$(cat mtu)" = 1280 ] || break; usleep 100000; done
echo 0 >accept_ra
cat mtu`;

test('a guest learns the MTU from router advertisements alone, behind masquerade too', async () => {
  expect((await cluster.guest(namespace, 'd', advertised)).stdout).toBe('1400\n');
});

describe('a primary network of IPv6 alone', () => {
  const six = 'dual-stack-six';
  const udn = ['udn', '-n', six, 'six'];

  beforeAll(async () => {
    const labels = { 'k8s.ovn.org/primary-user-defined-network': '' };
    const made = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: six, labels } };
    const network = {
      apiVersion: 'k8s.ovn.org/v1',
      kind: 'UserDefinedNetwork',
      metadata: { namespace: six, name: 'six' },
      spec: { topology: 'Layer2', layer2: { role: 'Primary', subnets: ['fd72::/64'] } },
    };
    const vm = JSON.parse(vmManifest({ namespace: six, name: 'g', node: 'node1', ethernets: {} }));
    vm.spec.template.spec.domain.devices.interfaces = [{ name: 'default', binding: { name: 'l2bridge' } }];
    const peer = JSON.parse(plainPod('r', 'node2'));
    peer.metadata.namespace = six;
    const all = [made, network, vm, peer].map((one) => JSON.stringify(one));
    await cluster.must(['create', '-f', '-'], listOf(all));
    await awaitGuests(cluster, six);
  });

  afterAll(async () => {
    await cluster.must(['delete', 'namespace', six, '--timeout=60s']);
  });

  test('gives a guest an IPv6 address and nothing else, the way to the other node, and out', async () => {
    const { metadata } = await cluster.client.get(pod, { namespace: six, name: 'r' });
    const told = JSON.parse(metadata.annotations?.['k8s.ovn.org/pod-networks'] ?? '{}');
    const peer = String(told[`${six}/six`]?.ip_addresses?.[0]).split('/')[0] ?? '';
    expect(peer).toMatch(/^fd72::/);
    const ips = (await cluster.client.get(vmi, { namespace: six, name: 'g' })).status?.interfaces?.[0];
    expect(ips?.ipAddresses).toEqual([expect.stringMatching(/^fd72::/)]);
    const run = async (script: string, ...words: string[]): Promise<string> =>
      (await cluster.guest(six, 'g', script, ...words)).stdout;
    const pinging = 'ping -c 1 -W 2 -s 1352 "$1" >/dev/null && echo reached; ip -o -4 addr show eth0';
    await expect.poll(() => run(pinging, peer), { timeout: 20_000 }).toBe('reached\n');
    const out = await run(fetching, addressOf('machine', 'IPv6'), String(peerPort));
    expect(out.trim()).toBe(addressOf('node1', 'IPv6'));
    expect(await run(advertised)).toBe('1400\n');
  });

  test('does not get another family later: it is made anew for that', async () => {
    const patch = (spec: object) =>
      cluster.kubectl(['patch', ...udn, '--type=merge', '-p', JSON.stringify({ spec })]);
    const { status, stderr } = await patch({ layer2: { subnets: ['fd72::/64', '10.72.0.0/16'] } });
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/Layer2 is immutable/);
  });
});

test('nodes say that their underlay carries the network', async () => {
  const { status } = await cluster.client.get(nodeKind, { name: 'node1' });
  expect(status?.conditions?.find(({ type }) => type === 'NetworkMTUMismatch')).toMatchObject({
    status: 'False',
    reason: 'UnderlayMTUSufficient',
  });
});

test('a network that the wires do not carry is warned of, and says on which nodes', async () => {
  const at = { namespace: 'default', name: 'too-wide' };
  const network = {
    apiVersion: 'k8s.ovn.org/v1',
    kind: 'UserDefinedNetwork',
    metadata: at,
    spec: { topology: 'Layer2', layer2: { role: 'Secondary', mtu: 1450, subnets: ['10.71.0.0/16'] } },
  };
  const { status, stderr } = await cluster.kubectl(['create', '-f', '-'], JSON.stringify(network));
  const nodes = '\\[node1 \\(1500\\), node2 \\(1500\\)\\]';
  expect(status).toBe(0);
  expect(stderr).toMatch(new RegExp(`spec\\.layer2\\.mtu: 1450 is more .*${nodes}, less 100 .* write 1400`));
  for (const kind of ['net-attach-def', 'udn']) {
    const path = 'jsonpath={.status.conditions[?(@.type=="NetworkMTUMismatch")].message}';
    const message = (): Promise<string> =>
      cluster.must(['get', kind, '-n', at.namespace, at.name, '-o', path]);
    await expect.poll(message, { timeout: 10_000 }).toMatch(new RegExp(`needs 1550 bytes .*${nodes}`));
  }
  await cluster.must(['delete', 'udn', '-n', at.namespace, at.name]);
});
