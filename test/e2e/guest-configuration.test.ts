/** What cloud-init and the virtual hardware of a manifest come to, seen from inside the guest. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bridgeNad, type Cluster, listOf, openCluster, prepare } from './cluster.ts';

const namespace = 'guest-configuration';
let cluster: Cluster;

const userData = (host: string): string =>
  [
    '#cloud-config',
    `hostname: ${host}`,
    'password: s3cret',
    'chpasswd: {expire: false}',
    'ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtest me@example]',
    '',
  ].join('\n');
const networkData = (address: string): string =>
  JSON.stringify({ version: 2, ethernets: { eth0: { dhcp4: true }, eth1: { addresses: [address] } } });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const secret = (name: string, stringData: Readonly<Record<string, string>>): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });

/** A VM with a second card on VLAN 100. */
function vm(
  name: string,
  cloudInitNoCloud: Readonly<Record<string, unknown>>,
  domain: Readonly<Record<string, unknown>> = {},
  devices: Readonly<Record<string, unknown>> = {},
  second: Readonly<Record<string, unknown>> = {},
): string {
  const interfaces = [
    { name: 'default', masquerade: {} },
    { name: 'lan', bridge: {}, ...second },
  ];
  return JSON.stringify({
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name, namespace },
    spec: {
      runStrategy: 'Always',
      template: {
        spec: {
          domain: { memory: { guest: '128Mi' }, ...domain, devices: { interfaces, ...devices } },
          networks: [
            { name: 'default', pod: {} },
            { name: 'lan', multus: { networkName: 'vlan100' } },
          ],
          volumes: [{ name: 'seed', cloudInitNoCloud }],
        },
      },
    },
  });
}

async function inGuest(name: string, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await cluster.guest(namespace, name, script);
  expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
  return stdout.trim();
}

const field = (object: string, jsonpath: string): Promise<string> =>
  cluster.must(['get', '-n', namespace, object, '-o', `jsonpath=${jsonpath}`]);

beforeAll(async () => {
  cluster = await openCluster();
  await prepare(cluster, namespace);
  const manifests = [
    bridgeNad(namespace, 'vlan100', { vlan: 100 }),
    secret('user', { userdata: userData('from-secret') }),
    secret('network', { networkdata: networkData('10.7.0.2/24') }),
    vm('plain', { userData: userData('from-text'), networkData: networkData('10.7.0.1/24') }),
    vm('secret', { secretRef: { name: 'user' }, networkDataSecretRef: { name: 'network' } }),
    vm(
      'base64',
      {
        userDataBase64: base64(userData('from-base64')),
        networkDataBase64: base64(networkData('10.7.0.3/24')),
      },
      { cpu: { cores: 2 } },
      { networkInterfaceMultiqueue: true },
    ),
  ];
  await cluster.must(['create', '-f', '-'], listOf(manifests));
  await cluster.must(['wait', '-n', namespace, 'vm', '--all', '--for=condition=Ready', '--timeout=60s']);
  await cluster.must([
    'wait',
    '-n',
    namespace,
    'vmi',
    '--all',
    '--for=condition=AgentConnected',
    '--timeout=60s',
  ]);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=90s']);
  cluster.close();
});

describe.each([
  ['plain', 'from-text', '10.7.0.1/24'],
  ['secret', 'from-secret', '10.7.0.2/24'],
  ['base64', 'from-base64', '10.7.0.3/24'],
])('cloud-init as %s', (name, host, address) => {
  // The guest's agent connects before cloud-init is through.
  const soon = { timeout: 15_000, interval: 200 };

  test('gives host name, SSH key and password', async () => {
    await expect.poll(() => inGuest(name, 'hostname'), soon).toBe(host);
    await expect
      .poll(() => inGuest(name, 'cat /root/.ssh/authorized_keys || :'), soon)
      .toContain('me@example');
    await expect
      .poll(() => inGuest(name, 'grep ^cloud-user: /etc/shadow || :'), soon)
      .toMatch(/^cloud-user:\$[56y]\$/);
  });

  test('gives addresses', async () => {
    await expect.poll(() => inGuest(name, 'ip -o -4 addr'), soon).toContain('10.0.2.2/24');
    await expect.poll(() => inGuest(name, 'ip -o -4 addr'), soon).toContain(address);
  });
});

test('multiqueue: as many queues as processors, in the guest and in the status', async () => {
  expect(
    await inGuest(
      'base64',
      'nproc; ls -d /sys/class/net/eth0/queues/rx-* /sys/class/net/eth1/queues/tx-* | wc -l',
    ),
  ).toBe('2\n4');
  expect(await field('vmi/base64', '{.status.interfaces[*].queueCount}')).toBe('2 2');
  expect(await field('vmi/plain', '{.status.interfaces[*].queueCount}')).toBe('1 1');
});

test('a running guest’s agent tells its system and its interfaces', async () => {
  const os = JSON.parse(await field('vmi/plain', '{.status.guestOSInfo}'));
  expect(os).toMatchObject({
    id: 'patchbay-guest',
    kernelRelease: expect.stringMatching(/^\d+\.\d+/),
    machine: 'x86_64',
  });
  await expect
    .poll(() => field('vmi/plain', '{.status.interfaces[*].interfaceName}'), { timeout: 15_000 })
    .toBe('eth0 eth1');
  expect(await field('vmi/plain', '{.status.interfaces[*].infoSource}')).toBe(
    'domain, guest-agent domain, guest-agent, multus-status',
  );
});

test('a card without a driver in the default guest is warned of; the machine starts with it', async () => {
  const manifest = vm('e1000e', { networkData: networkData('10.7.0.4/24') }, {}, {}, { model: 'e1000e' });
  const { status, stderr } = await cluster.kubectl(['apply', '-f', '-'], manifest);
  expect([status, stderr]).toEqual([
    0,
    expect.stringMatching(/interfaces\[1\]\.model: the default guest has drivers for virtio alone/),
  ]);
  await cluster.must(['wait', '-n', namespace, 'vm/e1000e', '--for=condition=Ready', '--timeout=60s']);
  await cluster.must([
    'wait',
    '-n',
    namespace,
    'vmi/e1000e',
    '--for=condition=AgentConnected',
    '--timeout=60s',
  ]);
  // 8086:10d3 is there, on the second root port; no driver makes a card of it.
  expect(await inGuest('e1000e', 'cat /sys/bus/pci/devices/0000:02:00.0/device; ls /sys/class/net')).toBe(
    '0x10d3\neth0\nlo',
  );
  expect(await field('vmi/e1000e', '{.status.interfaces[1].infoSource}')).toBe('domain, multus-status');
});
