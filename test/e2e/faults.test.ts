/** Daemons and agents die while pods and guests use the network: who notices, and what is left over. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { awaitGuests, type Cluster, execute, listOf, openCluster, vmManifest } from './cluster.ts';
import { idlePod, killAll, killAndAwaitSuccessor, pidsOf, startProbe } from './faults.ts';
import { instance } from './patchbay.ts';
import { belongings, residue } from './residue.ts';

const namespace = 'faults';
const from = { namespace, name: 'prober' };
const sockets = `/run/patchbay/${instance}`;
let cluster: Cluster;
let guest = '';

beforeAll(async () => {
  cluster = await openCluster();
  await cluster.must(['create', 'namespace', namespace]);
  const manifests = [
    idlePod(namespace, 'prober', { node: 'node1' }),
    vmManifest({ namespace, name: 'answerer', node: 'node2' }),
  ];
  await cluster.must(['create', '-f', '-'], listOf(manifests));
  await awaitGuests(cluster, namespace);
  await cluster.must(['wait', '-n', namespace, 'pod/prober', '--for=condition=Ready', '--timeout=60s']);
  const { status } = await cluster.client.get(virtualMachineInstance, { namespace, name: 'answerer' });
  guest = status?.interfaces?.[0]?.ipAddress ?? '';
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=60s']);
  cluster.close();
});

const addressOf = async (name: string): Promise<string> =>
  (await cluster.client.get(pod, { namespace, name })).status?.podIP ?? '';

/** Logical ports of the northbound database with their UUIDs. */
async function logicalPorts(): Promise<string> {
  const select = { op: 'select', table: 'Logical_Switch_Port', where: [], columns: ['_uuid', 'name'] };
  const transaction = JSON.stringify(['OVN_Northbound', select]);
  return (await execute(['ovsdb-client', 'transact', `unix:${sockets}/ovn/nb.sock`, transaction])).stdout;
}

async function isReady(name: string): Promise<boolean> {
  const { status } = await cluster.kubectl([
    'wait',
    '-n',
    namespace,
    `pod/${name}`,
    '--for=condition=Ready',
    '--timeout=30s',
  ]);
  return status === 0;
}

test('OVN central killed: not a ping is lost, its databases stay, new ports come up when it is back', async () => {
  const killCentral = async (): Promise<void> => {
    const central = await pidsOf(cluster, 'OVN');
    expect(central).toHaveLength(3);
    killAll(central);
  };
  const before = await logicalPorts();
  const stop = await startProbe(cluster, from, guest, 5);
  await killCentral();
  await vi.waitUntil(async () => (await pidsOf(cluster, 'OVN')).length === 3, { timeout: 10_000 });
  for (const line of JSON.parse(before)[0].rows) {
    expect(await logicalPorts()).toContain(JSON.stringify(line));
  }
  const { sent, lost } = await stop();
  expect(lost).toBe(0);
  expect(sent).toBeGreaterThan(50);
  // Not while pings are counted: Open vSwitch's netdev datapath may drop one when it takes in a port.
  await killCentral();
  await cluster.must(['create', '-f', '-'], idlePod(namespace, 'newcomer', { node: 'node2' }));
  expect(await isReady('newcomer')).toBe(true);
  const reachesNewcomer = await startProbe(cluster, from, await addressOf('newcomer'), 5);
  const toNewcomer = await reachesNewcomer();
  expect(toNewcomer.sent).toBeGreaterThan(0);
  await cluster.must(['delete', 'pod', '-n', namespace, 'newcomer', '--timeout=30s']);
});

describe('ovn-controller restarted: no packet of 1,000 a second is late by more than 100 ms', () => {
  /** Restarts it on one node, and waits until it has brought up the port of a new pod there. */
  async function outageOf(node: string, restart: (pid: number) => Promise<void>): Promise<number> {
    const stop = await startProbe(cluster, from, guest, 1);
    const [before = 0] = await pidsOf(cluster, 'Open vSwitch', { node, name: 'ovn-controller' });
    await restart(before);
    await cluster.must(['create', '-f', '-'], idlePod(namespace, 'after', { node }));
    expect(await isReady('after')).toBe(true);
    const after = await pidsOf(cluster, 'Open vSwitch', { node, name: 'ovn-controller' });
    expect(after).toHaveLength(1);
    expect(after).not.toContain(before);
    const { sent, outageMs } = await stop();
    await cluster.must(['delete', 'pod', '-n', namespace, 'after', '--timeout=30s']);
    expect(sent).toBeGreaterThan(100);
    return outageMs;
  }

  test.each(['node1', 'node2'])('kill -9 on %s', async (node) => {
    expect(await outageOf(node, async (pid) => killAll([pid]))).toBeLessThanOrEqual(100);
  });

  test('exit --restart', async () => {
    const outage = await outageOf('node1', async (pid) => {
      const control = `${sockets}/nodes/node1/ovs/ovn-controller.${pid}.ctl`;
      const { status, stderr } = await execute(['ovn-appctl', '-t', control, 'exit', '--restart']);
      expect(`${status} ${stderr}`).toBe('0 ');
    });
    expect(outage).toBeLessThanOrEqual(100);
  });
});

test('ovn-controller restarted keeps the patch ports in use, and removes those of networks that went meanwhile', async () => {
  const db = `--db=unix:${sockets}/nodes/node1/ovs/db.sock`;
  const vsctl = async (...words: string[]): Promise<string> => {
    const { status, stdout, stderr } = await execute(['ovs-vsctl', db, ...words]);
    expect(`${status} ${stderr}`).toBe('0 ');
    return stdout;
  };
  const patchPorts = async (): Promise<readonly string[]> => {
    const columns = ['--format=csv', '--no-headings', '--columns=name,_uuid,ofport'];
    return (await vsctl(...columns, 'find', 'Interface', 'type=patch')).trim().split('\n').toSorted();
  };
  const before = await patchPorts();
  expect(before.join()).toContain('patch-br-int-to-');
  const [pid = 0] = await pidsOf(cluster, 'Open vSwitch', { node: 'node1', name: 'ovn-controller' });
  process.kill(pid, 'SIGSTOP');
  const pair = [
    ['br-int', 'stale-a', 'stale-b'],
    ['br-ex', 'stale-b', 'stale-a'],
  ].flatMap(([bridge = '', name = '', peer = '']) => [
    ...['--', 'add-port', bridge, name, '--', 'set', 'Interface', name, 'type=patch', `options:peer=${peer}`],
    ...['--', 'set', 'Port', name, 'external_ids:ovn-localnet-port=gone'],
  ]);
  await vsctl(...pair.slice(1));
  expect(await patchPorts()).toHaveLength(before.length + 2);
  killAll([pid]);
  await expect.poll(patchPorts, { timeout: 10_000 }).toEqual(before);
});

test('ovs-vswitchd killed: the node forwards again within 2 s; devices, addresses, taps and guests stay', async () => {
  const linksOf = async (): Promise<string> =>
    (await execute(['nsenter', `--net=/run/netns/${instance}.node2`, '--', 'ip', '-o', '-4', 'address']))
      .stdout;
  const [links, guests, taps] = [await linksOf(), await pidsOf(cluster, 'VM'), await tapsOf('answerer')];
  expect(taps).toMatch(/tap0/);
  const stop = await startProbe(cluster, from, guest, 1);
  const answers = async (): Promise<boolean> => {
    const ping = await cluster.inPod(namespace, 'prober', ['busybox', 'ping', '-c', '1', '-W', '1', guest]);
    return ping.status === 0;
  };
  await killAndAwaitSuccessor(cluster, 'Open vSwitch', answers, { node: 'node2', name: 'ovs-vswitchd' });
  const { outageMs } = await stop();
  console.log(`ovs-vswitchd killed: nothing forwarded for ${outageMs} ms`);
  expect(outageMs).toBeLessThanOrEqual(2000);
  expect(outageMs).toBeGreaterThan(0);
  expect([await linksOf(), await pidsOf(cluster, 'VM'), await tapsOf('answerer')]).toEqual([
    links,
    guests,
    taps,
  ]);
});

/** Names and indexes of the links of a guest's sandbox. */
async function tapsOf(vm: string): Promise<string> {
  const { items } = await cluster.client.list(pod, { namespace });
  const launcher = items.find(({ metadata }) => metadata.name.startsWith(`virt-launcher-${vm}-`));
  const { stdout } = await cluster.inPod(namespace, launcher?.metadata.name ?? '', ['ip', '-o', 'link']);
  return stdout.replaceAll(/ (state|mode|group|qlen) \S+/g, '');
}

describe('agents killed in the middle of 50 pod creations', () => {
  const many = 'faults-many';
  const names = Array.from({ length: 50 }, (_, index) => `pod-${index}`);

  test('all converge, with one port, one address and one sandbox each; deleted, nothing is left', async () => {
    const before = await belongings(cluster);
    const sandboxesBefore = sandboxes().length;
    await cluster.must(['create', 'namespace', many]);
    const manifests = names.map((name, index) =>
      idlePod(many, name, { node: index % 2 === 0 ? 'node1' : 'node2' }),
    );
    const created = cluster.must(['create', '-f', '-'], listOf(manifests));
    for (const [node, at] of [
      ['node1', 5],
      ['node2', 10],
      ['node1', 15],
    ] as const) {
      await vi.waitUntil(() => sandboxes().length >= sandboxesBefore + at, {
        timeout: 30_000,
        interval: 5,
      });
      killAll(await pidsOf(cluster, 'agent', { node, name: 'agent' }));
    }
    await created;
    await cluster.must(['wait', '-n', many, 'pod', '--all', '--for=condition=Ready', '--timeout=90s']);
    await compareWithPods(before);
    await cluster.must(['delete', 'namespace', many, '--timeout=60s']);
    await expect
      .poll(async () => residue(before, await belongings(cluster)), { timeout: 20_000 })
      .toEqual([]);
  });

  const sandboxes = (): readonly string[] =>
    readdirSync('/run/netns').filter((name) => name.startsWith(`${instance}.`));

  /** Ports, logical ports, sandboxes and addresses are those of the pods, no more and no fewer. */
  async function compareWithPods(before: Awaited<ReturnType<typeof belongings>>): Promise<void> {
    const after = await belongings(cluster);
    const { items } = await cluster.client.list(pod, { namespace: many });
    const added = (what: string): readonly string[] =>
      residue({ [what]: before[what] ?? [] }, { [what]: after[what] ?? [] }).map(
        (line) => line.split(': ')[1] ?? '',
      );
    const logical = items.map(({ metadata }) => `${many}_${metadata.name}`).toSorted();
    expect(added('OVN_Northbound Logical_Switch_Port')).toEqual(logical);
    expect(added('OVN_Southbound Port_Binding')).toEqual(logical);
    expect(added('network namespaces')).toEqual(
      items.map(({ metadata, spec }) => `${instance}.${spec?.nodeName}.${metadata.uid}`).toSorted(),
    );
    expect(added('node1 ports')).toHaveLength(25);
    expect(added('node2 ports')).toHaveLength(25);
    const addresses = items.map(({ status }) => status?.podIP);
    expect(new Set(addresses).size).toBe(50);
    const inside = await Promise.all(
      items.map(
        async ({ metadata }) =>
          (await cluster.inPod(many, metadata.name, ['ip', '-br', '-4', 'address', 'show', 'eth0'])).stdout,
      ),
    );
    expect(inside.map((line) => /(\S+)\/\d+/.exec(line)?.[1])).toEqual(addresses);
  }
});
