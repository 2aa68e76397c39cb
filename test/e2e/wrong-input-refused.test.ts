/** What a new user gets wrong and the API refuses: with field, value, what is allowed, and a remedy. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, openCluster } from './cluster.ts';
import { cloudInit, nad, namespace, podCard, podNetwork, policy, vm } from './manifests.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
  await cluster.must(['create', 'namespace', namespace]);
});

afterAll(async () => {
  await cluster.must(['delete', 'namespace', namespace, '--timeout=90s']);
  cluster.close();
});

describe('refused, with field, value and remedy', () => {
  test.each<readonly [string, string, RegExp]>([
    [
      'bad MAC',
      vm('a', { interfaces: [{ ...podCard, macAddress: 'zz:00:11:22:33:44' }] }),
      /interfaces\[0\]\.macAddress: Invalid value: "zz:00:11:22:33:44": .*such as 02:00/,
    ],
    [
      'port 70000',
      vm('a', { interfaces: [{ ...podCard, ports: [{ port: 70000 }] }] }),
      /ports\[0\]\.port: Invalid value: 70000: .*0 < port < 65536/,
    ],
    [
      'VM name too long',
      vm('a'.repeat(64)),
      /metadata\.name: Invalid value: .*no more than 63 characters, has 64.*shorter/,
    ],
    [
      'two networks with one name',
      vm('a', {
        interfaces: [podCard, { name: 'default', bridge: {} }],
        networks: [podNetwork, { name: 'default', multus: { networkName: 'n' } }],
      }),
      /networks\[1\]\.name: Duplicate value: "default".*rename/,
    ],
    [
      'interface without network',
      vm('a', { interfaces: [podCard, { name: 'lan', bridge: {} }] }),
      /interfaces\[1\]\.name: Invalid value: "lan": not found among .*networks \(default\); add a network/,
    ],
    [
      'network without interface',
      vm('a', { networks: [podNetwork, { name: 'lan', multus: { networkName: 'n' } }] }),
      /networks\[1\]\.name: Required value: "lan" not found among .*add an interface/,
    ],
    [
      'masquerade on a multus network',
      vm('a', {
        interfaces: [{ name: 'lan', masquerade: {} }],
        networks: [{ name: 'lan', multus: { networkName: 'n' } }],
      }),
      /masquerade is only possible on the pod network; use bridge/,
    ],
    [
      'unknown field',
      vm('a', { interfaces: [{ ...podCard, macAdress: '02:00:00:00:00:01' }] }),
      /unknown field ".*interfaces\[0\]\.macAdress" \(did you mean "macAddress"\?\)/,
    ],
    [
      'printed without template',
      vm('a', { spec: { domain: { devices: {} } } }),
      /unknown field "spec\.domain" \(it belongs under spec\.template\.spec/,
    ],
    [
      'hot-plug example as printed, its template beside the metadata',
      JSON.stringify({ ...JSON.parse(vm('a')), spec: undefined, template: { spec: {} } }),
      /unknown field "template" \(it belongs under spec; check the indentation\)/,
    ],
    [
      'DPDK example as printed, its cards beside the devices',
      vm('a', { template: { domain: { devices: {}, interfaces: [podCard] } } }),
      /unknown field "spec\.template\.spec\.domain\.interfaces" \(it belongs under spec\.template\.spec\.domain\.devices/,
    ],
    [
      'running and runStrategy',
      vm('a', { spec: { running: true } }),
      /spec\.running: Forbidden: .*keep runStrategy: Always/,
    ],
    [
      'neither of them, as printed',
      vm('a', { spec: { runStrategy: undefined } }),
      /spec\.runStrategy: Required value: .*add runStrategy/,
    ],
    [
      'memory of 1Ki',
      vm('a', { guest: '1Ki' }),
      /memory\.guest: Invalid value: "1Ki": must be at least .*512Mi/,
    ],
    [
      'cloud-init with two sources',
      vm('a', { template: cloudInit({ userData: '#cloud-config', userDataBase64: 'aGk=' }) }),
      /userDataBase64: Forbidden: .*exclude each other/,
    ],
    [
      'NAD with broken JSON',
      nad('a', '{"cniVersion": "0.3.1", "type": "bridge",'),
      /spec\.config: Invalid value: .*not valid JSON: line 1, column/,
    ],
    [
      'NAD type with a path',
      nad('a', { type: '../../bin/x' }),
      /spec\.config\.type: Invalid value: "\.\.\/\.\.\/bin\/x": must be the bare name/,
    ],
    ['VLAN 4095', nad('a', { vlan: 4095 }), /spec\.config\.vlan: Invalid value: 4095: .*0 to 4094/],
    [
      'misspelt NNCP type',
      policy('a', { type: 'linux-brige' }),
      /interfaces\[0\]\.type: Unsupported value: "linux-brige".*did you mean "linux-bridge"/,
    ],
    [
      'misspelt NNCP key',
      policy('a', { brigde: { port: [{ name: 'eth2' }] } }),
      /interfaces\[0\]\.brigde: Invalid value: .*did you mean "bridge"/,
    ],
  ])('%s', async (_what, manifest, expected) => {
    const { status, stderr } = await cluster.kubectl(['apply', '-f', '-'], manifest);
    expect([status, stderr]).toEqual([1, expect.stringMatching(expected)]);
  });

  test('an unknown field is taken with a warning, or silently, as --validate asks', async () => {
    const manifest = vm('lenient', {
      interfaces: [{ ...podCard, macAdress: 'x' }],
      spec: { runStrategy: 'Halted' },
    });
    const warned = await cluster.kubectl(['apply', '--validate=warn', '-f', '-'], manifest);
    expect([warned.status, warned.stderr]).toEqual([
      0,
      expect.stringContaining('did you mean "macAddress"?'),
    ]);
    const silent = await cluster.kubectl(['apply', '--validate=false', '-f', '-'], manifest);
    expect([silent.status, silent.stderr]).toEqual([0, expect.not.stringContaining('macAdress')]);
    const stored = await cluster.must(['get', 'vm', '-n', namespace, 'lenient', '-o', 'json']);
    expect(JSON.parse(stored).spec.template.spec.domain.devices.interfaces).toEqual([podCard]);
  });
});
