import { describe, expect, it } from 'vitest';
import { node } from '../core/node.ts';
import { networkAttachmentDefinition } from '../k8s.cni.cncf.io/network-attachment-definition.ts';
import { briefly, requestFor, type Stored } from '../testing.ts';
import { type VirtualMachine, virtualMachine } from './virtual-machine.ts';
import { type VirtualMachineInstance, virtualMachineInstance } from './virtual-machine-instance.ts';

type InstanceSpec = VirtualMachineInstance['spec'];

const memory = { guest: '128Mi' };

function vm(
  spec: Partial<VirtualMachine['spec']> = {},
  instance: Partial<InstanceSpec> = {},
): VirtualMachine {
  const template = { spec: { domain: { devices: {}, memory }, ...instance } };
  return {
    metadata: { name: 'example-vm', namespace: 'default' },
    spec: { runStrategy: 'Always', template, ...spec },
  };
}

function vmi(spec: Partial<InstanceSpec> = {}): VirtualMachineInstance {
  return {
    metadata: { name: 'example-vm', namespace: 'default' },
    spec: { domain: { devices: {}, memory }, ...spec },
  };
}

const onBridge = (networkName: string): Partial<InstanceSpec> => ({
  domain: { devices: { interfaces: [{ name: 'net', bridge: {} }] }, memory },
  networks: [{ name: 'net', multus: { networkName } }],
  volumes: [{ name: 'disk', containerDisk: { image: 'localhost/guest:1' } }],
});

const bridgeNetwork: Stored = [
  networkAttachmentDefinition,
  { metadata: { name: 'bridge-network', namespace: 'default' } },
];

describe('admission of a VirtualMachine', () => {
  it.each([
    ['neither running nor runStrategy', vm({ runStrategy: undefined }), ['Required spec.runStrategy']],
    ['both', vm({ running: true }), ['Forbidden spec.running']],
    ['running alone', vm({ running: false, runStrategy: undefined }), []],
    ['runStrategy alone', vm(), []],
    ['name of 64 characters', { ...vm(), metadata: { name: 'a'.repeat(64) } }, ['Invalid metadata.name']],
    ['name of 63 characters', { ...vm(), metadata: { name: 'a'.repeat(63) } }, []],
    [
      'interface without network',
      vm({}, { domain: { devices: { interfaces: [{ name: 'a', bridge: {} }] }, memory } }),
      ['Invalid spec.template.spec.domain.devices.interfaces[0].name'],
    ],
    [
      'volume that no disk shows',
      vm({}, { volumes: [{ name: 'c', cloudInitNoCloud: { userData: 'x' } }] }),
      [],
    ],
  ] as const)('%s', (_what, object, causes) => {
    expect(briefly(virtualMachine.validate?.(requestFor(object)) ?? [])).toEqual(causes);
  });

  it('says the limit of a name and why', () => {
    const [cause] =
      virtualMachine.validate?.(requestFor({ ...vm(), metadata: { name: 'a'.repeat(80) } })) ?? [];
    expect(cause?.message).toMatch(/no more than 63 characters, has 80.*virt-launcher/);
  });

  it('lets an update pass that leaves a spec which is no longer allowed', () => {
    const old = vm({ running: true });
    const object = { ...old, metadata: { ...old.metadata, finalizers: [] } };
    expect(virtualMachine.validate?.(requestFor(object, { operation: 'UPDATE', old }))).toEqual([]);
    const changed = vm({ running: false });
    expect(virtualMachine.validate?.(requestFor(changed, { operation: 'UPDATE', old }))).toHaveLength(1);
  });

  it('leaves networks to the instance, so that they follow the template', () => {
    const { spec } = virtualMachine.mutate?.(requestFor(vm())) ?? vm();
    expect(spec.template.spec.networks).toBeUndefined();
    expect(spec.template.spec.domain.machine?.type).toMatch(/^(q35|virt|s390-ccw-virtio)$/);
  });

  it('holds a virtual machine until its guest is gone, unless it is being deleted', () => {
    const finalizers = ['kubevirt.io/virtualMachineControllerFinalize'];
    const mutated = (object: VirtualMachine) =>
      virtualMachine.mutate?.(requestFor(object))?.metadata.finalizers;
    expect(mutated(vm())).toEqual(finalizers);
    expect(mutated({ ...vm(), metadata: { name: 'a', finalizers } })).toEqual(finalizers);
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(mutated({ ...vm(), metadata: { name: 'a', deletionTimestamp } })).toBeUndefined();
  });

  const warnings = (object: VirtualMachine, stored: readonly Stored[] = []) =>
    virtualMachine.warn?.(requestFor(object, {}, stored)) ?? [];

  it.each([
    ['nothing', vm({}, onBridge('bridge-network')), []],
    [
      'a missing attachment',
      vm({}, onBridge('other')),
      [/networks\[0\]\.multus\.networkName: .*default\/other/],
    ],
    ['a misspelt attachment', vm({}, onBridge('brigde-network')), [/did you mean "bridge-network"\?/]],
    ['a missing namespace', vm({}, onBridge('ns/x')), [/ns\/x \(the namespace has none\)/]],
    ['running', vm({ running: true, runStrategy: undefined }, onBridge('bridge-network')), [/deprecated/]],
    ['no bootable disk', vm({}, { ...onBridge('bridge-network'), volumes: [] }), [/default guest/]],
    [
      'a card without a driver, and a second cloud-init volume',
      vm(
        {},
        {
          domain: {
            memory: { guest: '128Mi' },
            devices: { interfaces: [{ name: 'default', masquerade: {}, model: 'e1000e' }] },
          },
          networks: [{ name: 'default', pod: {} }],
          volumes: [
            { name: 'a', cloudInitNoCloud: { userData: '#cloud-config' } },
            { name: 'b', cloudInitConfigDrive: { userData: '#cloud-config' } },
          ],
        },
      ),
      [/default guest/, /interfaces\[0\]\.model: .*e1000e/, /volumes\[1\]: "b" is a second/],
    ],
  ] as const)('warns about %s', (_what, object, expected) => {
    const told = warnings(object, [bridgeNetwork]);
    expect(told).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(told[index]).toMatch(pattern);
  });

  it('warns about an attachment of another namespace, but not of default', () => {
    const foreign: Stored = [networkAttachmentDefinition, { metadata: { name: 'net', namespace: 'other' } }];
    expect(warnings(vm({}, onBridge('other/net')), [foreign])).toEqual([
      expect.stringContaining('another namespace'),
    ]);
    const object = {
      ...vm({}, onBridge('default/bridge-network')),
      metadata: { name: 'a', namespace: 'tenant' },
    };
    expect(warnings(object, [bridgeNetwork])).toEqual([]);
  });

  it('warns about reserved ports and about ports that nobody reads', () => {
    const masquerade = {
      name: 'default',
      masquerade: {},
      ports: [{ port: 80 }, { port: 49152 }, { port: 49153 }],
    };
    const bridge = { name: 'net', bridge: {}, ports: [{ port: 22 }] };
    const networks = [
      { name: 'default', pod: {} },
      { name: 'net', multus: { networkName: 'bridge-network' } },
    ];
    const { volumes } = onBridge('');
    const object = vm(
      {},
      { domain: { devices: { interfaces: [masquerade, bridge] }, memory }, networks, volumes },
    );
    expect(warnings(object, [bridgeNetwork]).map((text) => text.split(':')[0])).toEqual([
      'spec.template.spec.domain.devices.interfaces[0].ports[1].port',
      'spec.template.spec.domain.devices.interfaces[0].ports[2].port',
      'spec.template.spec.domain.devices.interfaces[1].ports',
    ]);
  });

  it('does not warn about a kernel that is booted directly', () => {
    const container = { image: 'x', kernelPath: '/vmlinuz' };
    const domain = { devices: {}, memory, firmware: { kernelBoot: { container } } };
    expect(warnings(vm({}, { domain }), [[node, { metadata: { name: 'node1' } }]])).toEqual([]);
  });
});

describe('admission of a VirtualMachineInstance', () => {
  const defaulted = (object: VirtualMachineInstance) =>
    (virtualMachineInstance.mutate?.(requestFor(object)) ?? object).spec;

  it('adds the pod network behind masquerade when none is named', () => {
    const { networks, domain } = defaulted(vmi());
    expect(networks).toEqual([{ name: 'default', pod: {} }]);
    expect(domain.devices.interfaces).toEqual([{ name: 'default', masquerade: {} }]);
  });

  it('adds none when autoattachPodInterface is false, or any is named', () => {
    const devices = { autoattachPodInterface: false };
    expect(defaulted(vmi({ domain: { devices, memory } })).networks).toBeUndefined();
    const half = defaulted(vmi({ networks: [{ name: 'net', multus: { networkName: 'a' } }] }));
    expect(half.domain.devices.interfaces).toBeUndefined();
    expect(half.networks).toHaveLength(1);
  });

  it('fills in memory, CPUs, pull policy and disks', () => {
    const resources = { requests: { memory: '1Gi', cpu: '1500m' } };
    const volumes = [
      { name: 'a', containerDisk: { image: 'registry.example/a' } },
      { name: 'b', containerDisk: { image: 'registry.example/b:1' } },
    ];
    const spec = defaulted(vmi({ domain: { devices: { disks: [{ name: 'b' }] }, resources }, volumes }));
    expect(spec.domain.memory).toEqual({ guest: '1Gi' });
    expect(spec.domain.cpu).toEqual({ sockets: 2, cores: 1, threads: 1 });
    expect(spec.volumes?.map(({ containerDisk }) => containerDisk?.imagePullPolicy)).toEqual([
      'Always',
      'IfNotPresent',
    ]);
    expect(spec.domain.devices.disks).toEqual([{ name: 'b' }, { name: 'a', disk: { bus: 'virtio' } }]);
  });

  it('changes nothing when applied again', () => {
    const once = { ...vmi(), spec: defaulted(vmi()) };
    expect(defaulted(once)).toEqual(once.spec);
  });

  it('lets only the system change the spec', () => {
    const old = vmi();
    const object = vmi({ hostname: 'other' });
    const as = (name: string) =>
      virtualMachineInstance.validate?.(
        requestFor(object, { operation: 'UPDATE', old, user: { name, groups: [] } }),
      );
    expect(briefly(as('system:admin') ?? [])).toEqual(['Forbidden spec']);
    expect(as('system:patchbay:control-plane')).toEqual([]);
  });

  it('warns only whoever wrote it', () => {
    expect(virtualMachineInstance.warn?.(requestFor(vmi()))).toHaveLength(1);
    const owner = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachine',
      name: 'a',
      uid: 'b',
      controller: true,
    };
    const object = { ...vmi(), metadata: { ...vmi().metadata, ownerReferences: [owner] } };
    expect(virtualMachineInstance.warn?.(requestFor(object))).toEqual([]);
  });
});
