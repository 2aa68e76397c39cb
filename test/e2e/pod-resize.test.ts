/** Pods resized in place with kubectl: what limits their containers have then, and what is told of it. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Pod, pod } from '#api/core/pod.ts';
import { type Cluster, execute, listOf, openCluster } from './cluster.ts';

const namespace = 'pod-resize';
const mebi = 1024 ** 2;
let cluster: Cluster;

interface Given {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

function manifest(name: string, container: object = {}, spec: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': 'node1' },
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image: 'localhost/host',
          command: ['sleep', '600'],
          resources: { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
          ...container,
        },
      ],
      ...spec,
    },
  });
}

beforeAll(async () => {
  cluster = await openCluster();
  await cluster.must(['create', 'namespace', namespace]);
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  const whole = { resources: { limits: { cpu: '300m', memory: '96Mi' } } };
  const manifests = [
    manifest('plain'),
    manifest('restarted', { resizePolicy }),
    manifest('whole', { resources: {} }, whole),
  ];
  await cluster.must(['create', '-f', '-'], listOf(manifests));
  await cluster.must(['wait', '-n', namespace, 'pod', '--all', '--for=condition=Ready', '--timeout=30s']);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=60s']);
  cluster.close();
});

const read = async (name: string): Promise<Pod> => cluster.client.get(pod, { namespace, name });
const resize = (name: string, resources: Given) => {
  const patch = JSON.stringify({ spec: { containers: [{ name: 'main', resources }] } });
  return cluster.must(['-n', namespace, 'patch', 'pod', name, '--subresource', 'resize', '--patch', patch]);
};

/** What is told of the container, once the node looked at the resize. */
async function told(name: string) {
  const { metadata, status } = await read(name);
  const [main] = status?.containerStatuses ?? [];
  const conditions = (status?.conditions ?? []).filter(({ type }) => type.startsWith('PodResize'));
  return {
    isSeen: status?.observedGeneration === metadata.generation,
    resources: main?.resources,
    allocated: main?.allocatedResources,
    restarts: main?.restartCount,
    conditions: conditions.map(({ type, reason = '' }) => `${type} ${reason}`.trim()),
  };
}

/** Memory limit and processor time in 100 ms, as the kernel has them for the run that goes on; either version of groups. */
async function limitsOf(name: string): Promise<readonly [string, string]> {
  const { metadata, status } = await read(name);
  const id = status?.containerStatuses?.[0]?.containerID?.split('//')[1] ?? '';
  const find = ['find', '/sys/fs/cgroup', '-path', `*/${metadata.uid}/${id}`];
  const groups = (await execute(find)).stdout.trim().split('\n');
  const value = async (...files: readonly string[]): Promise<string> => {
    const tries = groups.flatMap((group) => files.map((file) => readFile(`${group}/${file}`, 'utf8')));
    return (await Promise.any(tries)).trim();
  };
  return Promise.all([
    value('memory.limit_in_bytes', 'memory.max'),
    value('cpu.cfs_quota_us', 'cpu.max').then((text) => text.split(' ')[0] ?? ''),
  ]);
}

/** Whether a process in the container can have that much memory. */
async function canUse(name: string, bytes: number): Promise<boolean> {
  const script = `b = bytearray(b"x") * ${bytes}; print(len(b))`;
  const { stdout } = await cluster.kubectl(['-n', namespace, 'exec', name, '--', 'python3', '-c', script]);
  return stdout.trim() === String(bytes);
}

const first: Given = { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '200m', memory: '64Mi' } };
const more: Given = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '400m', memory: '160Mi' } };
const settled = { isSeen: true, conditions: [] };

test('a container gets other limits while it runs', async () => {
  expect(await told('plain')).toEqual({
    ...settled,
    resources: first,
    allocated: first.requests,
    restarts: 0,
  });
  expect([await limitsOf('plain'), await canUse('plain', 96 * mebi)]).toEqual([
    [String(64 * mebi), '20000'],
    false,
  ]);
  await resize('plain', more);
  await expect.poll(() => told('plain'), { timeout: 10_000 }).toMatchObject({ ...settled, resources: more });
  expect([await limitsOf('plain'), await canUse('plain', 96 * mebi)]).toEqual([
    [String(160 * mebi), '40000'],
    true,
  ]);
  expect(await told('plain')).toMatchObject({ allocated: more.requests, restarts: 0 });
  const { stdout } = await cluster.kubectl(['-n', namespace, 'events', '--for', 'pod/plain']);
  expect(stdout).toMatch(/ResizeStarted[\s\S]*ResizeCompleted/);
});

test('what the node can never hold changes nothing, until it is taken back', async () => {
  const before = await limitsOf('restarted');
  await resize('restarted', { requests: { cpu: '1000' }, limits: { cpu: '1000' } });
  await expect
    .poll(() => told('restarted'), { timeout: 10_000 })
    .toMatchObject({ isSeen: true, conditions: ['PodResizePending Infeasible'], resources: first });
  expect((await read('restarted')).status?.conditions).toContainEqual(
    expect.objectContaining({
      message: expect.stringMatching(
        /^Node didn't have enough capacity: cpu, requested: 1000000, capacity: \d+$/,
      ),
    }),
  );
  expect(await limitsOf('restarted')).toEqual(before);
  await resize('restarted', first);
  await expect.poll(() => told('restarted'), { timeout: 10_000 }).toMatchObject({ ...settled, restarts: 0 });
});

test('a container is restarted where its policy says so', async () => {
  await resize('restarted', { limits: { memory: '96Mi' } });
  await expect
    .poll(() => told('restarted'), { timeout: 15_000 })
    .toMatchObject({ ...settled, restarts: 1, resources: { limits: { cpu: '200m', memory: '96Mi' } } });
  expect(await limitsOf('restarted')).toEqual([String(96 * mebi), '20000']);
});

test('an agent that is killed over it leaves it to the next', async () => {
  const { spec } = await read('plain');
  const { metadata } = await read('restarted');
  const { processes } = await cluster.status();
  const agent = processes.find(({ name, node }) => name === 'agent' && node === spec.nodeName);
  expect(agent).toBeDefined();
  const patched = resize('plain', first);
  process.kill(agent?.pid ?? 0, 'SIGKILL');
  await patched;
  await expect.poll(() => told('plain'), { timeout: 15_000 }).toMatchObject({ ...settled, resources: first });
  expect([await limitsOf('plain'), (await told('plain')).restarts]).toEqual([
    [String(64 * mebi), '20000'],
    0,
  ]);
  // It is on the same node, and nothing of it changed.
  expect((await read('restarted')).metadata.resourceVersion).toBe(metadata.resourceVersion);
});

test('containers without limits have those of their pod, alone and together', async () => {
  const limits = { cpu: '300m', memory: '96Mi' };
  const { spec, status, metadata } = await read('whole');
  expect(spec.resources).toEqual({ limits, requests: limits });
  expect(status?.qosClass).toBe('Guaranteed');
  expect(await limitsOf('whole')).toEqual([String(96 * mebi), expect.stringMatching(/^30000\b/)]);
  const find = ['find', '/sys/fs/cgroup', '-path', `*/${metadata.uid}/memory.*`, '-maxdepth', '5'];
  const files = (await execute(find)).stdout.trim().split('\n');
  const file = files.find((one) => /memory\.(limit_in_bytes|max)$/.test(one)) ?? '';
  expect((await readFile(file, 'utf8')).trim()).toBe(String(96 * mebi));
});
