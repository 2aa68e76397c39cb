import { describe, expect, it } from 'vitest';
import type { VirtualMachineInstanceSpec } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { launcherNetworks, nadKey, podInterfaceName } from './networks.ts';
import { launcherResources } from './resources.ts';

type Domain = Partial<VirtualMachineInstanceSpec['domain']>;
const specWith = (domain: Domain): VirtualMachineInstanceSpec => ({ domain: { devices: {}, ...domain } });

describe('launcherResources', () => {
  const cases: readonly (readonly [string, Domain, readonly string[], object])[] = [
    ['nothing asked for', {}, [], { requests: { cpu: '100m', memory: '328Mi' } }],
    ['guest memory', { memory: { guest: '1Gi' } }, [], { requests: { cpu: '100m', memory: '1096Mi' } }],
    [
      'a request as guest memory',
      { resources: { requests: { memory: '1024M' } } },
      [],
      { requests: { cpu: '100m', memory: '1073728Ki' } },
    ],
    [
      'eight CPUs',
      { cpu: { sockets: 2, cores: 2, threads: 2 }, memory: { guest: '64Mi' } },
      [],
      { requests: { cpu: '800m', memory: '192Mi' } },
    ],
    [
      'a request for CPU',
      { memory: { guest: '64Mi' }, resources: { requests: { cpu: '2' } } },
      [],
      { requests: { cpu: '2', memory: '136Mi' } },
    ],
    [
      'less memory than the guest sees',
      { memory: { guest: '4Gi' }, resources: { requests: { memory: '1Gi' } } },
      [],
      { requests: { cpu: '100m', memory: '1096Mi' } },
    ],
    [
      'no overhead',
      { memory: { guest: '1Gi' }, resources: { overcommitGuestOverhead: true } },
      [],
      { requests: { cpu: '100m', memory: '1Gi' } },
    ],
    [
      'huge pages',
      { memory: { guest: '2Gi', hugepages: { pageSize: '1Gi' } } },
      [],
      { requests: { cpu: '100m', memory: '72Mi', 'hugepages-1Gi': '2Gi' } },
    ],
    [
      'limits',
      { memory: { guest: '64Mi' }, resources: { limits: { memory: '128Mi', cpu: '1' } } },
      [],
      { requests: { cpu: '100m', memory: '136Mi' }, limits: { memory: '200Mi', cpu: '1' } },
    ],
    [
      'CPUs of its own',
      { cpu: { cores: 2, dedicatedCpuPlacement: true }, memory: { guest: '64Mi' } },
      [],
      { requests: { cpu: '2', memory: '144Mi' }, limits: { cpu: '2' } },
    ],
    [
      'two cards on one resource',
      { memory: { guest: '64Mi' } },
      ['x/a', 'x/b', 'x/a'],
      {
        requests: { cpu: '100m', memory: '136Mi', 'x/a': '2', 'x/b': '1' },
        limits: { 'x/a': '2', 'x/b': '1' },
      },
    ],
  ];
  it.each(cases)('%s', (_name, domain, attached, wanted) => {
    expect(launcherResources(specWith(domain), attached)).toEqual(wanted);
  });
});

describe('launcher networks', () => {
  it('hashes the names of networks as upstream does', () => {
    expect([podInterfaceName('blue'), podInterfaceName('red').length]).toEqual(['pod16477688c0e', 14]);
  });

  it.each([
    ['a', 'default', 'a'],
    ['other/a', 'other', 'a'],
  ])('reads %s as %s/%s', (networkName, namespace, name) => {
    expect(nadKey(networkName, 'default')).toEqual({ name, namespace });
  });

  it.each<[string, object, string | undefined, object | undefined]>([
    ['nothing asked', { binding: { name: 'l2bridge' } }, undefined, undefined],
    ['of masquerade', { masquerade: {}, macAddress: '02:00:00:00:00:01' }, '{"a":["10.1.0.5"]}', undefined],
    [
      'addresses and MAC',
      { binding: { name: 'l2bridge' }, macAddress: '02:00:00:00:00:01' },
      '{"a":["10.1.0.5/24","fd10::5"]}',
      { ips: ['10.1.0.5/24', 'fd10::5'], mac: '02:00:00:00:00:01' },
    ],
    ['of another card', { binding: { name: 'l2bridge' } }, '{"b":["10.1.0.5"]}', undefined],
    ['unreadable', { binding: { name: 'l2bridge' } }, 'a: 10.1.0.5', { ips: ['a: 10.1.0.5'] }],
    ['no list', { binding: { name: 'l2bridge' } }, '{"a":"10.1.0.5"}', { ips: ['{"a":"10.1.0.5"}'] }],
  ])('asks for addresses of a primary network: %s', (_name, card, addresses, wanted) => {
    const spec = {
      domain: { devices: { interfaces: [{ name: 'a', ...card }] } },
      networks: [{ name: 'a', pod: {} }],
    };
    const asked = addresses === undefined ? {} : { 'network.kubevirt.io/addresses': addresses };
    const { annotations } = launcherNetworks(spec, 'default', () => undefined, 'vm', asked);
    const choice = annotations['v1.multus-cni.io/default-network'];
    const element = { name: 'default', namespace: 'ovn-kubernetes', ...wanted };
    expect(choice === undefined ? undefined : JSON.parse(choice)).toEqual(
      wanted === undefined ? undefined : [element],
    );
  });

  it('keeps order, leaves absent cards out, and names the network that replaces the pod’s', () => {
    const networks = [
      { name: 'a', multus: { networkName: 'net', default: true } },
      { name: 'b', multus: { networkName: 'x/net' } },
      { name: 'c', multus: { networkName: 'net' } },
      { name: 'd', multus: { networkName: 'net' } },
    ];
    const interfaces = [{ name: 'a' }, { name: 'b' }, { name: 'c', state: 'absent' }, { name: 'd' }];
    const spec = { domain: { devices: { interfaces } }, networks };
    const made = launcherNetworks(spec, 'default', () => undefined);
    expect(made.annotations['v1.multus-cni.io/default-network']).toBe('default/net');
    expect(JSON.parse(made.annotations['k8s.v1.cni.cncf.io/networks'] ?? '')).toEqual([
      { name: 'net', namespace: 'x', interface: podInterfaceName('b') },
      { name: 'net', namespace: 'default', interface: podInterfaceName('d') },
    ]);
    expect(made.missing.map(({ field }) => field)).toEqual([
      'spec.networks[0].multus.networkName',
      'spec.networks[1].multus.networkName',
      'spec.networks[3].multus.networkName',
    ]);
  });
});
