/**
 * Machines, pods and networks come and go while what manages them is killed at random; then nothing may be left.
 * PATCHBAY_CHURN=<machines>,<pods>,<networks>,<kills>,<seed> asks for more than the few of the default.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Cluster, listOf, openCluster, vmManifest } from './cluster.ts';
import { idlePod, killAll, layer2Udn, namespaceManifest, pidsOf } from './faults.ts';
import { belongings, residue } from './residue.ts';

const [machines = 2, pods = 20, networks = 4, kills = 6, seed = 1] = (
  process.env['PATCHBAY_CHURN'] ?? '2,20,4,6,1'
)
  .split(',')
  .map(Number);
const scale = machines + pods / 5 + networks;
const limit = 60_000 + scale * 6_000;
const plain = 'churn';
const tenants = Array.from({ length: networks }, (_, index) => `churn-${index}`);
const all = [plain, ...tenants];
const random = mulberry(seed);
let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
});
afterAll(() => cluster.close());

/** A generator of numbers in [0, 1) that gives the same ones for the same seed. */
function mulberry(state: number): () => number {
  let at = state;
  return () => {
    at = (at + 0x6d2b79f5) | 0;
    let value = Math.imul(at ^ (at >>> 15), 1 | at);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Half of the networks are primary ones. */
const isPrimary = (index: number): boolean => index % 2 === 0;
const nodeOf = (index: number): string => `node${1 + (index % 2)}`;

function manifests(): readonly string[] {
  const namespaces = all.map((name, index) => namespaceManifest(name, index > 0 && isPrimary(index - 1)));
  const udns = tenants.map((name, index) =>
    layer2Udn(name, 'net', isPrimary(index) ? 'Primary' : 'Secondary', '10.40.0.0/16'),
  );
  const made = Array.from({ length: pods }, (_, index) => {
    const at = index % all.length;
    const isSecondary = at > 0 && !isPrimary(at - 1);
    return idlePod(all[at] ?? plain, `pod-${index}`, {
      node: nodeOf(index),
      ...(isSecondary && { networks: 'net' }),
    });
  });
  const vms = Array.from({ length: machines }, (_, index) =>
    vmManifest({ namespace: plain, name: `vm-${index}`, node: nodeOf(index) }),
  );
  return [...namespaces, ...udns, ...vms, ...made];
}

const victims = [
  { group: 'agent', name: 'agent', node: 'node1' },
  { group: 'agent', name: 'agent', node: 'node2' },
  { group: 'control plane' },
  { group: 'OVN' },
  { group: 'Open vSwitch', name: 'ovn-controller', node: 'node1' },
  { group: 'Open vSwitch', name: 'ovsdb-server', node: 'node2' },
] as const;

/** Kills one after the other of the victims, at random times; the times are the fault, nothing waits for them. */
async function killAtRandom(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    await delay(100 + random() * 700);
    const { group, ...which } = victims[Math.floor(random() * victims.length)] ?? victims[0];
    const pids = await pidsOf(cluster, group, which);
    if (pids.length > 0) {
      killAll(pids);
    }
  }
}

/** Says something to an API server that may be killed meanwhile, until it has agreed. */
async function insist(args: readonly string[], input?: string): Promise<void> {
  let said = '';
  const agreed = async (): Promise<boolean> => {
    const { status, stdout, stderr } = await cluster.kubectl(args, input);
    said = stderr + stdout;
    return status === 0;
  };
  await vi.waitUntil(agreed, { timeout: limit, interval: 200 }).catch((cause: unknown) => {
    throw new Error(`kubectl ${args.join(' ')}: ${said}`, { cause });
  });
}

test(
  `${machines} machines, ${pods} pods, ${networks} networks, ${2 * kills} kills: nothing is left over`,
  async () => {
    const before = await belongings(cluster);
    const creating = killAtRandom(kills);
    await insist(['apply', '-f', '-'], listOf(manifests()));
    await creating;
    for (const namespace of all) {
      await insist(['wait', '-n', namespace, 'pod', '--all', '--for=condition=Ready', '--timeout=60s']);
    }
    const deleting = killAtRandom(kills);
    await insist(['delete', 'namespace', ...all, '--ignore-not-found', '--timeout=60s']);
    await deleting;
    await expect
      .poll(async () => residue(before, await belongings(cluster)), { timeout: 60_000, interval: 500 })
      .toEqual([]);
  },
  4 * limit,
);
