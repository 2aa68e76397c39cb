import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { awaitGuests, bridgeNad, type Cluster, listOf, openCluster, prepare, vmManifest } from './cluster.ts';
import { idlePod, killAndAwaitSuccessor, layer2Udn, namespaceManifest } from './faults.ts';
import { instance } from './patchbay.ts';
import { apiVersions, kernelChanges, rowVersions } from './stillness.ts';

const namespace = 'resilience';
/** A namespace with a primary network, so that every kind of OVN network is there when nothing may change. */
const tenant = 'resilience-tenant';
const agentOf = (node: string) => ({ node, name: 'agent' });
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
    namespaceManifest(tenant, true),
    layer2Udn(tenant, 'primary', 'Primary', '10.1.1.0/24'),
    layer2Udn(tenant, 'secondary', 'Secondary', '10.2.2.0/24'),
    idlePod(tenant, 'one', { node: 'node1', networks: 'secondary' }),
    idlePod(tenant, 'two', { node: 'node2', networks: 'secondary' }),
  ];
  await cluster.must(['create', '-f', '-'], listOf(manifests));
  await awaitGuests(cluster, namespace);
  await cluster.must(['wait', '-n', tenant, 'pod', '--all', '--for=condition=Ready', '--timeout=60s']);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, tenant, '--timeout=60s']);
  cluster.close();
});

interface Loss {
  readonly sent: number;
  readonly received: number;
}

/** Pings an address from a guest ten times a second until told to stop. */
async function startPing(vm: string, address: string, file: string): Promise<() => Promise<Loss>> {
  // The guest's addresses may come a moment after its agent.
  const start =
    'n=0; until ping -c 1 -W 1 "$1" >/dev/null 2>&1 || [ $((n += 1)) -gt 20 ]; do usleep 100000; done; ping -i 0.1 "$1" >"$2" 2>&1 </dev/null & echo $! >"$2.pid"';
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

describe('kill -9 while guests ping each other', () => {
  test('no packet is lost because of agent, control plane or supervisor, and all come back', async () => {
    const { status } = JSON.parse(
      await cluster.must(['get', 'vmi', '-n', namespace, 'right', '-o', 'json']),
    ) as {
      status: { interfaces: { ipAddress: string }[] };
    };
    const stopPod = await startPing('left', status.interfaces[0]?.ipAddress ?? '', '/run/ping-pod');
    const stopLan = await startPing('left', '10.8.0.2', '/run/ping-lan');
    await killAndAwaitSuccessor(cluster, 'agent', agentWorks, agentOf('node1'));
    await killAndAwaitSuccessor(
      cluster,
      'agent',
      async () => (await cluster.guest(namespace, 'right', 'true').catch(() => undefined))?.exitCode === 0,
      agentOf('node2'),
    );
    await killAndAwaitSuccessor(cluster, 'control plane', apiWorks);
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
  const api = await apiVersions(cluster);
  const rows = await rowVersions();
  const changes = await kernelChanges(`${instance}.node1`, async () => {
    await killAndAwaitSuccessor(cluster, 'agent', agentWorks, agentOf('node1'));
    await killAndAwaitSuccessor(cluster, 'control plane', apiWorks);
    // A pass of every loop has run when something new has gone all the way through them.
    await cluster.must(['create', 'configmap', 'marker', '-n', namespace]);
    await cluster.must(['delete', 'configmap', 'marker', '-n', namespace]);
    await vi.waitUntil(agentWorks, { timeout: 30_000, interval: 100 });
  });
  expect(await apiVersions(cluster)).toEqual(api);
  expect(await rowVersions()).toEqual(rows);
  expect(changes).toBe('');
});
