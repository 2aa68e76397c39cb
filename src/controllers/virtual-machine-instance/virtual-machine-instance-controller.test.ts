import { afterEach, describe, expect, it } from 'vitest';
import { type Pod, pod } from '#api/core/pod.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import {
  type VirtualMachineInstance,
  type VirtualMachineInstanceSpec,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { ApiError } from '#machinery/errors.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createVmiController } from './virtual-machine-instance-controller.ts';

const key = { name: 'vm', namespace: 'default' };
const bridge = 'bridge.network.kubevirt.io/br1';

const twoCards: VirtualMachineInstanceSpec = {
  domain: {
    memory: { guest: '192Mi' },
    devices: {
      interfaces: [
        { name: 'default', masquerade: {} },
        { name: 'blue', bridge: {}, macAddress: '02:00:00:00:00:01' },
      ],
    },
  },
  networks: [
    { name: 'default', pod: {} },
    { name: 'blue', multus: { networkName: 'br1-net' } },
  ],
};
const oneCard: VirtualMachineInstanceSpec = { domain: { devices: {} } };

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

async function worldWith(spec: VirtualMachineInstanceSpec, prepare?: (world: FakeWorld) => Promise<unknown>) {
  const world = new FakeWorld((factory, deps) => [createVmiController(factory, deps)]);
  open.push(world);
  await prepare?.(world);
  const finalizers = ['foregroundDeleteVirtualMachine'];
  await world.add(virtualMachineInstance, {
    metadata: { ...key, labels: { app: 'web' }, annotations: { note: 'x' }, finalizers },
    spec,
  });
  world.takeWrites();
  return world.start();
}

const nad = (world: FakeWorld, name = 'br1-net') =>
  world.add(networkAttachmentDefinition, {
    metadata: { name, namespace: 'default', annotations: { 'k8s.v1.cni.cncf.io/resourceName': bridge } },
    spec: { config: '{}' },
  });

const launchers = async (world: FakeWorld): Promise<readonly Pod[]> => (await world.client.list(pod)).items;
async function launcher(world: FakeWorld): Promise<Pod> {
  const [found] = await launchers(world);
  if (found === undefined) {
    throw new Error('there is no launcher pod');
  }
  return found;
}
const vmi = (world: FakeWorld): Promise<VirtualMachineInstance> =>
  world.client.get(virtualMachineInstance, key);

async function bind(world: FakeWorld, node = 'node1'): Promise<void> {
  const { name, namespace } = (await launcher(world)).metadata;
  const binding = { metadata: { name, namespace }, target: { name: node } };
  const kind = { group: '', version: 'v1', kind: 'Binding', plural: 'pods', namespaced: true };
  await world.client.create(kind, binding, { subresource: 'binding' });
  await world.run();
}

const podPhase = async (world: FakeWorld, status: Pod['status']): Promise<void> => {
  await world.report(pod, await launcher(world), status);
  await world.run();
};

describe('VirtualMachineInstance controller', () => {
  it('makes a launcher pod with upstream’s names, labels, annotations and resources', async () => {
    const world = await worldWith(twoCards, (w) => nad(w));
    const { metadata, spec } = await launcher(world);
    const { uid } = (await vmi(world)).metadata;
    expect(metadata.name).toMatch(/^virt-launcher-vm-.{5}$/);
    expect(metadata.labels).toEqual({
      app: 'web',
      'kubevirt.io': 'virt-launcher',
      'kubevirt.io/created-by': uid,
      'vm.kubevirt.io/name': 'vm',
    });
    expect(metadata.ownerReferences).toMatchObject([
      { kind: 'VirtualMachineInstance', uid, controller: true },
    ]);
    expect(metadata.annotations).toMatchObject({ 'kubevirt.io/domain': 'vm', note: 'x' });
    expect(JSON.parse(metadata.annotations?.['k8s.v1.cni.cncf.io/networks'] ?? '')).toEqual([
      { name: 'br1-net', namespace: 'default', mac: '02:00:00:00:00:01', interface: 'pod16477688c0e' },
    ]);
    expect(spec.containers).toMatchObject([
      {
        name: 'compute',
        resources: { requests: { cpu: '100m', memory: '264Mi', [bridge]: '1' }, limits: { [bridge]: '1' } },
      },
    ]);
  });

  it('needs two writes until the node has it, and none after', async () => {
    const world = await worldWith(oneCard);
    await bind(world);
    const { metadata, status } = await vmi(world);
    expect(status).toMatchObject({ phase: 'Scheduled', nodeName: 'node1' });
    expect(metadata.labels?.['kubevirt.io/nodeName']).toBe('node1');
    const writes = world.takeWrites().filter((write) => !write.includes('binding'));
    expect(writes.map((write) => write.replace(/vm-.{5}$/, 'vm'))).toEqual([
      expect.stringMatching(/^create Pod default\/virt-launcher-vm/),
      'patch VirtualMachineInstance default/vm status',
    ]);
    await world.report(virtualMachineInstance, { metadata: key }, { phase: 'Running' });
    await podPhase(world, { phase: 'Running' });
    world.takeWrites();
    await world.run(60_000);
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
  });

  it('makes the pod although a network attachment definition is missing, and says which and how to mend it', async () => {
    const world = await worldWith(twoCards, (w) => nad(w, 'br1-nett'));
    expect((await launcher(world)).spec.containers[0]?.resources?.requests).not.toHaveProperty([bridge]);
    const [condition] = (await vmi(world)).status?.conditions ?? [];
    expect(condition).toMatchObject({
      type: 'Synchronized',
      status: 'False',
      reason: 'NetworkAttachmentDefinitionNotFound',
      message:
        'network "blue": cannot find a network-attachment-definition (br1-net) in namespace (default) as ' +
        'spec.networks[1].multus.networkName asks for; it has: br1-nett. Make a NetworkAttachmentDefinition of that ' +
        'name there, or correct the field.',
    });
    expect(await world.eventReasons()).toEqual(['NetworkAttachmentDefinitionNotFound']);
    await nad(world);
    await world.run();
    expect((await vmi(world)).status?.conditions).toEqual([]);
  });

  it('passes on why no node takes it, and forgets it once one does', async () => {
    const world = await worldWith(oneCard);
    const unschedulable = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: '0/2 nodes',
    } as const;
    await podPhase(world, { conditions: [unschedulable] });
    expect((await vmi(world)).status).toMatchObject({ phase: 'Scheduling', conditions: [unschedulable] });
    await bind(world);
    expect((await vmi(world)).status).toMatchObject({ phase: 'Scheduled', conditions: [] });
  });

  it('makes a waiting pod anew when its network’s resource is mended, which a pod cannot take over', async () => {
    const world = await worldWith(twoCards, (w) => nad(w));
    const first = (await launcher(world)).metadata.uid;
    const told = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: 'no br1',
    } as const;
    await podPhase(world, { conditions: [told] });
    const mended = 'bridge.network.kubevirt.io/br2';
    await world.client.patch(
      networkAttachmentDefinition,
      { name: 'br1-net', namespace: 'default' },
      { type: 'merge', body: { metadata: { annotations: { 'k8s.v1.cni.cncf.io/resourceName': mended } } } },
    );
    await world.run();
    const { metadata, spec } = await launcher(world);
    expect([await launchers(world), metadata.uid === first]).toMatchObject([{ length: 1 }, false]);
    expect(spec.containers[0]?.resources?.requests).toMatchObject({ [mended]: '1' });
  });

  it('passes on why its network cannot be made, and forgets it', async () => {
    const world = await worldWith(oneCard);
    await bind(world);
    const waiting = (fields: object): Pod['status'] => ({
      containerStatuses: [
        {
          name: 'compute',
          ready: false,
          restartCount: 0,
          image: 'x',
          imageID: '',
          state: { waiting: fields },
        },
      ],
    });
    await podPhase(world, waiting({ reason: 'ContainerCreating' }));
    expect((await vmi(world)).status?.conditions ?? []).toEqual([]);
    await podPhase(world, waiting({ reason: 'ContainerCreating', message: 'bridge "br9" does not exist' }));
    expect((await vmi(world)).status?.conditions).toMatchObject([
      { type: 'Synchronized', status: 'False', message: 'bridge "br9" does not exist' },
    ]);
    await podPhase(world, waiting({ reason: 'ContainerCreating' }));
    expect((await vmi(world)).status?.conditions).toEqual([]);
  });

  it('says Scheduling when waiting for a node lasts', async () => {
    const world = await worldWith(oneCard);
    expect((await vmi(world)).status?.phase).toBeUndefined();
    await world.run(3000);
    expect((await vmi(world)).status?.phase).toBe('Scheduling');
  });

  it.each([
    ['Failed', { phase: 'Failed', reason: 'GuestCrashed', message: 'QEMU ended' }, 'GuestCrashed'],
    ['Succeeded', { phase: 'Succeeded' }, 'PodSucceeded'],
  ] as const)('is %s when its pod is', async (phase, podStatus, reason) => {
    const world = await worldWith(oneCard);
    await bind(world);
    await podPhase(world, podStatus);
    const { status } = await vmi(world);
    expect(status).toMatchObject({ phase, reason });
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason,
    });
    expect(await launchers(world)).toHaveLength(1);
  });

  it('is Failed when its pod vanishes from under a running guest, and makes no second pod', async () => {
    const world = await worldWith(oneCard);
    await bind(world);
    await world.report(virtualMachineInstance, { metadata: key }, { phase: 'Running' });
    await world.run();
    await world.client.delete(pod, (await launcher(world)).metadata, { gracePeriodSeconds: 0 });
    await world.run(1000);
    expect([(await vmi(world)).status?.phase, (await launchers(world)).length]).toEqual(['Failed', 0]);
  });

  it('makes another pod when one vanishes that no node had', async () => {
    const world = await worldWith(oneCard);
    const first = (await launcher(world)).metadata.uid;
    await world.client.delete(pod, (await launcher(world)).metadata);
    await world.run();
    const second = (await launcher(world)).metadata.uid;
    expect(second !== undefined && second !== first).toBe(true);
  });

  it('passes on that an image cannot be had, and that it can again', async () => {
    const world = await worldWith(oneCard);
    await bind(world);
    const container = (state: object) => ({
      containerStatuses: [{ name: 'compute', ready: false, restartCount: 0, image: 'x', imageID: '', state }],
    });
    await podPhase(world, container({ waiting: { reason: 'ErrImagePull', message: 'no such image' } }));
    expect((await vmi(world)).status?.conditions).toMatchObject([
      { type: 'Synchronized', reason: 'ErrImagePull' },
    ]);
    await podPhase(world, container({ waiting: null, running: {} }));
    expect((await vmi(world)).status?.conditions).toEqual([]);
  });

  it('stays until its pod is gone when it is deleted', async () => {
    const world = await worldWith({ ...oneCard, terminationGracePeriodSeconds: 5 });
    await bind(world);
    await world.client.delete(virtualMachineInstance, key);
    await world.run();
    expect((await launcher(world)).metadata).toMatchObject({ deletionGracePeriodSeconds: 20 });
    expect((await vmi(world)).metadata.finalizers).toEqual(['foregroundDeleteVirtualMachine']);
    await world.client.delete(pod, (await launcher(world)).metadata, { gracePeriodSeconds: 0 });
    await world.run();
    await expect(vmi(world)).rejects.toThrow('not found');
  });

  it('takes its finalizer on a VMI that somebody made by hand before it makes the pod', async () => {
    const world = new FakeWorld((factory, deps) => [createVmiController(factory, deps)]);
    open.push(world);
    await world.add(virtualMachineInstance, {
      metadata: { ...key, finalizers: ['example.com/mine'] },
      spec: oneCard,
    });
    await world.start();
    expect((await vmi(world)).metadata.finalizers).toEqual([
      'example.com/mine',
      'foregroundDeleteVirtualMachine',
    ]);
    expect(await launchers(world)).toHaveLength(1);
  });

  it('says why its pod was refused', async () => {
    const world = new FakeWorld((factory, deps) => [createVmiController(factory, deps)]);
    open.push(world);
    await world.add(virtualMachineInstance, { metadata: { ...key }, spec: oneCard });
    world.client.intercept = ({ verb, kind }) => {
      if (verb === 'create' && kind === 'Pod') {
        throw new ApiError({ code: 422, reason: 'Invalid', message: 'metadata.labels: too long' });
      }
    };
    await world.start();
    expect((await vmi(world)).status?.conditions).toMatchObject([
      { type: 'Synchronized', status: 'False', reason: 'FailedCreate' },
    ]);
  });

  it.each([0, 1, 2])('makes one pod when it is killed after %i writes', async (allowed) => {
    const world = new FakeWorld((factory, deps) => [createVmiController(factory, deps)]);
    open.push(world);
    await world.add(virtualMachineInstance, { metadata: { ...key }, spec: twoCards });
    let left = allowed;
    world.client.intercept = ({ kind }) => {
      if (kind !== 'Event' && left === 0) {
        throw new Error('killed');
      }
      left -= kind === 'Event' ? 0 : 1;
    };
    await world.start();
    await world.run(100);
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    await bind(world);
    expect([(await launchers(world)).length, (await vmi(world)).status?.phase]).toEqual([1, 'Scheduled']);
    world.takeWrites();
    await world.stop();
    await world.start();
    await world.run(10_000);
    expect(world.takeWrites()).toEqual([]);
  });
});
