/** What a new user gets wrong and the API takes: reported where they look, and mended without deleting by hand. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bridgeNad, type Cluster, openCluster, prepare } from './cluster.ts';
import { attached, nad, namespace, policy, vm } from './manifests.ts';

let cluster: Cluster;
/** UID of the instance of a VM that is right from the start. */
let bystander: string;

beforeAll(async () => {
  cluster = await openCluster();
  await prepare(cluster, namespace);
  await cluster.must(['apply', '-f', '-'], vm('bystander'));
  await cluster.must([
    'wait',
    '-n',
    namespace,
    'vmi/bystander',
    '--for=condition=AgentConnected',
    '--timeout=60s',
  ]);
  bystander = await cluster.must(['get', '-n', namespace, 'vmi/bystander', '-o', 'jsonpath={.metadata.uid}']);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=90s']);
  await cluster.kubectl(['delete', 'nncp', 'wrong-nic', '--ignore-not-found']);
  cluster.close();
});

/** Applies and returns what kubectl warns. */
async function warning(manifest: string): Promise<string> {
  const { status, stderr } = await cluster.kubectl(['apply', '-f', '-'], manifest);
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return stderr;
}

/** Waits for a condition of the VM that says `expected`, and returns what `kubectl describe` and the events show. */
async function told(name: string, condition: string, expected: RegExp): Promise<string> {
  await cluster.must([
    'wait',
    '-n',
    namespace,
    `vm/${name}`,
    `--for=condition=${condition}=False`,
    '--timeout=20s',
  ]);
  const shown = await Promise.all([
    cluster.must(['describe', '-n', namespace, `vm/${name}`, `vmi/${name}`]),
    cluster.must(['describe', 'pod', '-n', namespace, '-l', `vm.kubevirt.io/name=${name}`]),
  ]);
  for (const text of shown) expect(text).toMatch(expected);
  return cluster.must(['get', 'events', '-n', namespace]);
}

async function runs(name: string): Promise<void> {
  // The instance may be made anew just now; its machine stays.
  await cluster.must(['wait', '-n', namespace, `vm/${name}`, '--for=condition=Ready', '--timeout=60s']);
  await cluster.must([
    'wait',
    '-n',
    namespace,
    `vmi/${name}`,
    '--for=condition=AgentConnected',
    '--timeout=60s',
  ]);
  const status = await cluster.must([
    'get',
    '-n',
    namespace,
    `vm/${name}`,
    '-o',
    'jsonpath={.status.printableStatus}',
  ]);
  expect(status).toBe('Running');
}

describe('reported, and mended by mending the input', () => {
  test('a NAD that is not there', async () => {
    expect(await warning(attached('no-nad', 'blue'))).toMatch(
      /multus\.networkName: there is no NetworkAttachmentDefinition wrong-input\/blue/,
    );
    const events = await told(
      'no-nad',
      'Synchronized',
      /cannot find a network-attachment-definition \(blue\)/,
    );
    expect(events).toMatch(/NetworkAttachmentDefinitionNotFound/);
    await cluster.must(['apply', '-f', '-'], nad('blue', { vlan: 100 }));
    await runs('no-nad');
  });

  test('a bridge that no node has; no isolated one appears', async () => {
    expect(await warning(nad('green', { bridge: 'br9' }))).toMatch(
      /spec\.config\.bridge: no node has a bridge "br9".*Did you mean "br1"/,
    );
    await warning(attached('no-bridge', 'green'));
    const events = await told(
      'no-bridge',
      'Synchronized',
      /bridge "br9" does not exist.*NodeNetworkConfigurationPolicy/,
    );
    expect(events).toMatch(/FailedCreatePodSandBox.*"br9"/);
    const { nodes } = await cluster.status();
    for (const { name } of nodes) {
      const state = await cluster.must([
        'get',
        'nns',
        name,
        '-o',
        'jsonpath={.status.currentState.interfaces[*].name}',
      ]);
      expect(state.split(' ')).not.toContain('br9');
    }
    await cluster.must(['apply', '-f', '-'], nad('green', { bridge: 'br1' }));
    await runs('no-bridge');
  });

  test('a misspelt bridge in NAD and resource name', async () => {
    const red = (bridge: string): string =>
      bridgeNad(namespace, 'red', { bridge }).replace(
        '"metadata":{',
        `"metadata":{"annotations":{"k8s.v1.cni.cncf.io/resourceName":"bridge.network.kubevirt.io/${bridge}"},`,
      );
    await warning(red('bri1'));
    await warning(attached('misspelt', 'red'));
    const events = await told(
      'misspelt',
      'PodScheduled',
      /No node has a bridge named bri1.*Did you mean br1\?/,
    );
    expect(events).toMatch(/FailedScheduling.*bri1/);
    expect(await cluster.must(['get', '-n', namespace, 'vm/misspelt'])).toMatch(/ErrorUnschedulable/);
    await cluster.must(['apply', '-f', '-'], red('br1'));
    await runs('misspelt');
  });

  test.each([
    ['no-room', vm('no-room', { guest: '1Ti' }), 'PodScheduled', /Insufficient memory.*It asks for/],
    [
      'no-node',
      vm('no-node', { template: { nodeSelector: { 'kubernetes.io/hostname': 'node7' } } }),
      'PodScheduled',
      /kubernetes\.io\/hostname=node7/,
    ],
    ['no-binding', attached('no-binding', 'blue', { sriov: {} }), 'Synchronized', /binding "sriov"/],
    [
      'no-volume',
      vm('no-volume', { template: { volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'd' } }] } }),
      'Synchronized',
      /volume "d": source "persistentVolumeClaim" cannot be attached/,
    ],
  ] as const)(
    '%s: an instance that never ran follows its template',
    async (name, manifest, condition, expected) => {
      await warning(manifest);
      await told(name, condition, expected);
      await cluster.must(['apply', '-f', '-'], vm(name));
      await runs(name);
      await cluster.must(['delete', '-n', namespace, `vm/${name}`, '--timeout=60s']);
    },
  );

  test('a policy that names a NIC no node has', async () => {
    const wrong = (nic: string): string => policy('wrong-nic', { bridge: { port: [{ name: nic }] } });
    expect(await warning(wrong('eth9'))).toMatch(
      /bridge\.port\[0\]\.name: no matching node has an interface "eth9"/,
    );
    await cluster.must(['wait', 'nncp/wrong-nic', '--for=condition=Degraded', '--timeout=30s']);
    const reason = /"eth9" does not exist on this node.*NICs there are: eth0, eth1, eth2/;
    expect(await cluster.must(['describe', 'nncp', 'wrong-nic'])).toMatch(reason);
    expect(await cluster.must(['get', 'nnce', '-o', 'yaml'])).toMatch(/eth9/);
    expect(await cluster.must(['get', 'nncp', 'wrong-nic'])).toMatch(/Degraded\s+FailedToConfigure/);
    await cluster.must(['apply', '-f', '-'], wrong('eth2'));
    await cluster.must(['wait', 'nncp/wrong-nic', '--for=condition=Available', '--timeout=30s']);
    await warning(policy('wrong-nic', { state: 'absent' }));
    await cluster.must(['wait', 'nncp/wrong-nic', '--for=condition=Available', '--timeout=30s']);
  });
});

test('nothing else was touched: the other VM went on all the time', async () => {
  const { exitCode } = await cluster.guest(namespace, 'bystander', 'true');
  const uid = await cluster.must(['get', '-n', namespace, 'vmi/bystander', '-o', 'jsonpath={.metadata.uid}']);
  expect([exitCode, uid]).toEqual([0, bystander]);
});
