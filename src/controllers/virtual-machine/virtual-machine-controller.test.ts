import { afterEach, describe, expect, it } from 'vitest';
import { node } from '#api/core/node.ts';
import { virtualMachine, virtualMachineFinalizer } from '#api/kubevirt.io/virtual-machine.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { ApiError } from '#machinery/errors.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createVmController } from './virtual-machine-controller.ts';
import {
  ask,
  become,
  closeWorlds,
  key,
  open,
  printable,
  release,
  spec,
  status,
  vmi,
  vmWith,
  worldWith,
} from './virtual-machine-world.ts';

afterEach(closeWorlds);

describe('VirtualMachine controller', () => {
  it('makes the instance from the template and writes the status once when it runs', async () => {
    const world = await worldWith({ runStrategy: 'Always' });
    const made = await vmi(world);
    expect(made).toMatchObject({
      metadata: {
        ...key,
        labels: { app: 'web' },
        annotations: { note: 'x', 'kubevirt.io/vm-generation': '1' },
        finalizers: ['foregroundDeleteVirtualMachine'],
        ownerReferences: [
          { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'vm', controller: true },
        ],
      },
      spec,
    });
    await become(world, 'Running');
    await world.run(60_000);
    expect(world.takeWrites()).toEqual([
      'create VirtualMachineInstance default/vm',
      'patch VirtualMachineInstance default/vm status',
      'patch VirtualMachine default/vm status',
    ]);
    expect(await status(world)).toMatchObject({
      created: true,
      ready: true,
      printableStatus: 'Running',
      runStrategy: 'Always',
      observedGeneration: 1,
      conditions: [{ type: 'Ready', status: 'True' }],
    });
  });

  it('says Starting only when starting lasts', async () => {
    const world = await worldWith({ running: true });
    expect(await printable(world)).toBeUndefined();
    await world.run(500);
    expect(await printable(world)).toBe('Starting');
  });

  it('asks for a restart when the template’s spec changes, not for labels, and not when it is put back', async () => {
    const world = await worldWith({ runStrategy: 'Always' });
    await become(world, 'Running');
    const patch = async (template: object) => {
      await world.client.patch(virtualMachine, key, { type: 'merge', body: { spec: { template } } });
      await world.run();
      return (await status(world))?.conditions?.some(({ type }) => type === 'RestartRequired');
    };
    expect([
      await patch({ metadata: { labels: { app: 'other' } } }),
      await patch({ spec: { hostname: 'other' } }),
      await patch({ spec: { hostname: null } }),
    ]).toEqual([false, true, false]);
  });

  it('gives cards a MAC that a restart keeps, but none on the pod network itself', async () => {
    const cards = [
      { name: 'a', masquerade: {} },
      { name: 'b', bridge: {} },
      { name: 'c', bridge: {} },
    ];
    const world = await worldWith({
      runStrategy: 'Always',
      template: {
        spec: {
          domain: { devices: { interfaces: cards } },
          networks: [
            { name: 'a', pod: {} },
            { name: 'b', multus: { networkName: 'net' } },
            { name: 'c', pod: {} },
          ],
        },
      },
    });
    const macs = async () =>
      (await vmi(world))?.spec.domain.devices.interfaces?.map(({ macAddress }) => macAddress);
    const first = (await macs()) ?? [];
    expect([new Set(first).size, first[0], first[2]]).toEqual([
      3,
      expect.stringMatching(/^.[26ae]:/),
      undefined,
    ]);
    await become(world, 'Succeeded');
    await release(world);
    expect(await macs()).toEqual(first);
  });

  it.each([
    [[], true],
    [['orphan'], false],
  ] as const)('deleted with %j, takes its instance with it: %s', async (others, taken) => {
    const world = new FakeWorld((factory, deps) => [createVmController(factory, deps)]);
    open.push(world);
    const vm = vmWith({ runStrategy: 'Always' });
    const finalizers = [virtualMachineFinalizer, ...others];
    await world.add(virtualMachine, { ...vm, metadata: { ...vm.metadata, finalizers } });
    await world.start();
    await become(world, 'Running');
    await world.client.delete(virtualMachine, key);
    await world.run();
    expect((await vmi(world))?.metadata.deletionTimestamp !== undefined).toBe(taken);
    expect(await world.client.list(virtualMachine)).toMatchObject({ items: [{ metadata: { finalizers } }] });
    if (taken) {
      expect(await printable(world)).toBe('Terminating');
      await release(world);
      expect((await world.client.list(virtualMachine)).items).toEqual([]);
    } else {
      const body = { metadata: { ownerReferences: null } };
      await world.client.patch(virtualMachineInstance, key, { type: 'merge', body });
      await world.run();
      const [left] = (await world.client.list(virtualMachine)).items;
      expect([left?.metadata.finalizers, (await vmi(world))?.metadata.deletionTimestamp]).toEqual([
        ['orphan'],
        undefined,
      ]);
    }
  });

  it.each(['Always', 'Once', 'Manual'] as const)(
    '%s: an instance that never got to run is replaced when the template is mended',
    async (runStrategy) => {
      const world = await worldWith({ runStrategy });
      await ask(world, ...(runStrategy === 'Manual' ? [{ action: 'Start' }] : []));
      const first = (await vmi(world))?.metadata.uid;
      const unschedulable = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' };
      await world.report(
        virtualMachineInstance,
        { metadata: key },
        { phase: 'Scheduling', conditions: [unschedulable] },
      );
      const body = { spec: { template: { spec: { hostname: 'other' } } } };
      await world.client.patch(virtualMachine, key, { type: 'merge', body });
      await world.run();
      await release(world);
      const { metadata, spec } = (await vmi(world)) ?? {};
      expect([metadata?.uid === first, spec?.hostname]).toEqual([false, 'other']);
      await world.run(1000);
      expect((await status(world))?.stateChangeRequests).toBeUndefined();
    },
  );

  it('shows what its instance says: unschedulable, paused, image, node lost', async () => {
    const world = await worldWith({ runStrategy: 'Always' });
    await world.add(node, {
      metadata: { name: 'node1' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    const seen: unknown[] = [];
    for (const told of [
      {
        phase: 'Scheduling',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no room' }],
      },
      { phase: 'Scheduled', conditions: [{ type: 'Synchronized', status: 'False', reason: 'ErrImagePull' }] },
      { phase: 'Running', nodeName: 'node1', conditions: [{ type: 'Ready', status: 'True' }] },
      { conditions: [{ type: 'Paused', status: 'True' }] },
    ]) {
      await world.report(virtualMachineInstance, { metadata: key }, told);
      await world.run();
      seen.push(await printable(world));
    }
    await world.report(
      node,
      { metadata: { name: 'node1' } },
      { conditions: [{ type: 'Ready', status: 'Unknown' }] },
    );
    await world.run();
    expect([...seen, await printable(world)]).toEqual([
      'ErrorUnschedulable',
      'ErrImagePull',
      'Running',
      'Paused',
      'Unknown',
    ]);
  });

  it('says in a condition why its instance was refused, and goes on when it is taken', async () => {
    const world = new FakeWorld((factory, deps) => [createVmController(factory, deps)]);
    open.push(world);
    await world.add(virtualMachine, vmWith({ runStrategy: 'Always' }));
    world.client.intercept = ({ verb, kind }) => {
      if (verb === 'create' && kind === 'VirtualMachineInstance') {
        throw new ApiError({ code: 403, reason: 'Forbidden', message: 'exceeded quota' });
      }
    };
    await world.start();
    expect(await status(world)).toMatchObject({
      printableStatus: 'Provisioning',
      conditions: [{ type: 'Ready' }, { type: 'Failure', status: 'True', reason: 'FailedCreate' }],
    });
    expect(await world.eventReasons()).toEqual(['FailedCreate']);
    world.client.intercept = undefined;
    await world.client.patch(virtualMachine, key, {
      type: 'merge',
      body: { metadata: { labels: { again: 'yes' } } },
    });
    await world.run(1000);
    expect(await printable(world)).toBe('Starting');
  });

  it('leaves an instance alone that is not its own', async () => {
    const world = new FakeWorld((factory, deps) => [createVmController(factory, deps)]);
    open.push(world);
    await world.add(virtualMachineInstance, { metadata: { ...key }, spec });
    await world.add(virtualMachine, vmWith({ running: false }));
    await world.start();
    expect((await vmi(world))?.metadata.deletionTimestamp).toBeUndefined();
    expect((await status(world))?.conditions?.[1]).toMatchObject({ type: 'Failure', reason: 'FailedCreate' });
  });

  it.each([0, 1, 2])('converges when it is killed after %i writes', async (allowed) => {
    const world = new FakeWorld((factory, deps) => [createVmController(factory, deps)]);
    open.push(world);
    await world.add(virtualMachine, vmWith({ runStrategy: 'Always' }));
    world.takeWrites();
    let left = allowed;
    world.client.intercept = () => {
      if (left === 0) {
        throw new Error('killed');
      }
      left -= 1;
    };
    await world.start();
    await world.run(500);
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    await world.run(1000);
    expect(world.takeWrites().toSorted()).toEqual([
      'create VirtualMachineInstance default/vm',
      'patch VirtualMachine default/vm status',
    ]);
    await world.stop();
    await world.start();
    await world.run(10_000);
    expect(world.takeWrites()).toEqual([]);
  });
});
