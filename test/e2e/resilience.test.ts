import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { kinds } from '#api/kinds.ts';
import {
  awaitGuests,
  bridgeNad,
  type Cluster,
  execute,
  listOf,
  openCluster,
  prepare,
  vmManifest,
} from './cluster.ts';
import { instance } from './patchbay.ts';

const namespace = 'resilience';
let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
  await prepare(cluster, namespace);
  const manifests = [
    bridgeNad(namespace, 'vlan300', { vlan: 300 }),
    vmManifest({
      namespace,
      name: 'left',
      node: 'node1',
      nics: [{ name: 'lan', network: 'vlan300', address: '10.8.0.1/24' }],
    }),
    vmManifest({
      namespace,
      name: 'right',
      node: 'node2',
      nics: [{ name: 'lan', network: 'vlan300', address: '10.8.0.2/24' }],
    }),
  ];
  await cluster.must(['create', '-f', '-'], listOf(manifests));
  await awaitGuests(cluster, namespace);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=60s']);
  cluster.close();
});

interface Loss {
  readonly sent: number;
  readonly received: number;
}

/** Pings an address from a guest ten times a second until told to stop. */
async function startPing(vm: string, address: string, file: string): Promise<() => Promise<Loss>> {
  const start = 'ping -c 1 -W 3 "$1" >/dev/null; ping -i 0.1 "$1" >"$2" 2>&1 </dev/null & echo $! >"$2.pid"';
  await cluster.guest(namespace, vm, start, address, file);
  return async () => {
    const stop =
      'kill -INT "$(cat "$1.pid")"; while kill -0 "$(cat "$1.pid")" 2>/dev/null; do usleep 20000; done; cat "$1"';
    const { stdout } = await cluster.guest(namespace, vm, stop, file);
    expect(stdout).toMatch(/packets transmitted/);
    const [, sent, received] = /(\d+) packets transmitted, (\d+) packets received/.exec(stdout) ?? [];
    return { sent: Number(sent), received: Number(received) };
  };
}

async function pidOf(group: string, node?: string): Promise<number | undefined> {
  const { processes } = await cluster.status();
  return processes.find((one) => one.group === group && (node === undefined || one.node === node))?.pid;
}

/** Kills a process as nothing would forgive, and waits until another stands in its place and works. */
async function killAndAwaitSuccessor(
  group: string,
  works: () => Promise<boolean>,
  node?: string,
): Promise<void> {
  const pid = await pidOf(group, node);
  expect(pid).toBeDefined();
  process.kill(pid ?? 0, 'SIGKILL');
  const until = { timeout: 30_000, interval: 100 };
  await vi.waitUntil(async () => ![undefined, pid].includes(await pidOf(group, node)), until);
  await vi.waitUntil(works, until);
}

/** The agent answers for its guests again. */
async function agentWorks(): Promise<boolean> {
  try {
    return (await cluster.guest(namespace, 'left', 'true')).exitCode === 0;
  } catch {
    return false; // not yet listening
  }
}

async function apiWorks(): Promise<boolean> {
  return (await cluster.kubectl(['get', '--raw', '/readyz'])).status === 0;
}

/** Version of every object of the API but leases and events, which say that time passes. */
async function apiVersions(): Promise<readonly string[]> {
  const counted = kinds.filter(({ kind }) => !['Lease', 'Event'].includes(kind));
  const lists = await Promise.all(
    counted.map(async (kind) => {
      const { items } = await cluster.client.list(kind);
      return items.map(
        ({ metadata }) =>
          `${kind.kind} ${metadata.namespace ?? ''}/${metadata.name} ${metadata.resourceVersion}`,
      );
    }),
  );
  return lists.flat();
}

/** Versions of the rows that agents and fabric write. */
async function rowVersions(): Promise<readonly string[]> {
  const run = `/run/patchbay/${instance}`;
  const select = (database: string, tables: readonly string[]): string =>
    JSON.stringify([
      database,
      ...tables.map((table) => ({ op: 'select', table, where: [], columns: ['_uuid', '_version'] })),
    ]);
  const asked = [
    [`unix:${run}/nodes/node1/ovs/db.sock`, select('Open_vSwitch', ['Bridge', 'Port'])],
    [
      `unix:${run}/ovn/nb.sock`,
      select('OVN_Northbound', [
        'Logical_Switch',
        'Logical_Switch_Port',
        'Logical_Router',
        'Logical_Router_Port',
      ]),
    ],
  ];
  return Promise.all(
    asked.map(async (words) => {
      const { status, stdout, stderr } = await execute(['ovsdb-client', 'transact', ...words]);
      expect(`${status} ${stderr}`).toBe('0 ');
      expect(stdout).toContain('_version');
      return stdout;
    }),
  );
}

/** Changes of links, addresses, routes and nftables in a namespace while `action` runs. */
async function kernelChanges(netns: string, action: () => Promise<void>): Promise<string> {
  const watches = [
    ['ip', '-o', 'monitor', 'link', 'address', 'route'],
    ['nft', 'monitor'],
  ].map((argv) => {
    const child = spawn('nsenter', [`--net=/run/netns/${netns}`, '--', ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const seen: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => seen.push(chunk));
    const closed = new Promise((resolve) => child.once('close', resolve));
    return { child, seen, closed };
  });
  await action();
  const texts = await Promise.all(
    watches.map(async ({ child, seen, closed }) => {
      child.kill('SIGTERM');
      await closed;
      return Buffer.concat(seen).toString();
    }),
  );
  return texts.join('');
}

describe('kill -9 while guests ping each other', () => {
  test('no packet is lost because of agent, control plane or supervisor, and all come back', async () => {
    const { status } = JSON.parse(
      await cluster.must(['get', 'vmi', '-n', namespace, 'right', '-o', 'json']),
    ) as {
      status: { interfaces: { ipAddress: string }[] };
    };
    const stopPod = await startPing('left', status.interfaces[0]?.ipAddress ?? '', '/run/ping-pod');
    const stopLan = await startPing('left', '10.8.0.2', '/run/ping-lan');
    await killAndAwaitSuccessor('agent', agentWorks, 'node1');
    await killAndAwaitSuccessor(
      'agent',
      async () => (await cluster.guest(namespace, 'right', 'true').catch(() => undefined))?.exitCode === 0,
      'node2',
    );
    await killAndAwaitSuccessor('control plane', apiWorks);
    const [overPod, overLan] = [await stopPod(), await stopLan()];
    for (const { sent, received } of [overPod, overLan]) {
      expect(sent).toBeGreaterThan(10);
      // The last echo may be under way when ping is told to stop.
      expect(received).toBeGreaterThanOrEqual(sent - 1);
    }
    await cluster.must(['wait', 'node', '--all', '--for=condition=Ready', '--timeout=20s']);
    expect(
      await cluster.must(['get', 'vmi', '-n', namespace, '-o', 'jsonpath={.items[*].status.phase}']),
    ).toBe('Running Running');
  });

  test('what is made after the restart works: a new VM starts', async () => {
    await cluster.must(['create', '-f', '-'], vmManifest({ namespace, name: 'late', node: 'node1' }));
    await cluster.must(['wait', '-n', namespace, 'vm/late', '--for=condition=Ready', '--timeout=60s']);
    await cluster.must(['delete', '-n', namespace, 'vm/late', '--timeout=60s']);
    await cluster.must(['wait', '-n', namespace, 'vmi/late', '--for=delete', '--timeout=60s']);
  });
});

test('a restart with nothing changed writes nothing to API, Open vSwitch, OVN or kernel', async () => {
  const api = await apiVersions();
  const rows = await rowVersions();
  const changes = await kernelChanges(`${instance}.node1`, async () => {
    await killAndAwaitSuccessor('agent', agentWorks, 'node1');
    await killAndAwaitSuccessor('control plane', apiWorks);
    // A pass of every loop has run when something new has gone all the way through them.
    await cluster.must(['create', 'configmap', 'marker', '-n', namespace]);
    await cluster.must(['delete', 'configmap', 'marker', '-n', namespace]);
    await vi.waitUntil(agentWorks, { timeout: 30_000, interval: 100 });
  });
  expect(await apiVersions()).toEqual(api);
  expect(await rowVersions()).toEqual(rows);
  expect(changes).toBe('');
});
