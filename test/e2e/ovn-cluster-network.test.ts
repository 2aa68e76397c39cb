/** A ClusterUserDefinedNetwork over several namespaces: its reach grows and shrinks with their labels. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, listOf, openCluster } from './cluster.ts';

const [a, b, c] = ['shared-a', 'shared-b', 'shared-c'];
const label = 'shared-network';
let cluster: Cluster;

const podOn = (namespace: string, node: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name: 'p', annotations: { 'k8s.v1.cni.cncf.io/networks': 'shared@net1' } },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: 'main', image: 'localhost/none' }],
  },
});
const create = (...objects: readonly object[]): Promise<string> =>
  cluster.must(['create', '-f', '-'], listOf(objects.map((one) => JSON.stringify(one))));

beforeAll(async () => {
  cluster = await openCluster();
  await create(
    ...[a, b, c].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, ...(name !== c && { labels: { [label]: 'yes' } }) },
    })),
    {
      apiVersion: 'k8s.ovn.org/v1',
      kind: 'ClusterUserDefinedNetwork',
      metadata: { name: 'shared' },
      spec: {
        namespaceSelector: { matchLabels: { [label]: 'yes' } },
        network: {
          topology: 'Layer2',
          layer2: { role: 'Secondary', subnets: ['10.62.0.0/24', 'fd62::/64'] },
        },
      },
    },
  );
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', a, b, c, '--timeout=90s']);
  await cluster.must(['delete', 'cudn', 'shared', '--ignore-not-found', '--timeout=30s']);
  cluster.close();
});

const created = (): Promise<string> => {
  const path = '{range .status.conditions[?(@.type=="NetworkCreated")]}{.status} {.reason}: {.message}{end}';
  return cluster.must(['get', 'cudn', 'shared', '-o', `jsonpath=${path}`]);
};
const says = (expected: string): Promise<void> => expect.poll(created, { timeout: 20_000 }).toBe(expected);
const made = (...where: readonly string[]): string =>
  `True NetworkAttachmentDefinitionCreated: NetworkAttachmentDefinition has been created in following namespaces: [${where.join(', ')}]`;
const inUse = (...pods: readonly string[]): string =>
  `False NetworkAttachmentDefinitionSyncError: ${pods.map((one) => `network in use by the following pods: [${one}]`).join('; ')}`;
const definitions = async (): Promise<readonly string[]> => {
  const path = '{range .items[?(@.metadata.name=="shared")]}{.metadata.namespace} {end}';
  const text = await cluster.must(['get', 'net-attach-def', '-A', '-o', `jsonpath=${path}`]);
  return text.split(' ').filter((word) => word !== '');
};
/** Addresses of the namespace's pod on the network, IPv4 first. */
const addressesOf = async (namespace: string): Promise<readonly string[]> => {
  const text = await cluster.must([
    ...['get', 'pod', '-n', namespace, 'p', '-o'],
    'jsonpath={.metadata.annotations.k8s\\.ovn\\.org/pod-networks}',
  ]);
  const told = JSON.parse(text) as Readonly<Record<string, { readonly ip_addresses: readonly string[] }>>;
  return (told[`${namespace}/shared`]?.ip_addresses ?? []).map((address) => address.split('/')[0] ?? '');
};
const starts = (namespace: string): Promise<string> =>
  cluster.must(['wait', '-n', namespace, 'pod/p', '--for=jsonpath={.status.podIP}', '--timeout=60s']);
const reaches = async (from: string, to: string): Promise<void> => {
  for (const address of await addressesOf(to)) {
    const ping = ['busybox', 'ping', '-c', '1', '-W', '1', '-I', 'net1', address];
    await expect.poll(async () => (await cluster.inPod(from, 'p', ping)).status, { timeout: 20_000 }).toBe(0);
  }
  expect(await addressesOf(to)).toHaveLength(2);
};

test('is one network in the namespaces that are chosen, and says which', async () => {
  await says(made(a, b));
  expect(await definitions()).toEqual([a, b]);
  await create(podOn(a, 'node1'), podOn(b, 'node2'));
  await starts(a);
  await starts(b);
  await reaches(a, b);
});

test('comes to a namespace that gets the label, whose pods join it', async () => {
  await cluster.must(['label', 'namespace', c, `${label}=yes`]);
  await says(made(a, b, c));
  expect(await definitions()).toEqual([a, b, c]);
  await create(podOn(c, 'node2'));
  await starts(c);
  await reaches(c, a);
  await reaches(b, c);
});

test('stays where pods are on it when the label goes, names them, and goes with the last', async () => {
  await cluster.must(['label', 'namespace', b, `${label}-`]);
  await says(inUse(`${b}/p`));
  expect(await definitions()).toEqual([a, b, c]);
  await reaches(a, b);
  await cluster.must(['delete', 'pod', '-n', b, 'p', '--timeout=30s']);
  await says(made(a, c));
  expect(await definitions()).toEqual([a, c]);
  await reaches(a, c);
});

test('deleted, it stays until its pods are gone', async () => {
  await cluster.must(['delete', 'cudn', 'shared', '--wait=false']);
  await says(inUse(`${a}/p`, `${c}/p`));
  await cluster.must(['delete', 'pod', '-n', a, 'p', '--timeout=30s']);
  await says(inUse(`${c}/p`));
  await cluster.must(['delete', 'pod', '-n', c, 'p', '--timeout=30s']);
  await cluster.must(['wait', 'cudn/shared', '--for=delete', '--timeout=30s']);
  expect(await definitions()).toEqual([]);
});
