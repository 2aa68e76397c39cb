/** Wires for jumbo frames: a guest has them whole, to the other node and in both families, and knows where they end. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { awaitGuests, type Cluster, listOf, openCluster, vmManifest } from './cluster.ts';
import { instance, patchbay } from './patchbay.ts';

const name = `${instance}-jumbo`;
const namespace = 'jumbo';
/** The wires' 9000 less what Geneve takes. */
const podMtu = 8900;
let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster(name, ['--mtu', '9000']);
  await cluster.must(['create', 'namespace', namespace]);
  const peer = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: 'q' },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': 'node2' },
      containers: [{ name: 'main', image: 'localhost/none' }],
    },
  };
  const vm = vmManifest({ namespace, name: 'a', node: 'node1', ethernets: {} });
  await cluster.must(['create', '-f', '-'], listOf([JSON.stringify(peer), vm]));
  await awaitGuests(cluster, namespace);
});

afterAll(async () => {
  cluster?.close();
  expect((await patchbay(['down', '--name', name], { bare: true })).status).toBe(0);
});

test.each([
  ['IPv4', 0, 28],
  ['IPv6', 1, 48],
] as const)(
  '%s: what fills the link passes between nodes, and nothing more leaves',
  async (_family, index, headers) => {
    const peer = (await cluster.client.get(pod, { namespace, name: 'q' })).status?.podIPs?.[index]?.ip ?? '';
    const pinged = async (bytes: number): Promise<string> => {
      const script = 'cat /sys/class/net/eth0/mtu; ping -c 1 -W 2 -s "$2" "$1" >/dev/null && echo reached';
      return (await cluster.guest(namespace, 'a', script, peer, String(bytes))).stdout;
    };
    // The guest asks for its addresses; nothing is configured in it.
    await expect.poll(() => pinged(podMtu - headers), { timeout: 20_000 }).toBe(`${podMtu}\nreached\n`);
    // Longer ones go in pieces, each of which must fit: they arrive as well, so no piece was cut to an MTU of before.
    const received = async (): Promise<number> => {
      const { stdout } = await cluster.inPod(namespace, 'q', ['ip', '-j', '-s', 'link', 'show', 'eth0']);
      return (JSON.parse(stdout) as { stats64: { rx: { packets: number } } }[])[0]?.stats64.rx.packets ?? 0;
    };
    const before = await received();
    expect(await pinged(podMtu - headers)).toContain('reached');
    // The request, and at most a few of neighbour discovery: pieces of 1400 bytes would be seven.
    expect((await received()) - before).toBeLessThan(5);
  },
);
