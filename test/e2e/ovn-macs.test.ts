/** MACs that pods ask for: one on a switch has each, and on different networks they are nobody's business. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, listOf, openCluster } from './cluster.ts';

const [namespace, other] = ['macs', 'macs-other'];
const mac = '02:00:00:00:62:01';
let cluster: Cluster;

const podOn = (
  at: string,
  name: string,
  node: string,
  annotations: Readonly<Record<string, string>>,
): object => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: { namespace: at, name, annotations },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: 'main', image: 'localhost/none' }],
    terminationGracePeriodSeconds: 0,
  },
});
const onDefault = { 'v1.multus-cni.io/default-network': JSON.stringify([{ name: 'default', mac }]) };
const onLan = { 'k8s.v1.cni.cncf.io/networks': JSON.stringify([{ name: 'lan', mac, interface: 'net1' }]) };
const lan = (at: string): object => ({
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { namespace: at, name: 'lan' },
  spec: {
    config: JSON.stringify({
      ...{ cniVersion: '0.3.1', name: `${at}-lan`, type: 'ovn-k8s-cni-overlay', topology: 'layer2' },
      ...{ netAttachDefName: `${at}/lan`, subnets: '10.63.0.0/24' },
    }),
  },
});
const create = (...objects: readonly object[]): Promise<string> =>
  cluster.must(['create', '-f', '-'], listOf(objects.map((one) => JSON.stringify(one))));
const starts = (at: string, name: string): Promise<string> =>
  cluster.must(['wait', '-n', at, `pod/${name}`, '--for=jsonpath={.status.podIP}', '--timeout=60s']);
const linkOf = async (at: string, name: string, link: string): Promise<string> =>
  (await cluster.inPod(at, name, ['ip', '-br', 'link', 'show', 'dev', link])).stdout;
const told = (pod: string): Promise<string> =>
  cluster.must(['get', 'events', '-n', namespace, '--field-selector', `involvedObject.name=${pod}`]);
const addressOf = (name: string): Promise<string> =>
  cluster.must(['get', 'pod', '-n', namespace, name, '-o', 'jsonpath={.status.podIP}']);

beforeAll(async () => {
  cluster = await openCluster();
  await create(
    ...[namespace, other].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    ...[namespace, other].map(lan),
  );
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, other, '--timeout=60s']);
  cluster.close();
});

test('on one switch of the default network the second is told who has it, and gets it when that goes', async () => {
  await create(podOn(namespace, 'first', 'node1', onDefault));
  await starts(namespace, 'first');
  await create(podOn(namespace, 'second', 'node1', onDefault), podOn(namespace, 'far', 'node2', onDefault));
  await starts(namespace, 'far'); // The other node's part of the network is a switch of its own.
  await expect
    .poll(() => told('second'), { timeout: 20_000 })
    .toMatch(
      new RegExp(
        `ErrorAddingLogicalPort .*MACAddressConflict: pod macs/second asks for MAC ${mac}, which pod macs/first has on the same switch`,
      ),
    );
  expect(await addressOf('second')).toBe('');
  for (const name of ['first', 'far']) {
    expect(await linkOf(namespace, name, 'eth0')).toContain(mac);
  }
  await cluster.must(['delete', 'pod', '-n', namespace, 'first', '--timeout=30s']);
  await starts(namespace, 'second');
  expect(await linkOf(namespace, 'second', 'eth0')).toContain(mac);
});

test('on two layer 2 networks of equal subnets both have it, and on one the second does not', async () => {
  await create(podOn(namespace, 'one', 'node1', onLan), podOn(other, 'one', 'node1', onLan));
  for (const at of [namespace, other]) {
    await starts(at, 'one');
    expect(await linkOf(at, 'one', 'net1')).toContain(mac);
  }
  await create(podOn(namespace, 'two', 'node2', onLan));
  await expect
    .poll(() => told('two'), { timeout: 20_000 })
    .toMatch(
      new RegExp(`MACAddressConflict: pod macs/two, network "macs-lan": MAC ${mac} is pod macs/one's`),
    );
});
