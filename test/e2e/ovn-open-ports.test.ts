/** Ports that a pod on a primary network opens on the default one by its annotation. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { type Cluster, listOf, openCluster } from './cluster.ts';

const [tenant, plain] = ['open-tenant', 'open-plain'];
let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
  const labels = { 'k8s.ovn.org/primary-user-defined-network': '' };
  const made = [
    ...[{ name: tenant, labels }, { name: plain }].map((metadata) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata,
    })),
    {
      apiVersion: 'k8s.ovn.org/v1',
      kind: 'UserDefinedNetwork',
      metadata: { namespace: tenant, name: 'primary' },
      spec: { topology: 'Layer2', layer2: { role: 'Primary', subnets: ['10.61.0.0/24', 'fd61::/64'] } },
    },
  ];
  await cluster.must(['create', '-f', '-'], listOf(made.map((one) => JSON.stringify(one))));
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', tenant, plain, '--timeout=90s']);
  cluster.close();
});

interface PodManifest {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: object;
}

const podAt = (namespace: string, name: string, node: string): PodManifest => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: { namespace, name },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: 'main', image: 'localhost/none' }],
  },
});
const connecting = (ip: string, port: number): readonly string[] => [
  ...['nc.openbsd', '-z', '-w', '2', ip, `${port}`],
];

test('are open to pods of both nodes in both families, others stay closed, and what is wrong opens nothing', async () => {
  const open = 'k8s.ovn.org/open-default-ports';
  const opened = podAt(tenant, 'opened', 'node1');
  const beside = [podAt(plain, 'q', 'node1'), podAt(plain, 'far', 'node2'), podAt(tenant, 'p', 'node1')];
  const serve = (port: number): string => `python3 -m http.server --bind :: ${port}`;
  const command = ['sh', '-c', `cd /tmp; ${serve(8081)} & exec ${serve(8080)}`];
  Object.assign(opened.metadata, { annotations: { [open]: '- protocol: tcp\n  port: 8080\n' } });
  Object.assign(opened.spec, {
    containers: [
      { name: 'main', image: 'localhost/host', command, readinessProbe: { tcpSocket: { port: 8080 } } },
    ],
    terminationGracePeriodSeconds: 1,
  });
  await cluster.must(['create', '-f', '-'], listOf([opened, ...beside].map((one) => JSON.stringify(one))));
  await cluster.must(['wait', '-n', tenant, 'pod/opened', '--for=condition=Ready', '--timeout=60s']);
  const hasAddress = ['--for=jsonpath={.status.podIP}', '--timeout=60s'];
  for (const { metadata } of beside) {
    await cluster.must(['wait', '-n', metadata.namespace, `pod/${metadata.name}`, ...hasAddress]);
  }
  const { status } = await cluster.client.get(pod, { namespace: tenant, name: 'opened' });
  const ips = (status?.podIPs ?? []).map(({ ip }) => ip);
  expect(ips).toHaveLength(2);
  const from = async (namespace: string, name: string, argv: readonly string[]): Promise<boolean> =>
    (await cluster.inPod(namespace, name, argv)).status === 0;
  const echo = (ip: string): readonly string[] => ['busybox', 'ping', '-c', '1', '-W', '1', ip];
  /** Who gets in, by address: from its node and another by both ports and ping, and a tenant from its own `eth0`. */
  const seen = async (): Promise<readonly string[]> => {
    const tries = ips.flatMap((ip) => [
      ...['q', 'far'].flatMap((name) => [
        ...[8080, 8081].map((port) => [`${name} ${port}`, plain, name, connecting(ip, port)] as const),
        [`${name} ping`, plain, name, echo(ip)] as const,
      ]),
      ['tenant', tenant, 'p', connecting(ip, 8080)] as const,
    ]);
    const results = await Promise.all(
      tries.map(async ([what, namespace, name, argv]) => ((await from(namespace, name, argv)) ? what : [])),
    );
    return results.flat();
  };
  const becomes = (expected: readonly string[]): Promise<void> =>
    expect.poll(seen, { timeout: 30_000 }).toEqual(expected);
  const annotate = (text: string): Promise<string> =>
    cluster.must(['annotate', '-n', tenant, 'pod/opened', '--overwrite', `${open}=${text}`]);
  await becomes(['q 8080', 'far 8080', 'q 8080', 'far 8080']);
  await annotate('[{"protocol":"icmp"},{"protocol":"tcp","port":8081}]');
  await becomes(['q 8081', 'q ping', 'far 8081', 'far ping', 'q 8081', 'q ping', 'far 8081', 'far ping']);
  await annotate('[{"protocol":"tcp"}]');
  await becomes([]);
  await expect
    .poll(() => cluster.must(['get', 'events', '-n', tenant]), { timeout: 10_000 })
    .toMatch(/ErrorUpdatingResource .*pod\/opened .*port is required for tcp protocol; nothing is opened/);
});
