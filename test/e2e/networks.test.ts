import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { virtualMachineInstance as vmi } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { awaitGuests, bridgeNad, type Cluster, listOf, openCluster, prepare, vmManifest } from './cluster.ts';
import { instance } from './patchbay.ts';

const namespace = 'networks';
let cluster: Cluster;
/** VM or pod -> address on the default pod network. */
const podIp: Record<string, string> = {};

const serve = 'mkdir -p /run/w; hostname > /run/w/who; httpd -p 80 -h /run/w';

async function applyEverything(): Promise<void> {
  await prepare(cluster, namespace);
  const nads = [
    bridgeNad(namespace, 'vlan100', { vlan: 100, preserveDefaultVlan: false }),
    bridgeNad(namespace, 'vlan200', { vlan: 200, preserveDefaultVlan: false }),
    bridgeNad(namespace, 'checked', { vlan: 100, macspoofchk: true }),
  ];
  const vms = [
    { name: 'a', node: 'node1', nics: [{ name: 'lan', network: 'vlan100', address: '10.9.0.1/24' }] },
    { name: 'b', node: 'node1', nics: [{ name: 'lan', network: 'checked', address: '10.9.0.2/24' }] },
    {
      name: 'c',
      node: 'node2',
      ports: [80],
      nics: [{ name: 'lan', network: 'vlan100', address: '10.9.0.3/24' }],
    },
    { name: 'd', node: 'node2', nics: [{ name: 'lan', network: 'vlan200', address: '10.9.0.4/24' }] },
  ].map((one) => vmManifest({ namespace, ...one }));
  const plain = ['node1', 'node2'].map((node) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: `pod-${node}` },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      containers: [{ name: 'main', image: 'localhost/none' }],
    },
  }));
  await cluster.must(
    ['create', '-f', '-'],
    listOf([...nads, ...vms, ...plain.map((one) => JSON.stringify(one))]),
  );
  await awaitGuests(cluster, namespace);
  await cluster.must([
    'wait',
    '-n',
    namespace,
    'pod/pod-node1',
    'pod/pod-node2',
    '--for=jsonpath={.status.podIP}',
    '--timeout=30s',
  ]);
}

beforeAll(async () => {
  cluster = await openCluster();
  await applyEverything();
  for (const { metadata, status } of (await cluster.client.list(vmi, { namespace })).items) {
    podIp[metadata.name] = status?.interfaces?.find(({ name }) => name === 'default')?.ipAddress ?? '';
    await cluster.guest(namespace, metadata.name, serve);
  }
  for (const { metadata, status } of (await cluster.client.list(pod, { namespace })).items) {
    podIp[metadata.name] = status?.podIP ?? '';
  }
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=60s']);
  cluster.close();
});

async function ping(from: string, address: string): Promise<boolean> {
  const { exitCode } = await cluster.guest(namespace, from, 'ping -c 2 -W 2 "$1"', address);
  return exitCode === 0;
}

/** Asks a guest's web server for its name; nothing when it does not answer. */
async function fetchFrom(from: string, address: string, port = 80): Promise<string> {
  const script = 'printf "GET /who HTTP/1.0\\r\\n\\r\\n" | nc -w 3 "$1" "$2" | tail -n 1';
  return (await cluster.guest(namespace, from, script, address, String(port))).stdout.trim();
}

describe('default pod network', () => {
  test.each([
    ['a', 'b', 'same node'],
    ['b', 'a', 'same node'],
    ['a', 'd', 'other node'],
    ['d', 'b', 'other node'],
    ['a', 'c', 'other node, port listed'],
  ])('%s reaches %s over TCP (%s)', async (from, to) => {
    expect(await fetchFrom(from, podIp[to] ?? '')).toBe(to);
  });

  test.each([
    ['pod-node1', 'a'],
    ['pod-node1', 'd'],
    ['pod-node2', 'c'],
    ['pod-node2', 'a'],
  ])('%s reaches VM %s', async (from, to) => {
    const script =
      'import socket,sys; s=socket.create_connection((sys.argv[1],80),3); s.sendall(b"GET /who HTTP/1.0\\r\\n\\r\\n"); print(b"".join(iter(lambda: s.recv(4096), b"")).decode().splitlines()[-1])';
    const { stdout } = await cluster.inPod(namespace, from, ['python3', '-c', script, podIp[to] ?? '']);
    expect(stdout.trim()).toBe(to);
  });

  test('a VM reaches a pod on the other node', async () => {
    expect(await ping('a', podIp['pod-node2'] ?? '')).toBe(true);
  });

  test('addresses are of the documented range, the guest sees 10.0.2.2, MTU 1400', async () => {
    expect(podIp['a']).toMatch(/^10\.128\.[01]\.\d+$|^10\.12[89]\./);
    const { stdout } = await cluster.guest(
      namespace,
      'a',
      'ip -o -4 addr show eth0; cat /sys/class/net/eth0/mtu; ip route',
    );
    expect(stdout).toContain('10.0.2.2/24');
    expect(stdout).toContain('\n1400\n');
    expect(stdout).toContain('default via 10.0.2.1 dev eth0');
  });

  test('a VM that lists port 80 answers on 80 and drops 22, where its SSH server listens', async () => {
    const { exitCode } = await cluster.guest(
      namespace,
      'c',
      'nc -z -w 2 127.0.0.1 22 || nc -w 2 127.0.0.1 22 </dev/null',
    );
    expect(exitCode).toBe(0);
    const script = 'nc -w 3 "$1" "$2" </dev/null';
    expect((await cluster.guest(namespace, 'a', script, podIp['d'] ?? '', '22')).stdout).toContain('SSH');
    expect((await cluster.guest(namespace, 'a', script, podIp['c'] ?? '', '22')).stdout).toBe('');
    expect(await fetchFrom('a', podIp['c'] ?? '')).toBe('c');
  });

  test('ports 49152 and 49153 are dropped although all others are open', async () => {
    await cluster.guest(
      namespace,
      'd',
      'httpd -p 49152 -h /run/w; httpd -p 49153 -h /run/w; httpd -p 49154 -h /run/w',
    );
    const ask = (port: number): Promise<string> => fetchFrom('a', podIp['d'] ?? '', port);
    expect(await ask(49154)).toBe('d');
    expect(await ask(49152)).toBe('');
    expect(await ask(49153)).toBe('');
  });

  test('the launcher has the links of the documentation', async () => {
    const [launcher] = (await cluster.client.list(pod, { namespace, labelSelector: 'vm.kubevirt.io/name=a' }))
      .items;
    const { stdout } = await cluster.inPod(namespace, launcher?.metadata.name ?? '', ['ip', '-j', 'addr']);
    const links = JSON.parse(stdout) as {
      ifname: string;
      mtu: number;
      master?: string;
      address: string;
      addr_info: { local: string }[];
    }[];
    const hash = '[0-9a-f]{11}';
    expect(links.map(({ ifname }) => ifname).toSorted()).toEqual([
      expect.stringMatching(`^${hash}-nic$`),
      'eth0',
      expect.stringMatching(`^k6t-${hash}$`),
      'k6t-eth0',
      'lo',
      expect.stringMatching(`^pod${hash}$`),
      'tap0',
      expect.stringMatching(`^tap${hash}$`),
    ]);
    expect(links.find(({ ifname }) => ifname === 'k6t-eth0')).toMatchObject({
      address: '02:00:00:00:00:00',
      mtu: 1400,
      addr_info: expect.arrayContaining([expect.objectContaining({ local: '10.0.2.1', prefixlen: 24 })]),
    });
    expect(links.find(({ ifname }) => ifname === 'tap0')).toMatchObject({ master: 'k6t-eth0', mtu: 1400 });
  });
});

describe('Linux bridge with VLANs', () => {
  test.each([
    ['a', '10.9.0.2', 'same node'],
    ['a', '10.9.0.3', 'other node'],
    ['c', '10.9.0.2', 'other node, spoof check on'],
  ])('%s reaches %s in VLAN 100 (%s)', async (from, address) => {
    expect(await ping(from, address)).toBe(true);
  });

  test('VLAN 200 is another network, although the subnet is the same', async () => {
    expect(await ping('d', '10.9.0.3')).toBe(false);
    expect(await ping('a', '10.9.0.4')).toBe(false);
  });

  test('VLAN 100 is never seen untagged nor in VLAN 200, on the wire and in a guest of VLAN 200', async () => {
    const seen = 'cat /sys/class/net/eth1/statistics/rx_packets';
    const before = (await cluster.guest(namespace, 'd', seen)).stdout;
    const { stdout: mac } = await cluster.guest(namespace, 'a', 'cat /sys/class/net/eth1/address');
    const frames = await sniffWhile(`${instance}.node1`, 'eth1', async () => {
      // Broadcasts (ARP for an address nobody has) and unicasts.
      await cluster.guest(namespace, 'a', 'arping -c 3 -w 3 -I eth1 10.9.0.99; ping -c 3 -W 1 10.9.0.3');
    });
    const own = frames.filter(([source]) => source === mac.trim());
    expect(own.length).toBeGreaterThan(5);
    expect(new Set(own.map(([, vlan]) => vlan))).toEqual(new Set(['100']));
    expect((await cluster.guest(namespace, 'd', seen)).stdout).toBe(before);
  });

  test('a guest cannot send tagged frames into another VLAN through its access port', async () => {
    const script =
      'ip link add link eth1 name eth1.200 type vlan id 200 2>&1 && ip addr add 10.9.0.50/24 dev eth1.200 && ip link set eth1.200 up';
    const { stdout, exitCode } = await cluster.guest(namespace, 'a', script);
    if (exitCode !== 0) {
      // A guest without 802.1q devices cannot try; say so instead of passing.
      expect(stdout).toMatch(/not supported|Unknown device type/);
      return;
    }
    expect((await cluster.guest(namespace, 'a', 'ping -c 2 -W 1 -I eth1.200 10.9.0.4')).exitCode).not.toBe(0);
    await cluster.guest(namespace, 'a', 'ip link del eth1.200');
  });

  test('a guest that changes its MAC sends nothing while macspoofchk is on, and is heard again with its own', async () => {
    expect(await ping('b', '10.9.0.1')).toBe(true);
    const { stdout } = await cluster.guest(namespace, 'b', 'cat /sys/class/net/eth1/address');
    const change = 'ip link set eth1 down; ip link set eth1 address "$1"; ip link set eth1 up';
    const frames = await sniffWhile(`${instance}.node1`, 'eth1', async () => {
      await cluster.guest(namespace, 'b', change, '02:de:ad:be:ef:01');
      await cluster.guest(namespace, 'b', 'arping -c 3 -w 3 -I eth1 10.9.0.3; ping -c 2 -W 1 10.9.0.3');
    });
    expect(frames.filter(([source]) => source === '02:de:ad:be:ef:01')).toEqual([]);
    const { stdout: neighbours } = await cluster.guest(namespace, 'a', 'ip neigh');
    expect(neighbours).not.toContain('02:de:ad:be:ef:01');
    await cluster.guest(namespace, 'b', change, stdout.trim());
    expect(await ping('b', '10.9.0.1')).toBe(true);
  });

  test('status lists both networks as upstream reports them', async () => {
    const { status } = await cluster.client.get(vmi, { namespace, name: 'a' });
    expect(status?.interfaces).toEqual([
      expect.objectContaining({
        name: 'default',
        ipAddress: podIp['a'],
        interfaceName: 'eth0',
        podInterfaceName: 'eth0',
        infoSource: 'domain, guest-agent',
        linkState: 'up',
        queueCount: 1,
      }),
      expect.objectContaining({
        name: 'lan',
        ipAddress: '10.9.0.1',
        interfaceName: 'eth1',
        podInterfaceName: expect.stringMatching(/^pod[0-9a-f]{11}$/),
        infoSource: 'domain, guest-agent, multus-status',
      }),
    ]);
  });

  test('NodeNetworkState tells what realises the bridge, the enactment that it is there', async () => {
    const state = JSON.parse(await cluster.must(['get', 'nns', 'node1', '-o', 'json'])) as {
      status: { currentState: { interfaces: { name: string; type: string }[] } };
    };
    const br1 = state.status.currentState.interfaces.find(({ name }) => name === 'br1');
    expect(br1).toMatchObject({ type: 'linux-bridge', state: 'up', bridge: { port: [{ name: 'eth1' }] } });
    expect(
      await cluster.must([
        'get',
        'nnce',
        'node1.br1-eth1-policy',
        '-o',
        'jsonpath={.status.conditions[?(@.status=="True")].reason}',
      ]),
    ).toBe('SuccessfullyConfigured');
    expect(await cluster.must(['get', 'nncp', 'br1-eth1-policy', '--no-headers'])).toMatch(
      /Available +SuccessfullyConfigured/,
    );
  });
});

/** Frames on a link of a network namespace while `action` runs: source MAC, VLAN, ethertype. */
async function sniffWhile(
  netns: string,
  link: string,
  action: () => Promise<void>,
): Promise<readonly string[][]> {
  const script = path.join(import.meta.dirname, 'sniff.py');
  const child = spawn('nsenter', [`--net=/run/netns/${netns}`, '--', 'python3', script, link], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.startsWith('ready')) {
        resolve();
      }
    });
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  await ready;
  await action();
  child.kill('SIGTERM');
  await closed;
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.split(' '));
}
