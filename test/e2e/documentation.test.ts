/** The documentation's procedures, with the manifests of examples/documentation and the commands it verifies them by. */
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Cluster, openCluster } from './cluster.ts';

const namespace = 'documentation';
const example = (name: string): string =>
  path.resolve(import.meta.dirname, '../../examples/documentation', name);
let cluster: Cluster;

/** kubectl in the namespace of this file. */
const kubectl = (...args: readonly string[]): Promise<string> => cluster.must(['-n', namespace, ...args]);
const apply = (name: string): Promise<string> => kubectl('apply', '-f', example(name));
const connected = (...vms: readonly string[]): Promise<string> =>
  kubectl('wait', ...vms.map((vm) => `vmi/${vm}`), '--for=condition=AgentConnected', '--timeout=60s');
const field = (object: string, jsonpath: string): Promise<string> =>
  kubectl('get', object, '-o', `jsonpath=${jsonpath}`);

async function inGuest(vm: string, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await cluster.guest(namespace, vm, script);
  expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
  return stdout.trim();
}

/** MAC and PCI address of each card, in the guest's order. */
const cards = (vm: string): Promise<string> =>
  inGuest(
    vm,
    'for c in /sys/class/net/eth*; do echo "$(basename $c) $(cat $c/address) $(readlink -f $c/device)"; done',
  );

const setRunStrategy = (vm: string, runStrategy: string): Promise<string> =>
  kubectl('patch', 'vm', vm, '--type=merge', '-p', JSON.stringify({ spec: { runStrategy } }));

/** Reads until it is so. */
const eventually = (object: string, jsonpath: string, expected: RegExp): Promise<void> =>
  vi.waitFor(async () => expect(await field(object, jsonpath)).toMatch(expected), {
    timeout: 30_000,
    interval: 200,
  });

beforeAll(async () => {
  cluster = await openCluster();
  await cluster.must(['create', 'namespace', namespace]);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=90s']);
  cluster.close();
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('8.4 a Linux bridge network', () => {
  test('8.4.1 the policy becomes available, with an enactment per node', async () => {
    await apply('8.4.1-br1-eth1-policy.yaml');
    await kubectl('wait', 'nncp/br1-eth1-policy', '--for=condition=Available', '--timeout=30s');
    expect(await kubectl('get', 'nncp')).toMatch(/br1-eth1-policy\s+Available\s+SuccessfullyConfigured/);
    const enactments = await kubectl('get', 'nnce');
    expect(enactments).toMatch(/node1\.br1-eth1-policy\s+Available/);
    expect(enactments).toMatch(/node2\.br1-eth1-policy\s+Available/);
  });

  test('8.4.2.2 the network attachment definition is found by its verification command', async () => {
    await apply('8.4.2.2-bridge-network.yaml');
    expect(await kubectl('get', 'network-attachment-definition', 'bridge-network')).toMatch(
      /^NAME\s+AGE\nbridge-network /,
    );
  });
});

describe('8.2.1 a virtual machine behind masquerade', () => {
  test('runs, and its status says where and how it is reached', async () => {
    await apply('8.2.1-masquerade.yaml');
    await connected('example-vm');
    expect(await kubectl('get', 'vm', '-o', 'wide')).toMatch(/example-vm\s+\S+\s+Running\s+True/);
    const ip = await field('vmi/example-vm', '{.status.interfaces[*].ipAddress}');
    expect(ip).toMatch(/^10\.12[89]\.\d+\.\d+$/);
    const ips = JSON.parse(await field('vmi/example-vm', '{.status.interfaces[*].ipAddresses}')) as string[];
    expect(ips).toEqual([ip, expect.stringMatching(/^fd01:/)]);
    expect(await kubectl('get', 'vmi', '-o', 'wide')).toMatch(
      new RegExp(`example-vm\\s+\\S+\\s+Running\\s+${ip}\\s+node\\d\\s+True\\s+True`),
    );
    const described = await kubectl('describe', 'vmi', 'example-vm');
    expect(described).toMatch(/Ip Address:\s+10\.12/);
    expect(described).toMatch(/Guest OS Info:\n(?: {4}.*\n)* {4}Pretty Name:\s+Patchbay guest/);
    expect(described).toMatch(/Normal\s+Started .*VirtualMachineInstance started/);
  });

  test('takes its name from its network when no cloud-init gives it one', async () => {
    await expect.poll(() => inGuest('example-vm', 'hostname'), { timeout: 15_000 }).toBe('example-vm');
  });

  test('stops, is watched doing so, and starts with the same card', async () => {
    const before = await cards('example-vm');
    const watched = await cluster.follow(['-n', namespace, 'get', 'vm', '-w', '--request-timeout=10s']);
    await setRunStrategy('example-vm', 'Halted');
    await kubectl('wait', 'vmi/example-vm', '--for=delete', '--timeout=60s');
    await eventually('vm/example-vm', '{.status.printableStatus}', /^Stopped$/);
    expect((await watched.ended).stdout).toMatch(/Running[\s\S]*Stopping[\s\S]*Stopped/);
    await setRunStrategy('example-vm', 'Always');
    await connected('example-vm');
    expect(await cards('example-vm')).toBe(before);
  });

  test('8.4.3.2 another card asks for a restart, which brings it', async () => {
    const [before = ''] = (await cards('example-vm')).split('\n');
    const manifest = JSON.stringify([
      {
        op: 'add',
        path: '/spec/template/spec/domain/devices/interfaces/-',
        value: { name: 'bridge-net', bridge: {} },
      },
      {
        op: 'add',
        path: '/spec/template/spec/networks/-',
        value: { name: 'bridge-net', multus: { networkName: 'bridge-network' } },
      },
    ]);
    await kubectl('patch', 'vm', 'example-vm', '--type=json', '-p', manifest);
    await kubectl('wait', 'vm/example-vm', '--for=condition=RestartRequired', '--timeout=20s');
    expect(await kubectl('describe', 'vm', 'example-vm')).toMatch(/restart the virtual machine to apply it/);
    await kubectl('delete', 'vmi', 'example-vm', '--timeout=60s');
    await eventually('vm/example-vm', '{.status.conditions[?(@.type=="Ready")].status}', /True/);
    await connected('example-vm');
    const [first, second] = (await cards('example-vm')).split('\n');
    expect([first, second]).toEqual([before, expect.stringMatching(/^eth1 /)]);
    expect(await field('vm/example-vm', '{.status.conditions[*].type}')).not.toContain('RestartRequired');
  });

  test('is gone with its guest when kubectl delete returns, and the manifest of 8.4.3.2 takes its name', async () => {
    await kubectl('delete', 'vm', 'example-vm', '--timeout=60s');
    expect((await cluster.kubectl(['-n', namespace, 'get', 'vm,vmi,pods'])).stdout).toBe('');
    await apply('8.4.3.2-bridge-vm.yaml');
    await connected('example-vm');
    expect(await field('vmi/example-vm', '{.status.interfaces[*].name}')).toBe('bridge-net');
  });
});

describe('8.11 addresses on a secondary network', () => {
  test('a static one is in the guest and in the status', async () => {
    await apply('8.11.1.1-static-address.yaml');
    await connected('static-address-vm');
    await eventually('vmi/static-address-vm', '{.status.interfaces[1].ipAddress}', /^10\.10\.10\.14$/);
    expect(await inGuest('static-address-vm', 'ip -o -4 addr show eth1')).toContain('10.10.10.14/24');
  });

  test('a dynamic one comes from a DHCP server of the VLAN', async () => {
    const config = 'interface eth1\\nstart 10.10.10.100\\nend 10.10.10.110\\noption subnet 255.255.255.0\\n';
    const serve = `printf '${config}lease_file /run/leases\\n' >/run/udhcpd.conf; touch /run/leases; udhcpd -S /run/udhcpd.conf`;
    await inGuest('static-address-vm', serve);
    await apply('8.11.1.1-dynamic-address.yaml');
    await connected('dynamic-address-vm');
    await eventually('vmi/dynamic-address-vm', '{.status.interfaces[1].ipAddress}', /^10\.10\.10\.1\d\d$/);
    expect(await inGuest('dynamic-address-vm', 'ping -c 2 -W 2 10.10.10.14 | tail -n 2')).toContain(
      ' 0% packet loss',
    );
  });

  test('machines without a MAC in their manifests have different ones', async () => {
    const macs = (await field('vmi', '{.items[*].status.interfaces[*].mac}')).split(' ');
    expect(macs).toHaveLength(5);
    expect(new Set(macs).size).toBe(5);
  });
});

describe('kubectl', () => {
  test('explain, diff, edit and server-side apply know the kind', async () => {
    expect(await kubectl('explain', 'vm.spec.template.spec.networks')).toMatch(
      /FIELD: networks <\[\]Object>[\s\S]*multus\s+<Object>/,
    );
    const changed = JSON.stringify({
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachine',
      metadata: { name: 'static-address-vm', namespace, labels: { tier: 'web' } },
    });
    const diff = await cluster.kubectl(['diff', '--server-side', '-f', '-'], changed);
    expect([diff.status, diff.stdout]).toEqual([1, expect.stringMatching(/^\+\s+tier: web$/m)]);
    await cluster.must(['apply', '--server-side', '-f', '-'], changed);
    vi.stubEnv('KUBE_EDITOR', 'sed -i s/tier:.web/tier:\\ db/');
    await kubectl('edit', 'vm', 'static-address-vm');
    expect(await field('vm/static-address-vm', '{.metadata.labels.tier}')).toBe('db');
    const conflict = await cluster.kubectl(['apply', '--server-side', '-f', '-'], changed);
    expect([conflict.status, conflict.stderr]).toEqual([
      1,
      expect.stringMatching(/conflict with "kubectl-edit".*\.metadata\.labels\.tier/),
    ]);
  });

  test('deletes a namespace whose machines run, with all of them', async () => {
    const own = `${namespace}-2`;
    await cluster.must(['create', 'namespace', own]);
    await cluster.must(['apply', '-n', own, '-f', example('8.2.1-masquerade.yaml')]);
    await cluster.must(['wait', '-n', own, 'vmi/example-vm', '--for=condition=Ready', '--timeout=60s']);
    await cluster.must(['delete', 'namespace', own, '--timeout=60s']);
    expect((await cluster.kubectl(['get', 'vm,vmi,pods', '-n', own])).stdout).toBe('');
  });
});
