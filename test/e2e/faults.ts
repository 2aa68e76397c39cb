/** Faults: what is killed, and what those who use the network notice of it. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, vi } from 'vitest';
import { pod } from '#api/core/pod.ts';
import type { Cluster } from './cluster.ts';
import { instance } from './patchbay.ts';

/** What was lost of the pings of a probe, from the first answer to the last. */
export interface Probed {
  readonly sent: number;
  readonly lost: number;
  /** The longest time without answered requests, ms, by their times of sending; 0 when none was lost. */
  readonly outageMs: number;
}

/** Pings an address from a pod's sandbox every `intervalMs`; resolves at the first answer with what ends it. */
export async function startProbe(
  { client }: Cluster,
  from: { readonly namespace: string; readonly name: string },
  address: string,
  intervalMs: number,
): Promise<() => Promise<Probed>> {
  const { metadata, spec } = await client.get(pod, from);
  const netns = `/run/netns/${instance}.${spec?.nodeName ?? ''}.${metadata.uid ?? ''}`;
  const script = path.join(import.meta.dirname, 'probe.py');
  const child = spawn('nsenter', [`--net=${netns}`, '--', 'python3', script, address, String(intervalMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line));
  const closed = new Promise((resolve) => reader.once('close', resolve));
  await vi.waitUntil(() => lines.length > 0, { timeout: 20_000, interval: 10 });
  return async () => {
    child.stdin.end();
    await closed;
    return JSON.parse(lines.at(-1) ?? '') as Probed;
  };
}

/** Processes of an instance by group, and by name or node when given; the waiting halves of daemons left out. */
export async function pidsOf(
  cluster: Cluster,
  group: string,
  which: { readonly node?: string | undefined; readonly name?: string | undefined } = {},
): Promise<readonly number[]> {
  const { processes } = await cluster.status();
  return processes
    .filter((one) => one.group === group && !one.name.endsWith(' monitor'))
    .filter(({ node, name }) => (which.node ?? node) === node && (which.name ?? name) === name)
    .map(({ pid }) => pid);
}

/** Kills processes as nothing would forgive; one that has just ended by itself is fine. */
export function killAll(pids: readonly number[]): void {
  expect(pids).not.toEqual([]);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
        throw error;
      }
    }
  }
}

/** Kills a process, and waits until another stands in its place and works. */
export async function killAndAwaitSuccessor(
  cluster: Cluster,
  group: string,
  works: () => Promise<boolean>,
  which: { readonly node?: string; readonly name?: string } = {},
): Promise<void> {
  const [before] = await pidsOf(cluster, group, which);
  killAll([before ?? 0]);
  const until = { timeout: 30_000, interval: 100 };
  await vi.waitUntil(
    async () => ![undefined, before].includes((await pidsOf(cluster, group, which))[0]),
    until,
  );
  await vi.waitUntil(works, until);
}

/** A pod that does nothing. */
export function idlePod(
  namespace: string,
  name: string,
  more: { readonly node?: string; readonly networks?: string } = {},
): string {
  const { node, networks } = more;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      ...(networks !== undefined && { annotations: { 'k8s.v1.cni.cncf.io/networks': networks } }),
    },
    spec: {
      terminationGracePeriodSeconds: 0,
      ...(node !== undefined && { nodeSelector: { 'kubernetes.io/hostname': node } }),
      containers: [{ name: 'main', image: 'localhost/host', command: ['sleep', 'infinity'] }],
    },
  });
}

/** A Layer2 UserDefinedNetwork; as `Primary` its namespace needs the label. */
export function layer2Udn(
  namespace: string,
  name: string,
  role: 'Primary' | 'Secondary',
  subnet: string,
): string {
  return JSON.stringify({
    apiVersion: 'k8s.ovn.org/v1',
    kind: 'UserDefinedNetwork',
    metadata: { namespace, name },
    spec: { topology: 'Layer2', layer2: { role, subnets: [subnet] } },
  });
}

/** A namespace, with the label that asks for a primary user-defined network or without. */
export function namespaceManifest(name: string, isPrimary: boolean): string {
  const labels = isPrimary ? { 'k8s.ovn.org/primary-user-defined-network': '' } : {};
  return JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}
