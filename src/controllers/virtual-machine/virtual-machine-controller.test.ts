import { afterEach, describe, expect, it } from 'vitest';
import { node } from '#api/core/node.ts';
import { type VirtualMachine, virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { ApiError } from '#machinery/errors.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createVmController } from './virtual-machine-controller.ts';

const key = { name: 'vm', namespace: 'default' };
const spec = { domain: { devices: {} } };

function vmWith(fields: Partial<VirtualMachine['spec']>): VirtualMachine {
  const template = { metadata: { labels: { app: 'web' }, annotations: { note: 'x' } }, spec };
  return { metadata: { ...key }, spec: { template, ...fields } };
}

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

async function worldWith(fields: Partial<VirtualMachine['spec']>): Promise<FakeWorld> {
  const world = new FakeWorld((factory, deps) => [createVmController(factory, deps)]);
  open.push(world);
  await world.add(virtualMachine, vmWith(fields));
  world.takeWrites();
  return world.start();
}

const vmi = async (world: FakeWorld): Promise<VirtualMachineInstance | undefined> =>
  (await world.client.list(virtualMachineInstance)).items[0];
const status = async (world: FakeWorld) => (await world.client.get(virtualMachine, key)).status;
const printable = async (world: FakeWorld) => (await status(world))?.printableStatus;

async function become(world: FakeWorld, phase: 'Running' | 'Succeeded' | 'Failed'): Promise<void> {
  const ready = { type: 'Ready', status: phase === 'Running' ? 'True' : 'False' };
  await world.report(virtualMachineInstance, { metadata: key }, { phase, conditions: [ready] });
  await world.run();
}

/** The VMI controller's part: lets a VMI go that is being deleted. */
async function release(world: FakeWorld): Promise<void> {
  const body = { metadata: { finalizers: null } };
  await world.client.patch(virtualMachineInstance, key, { type: 'merge', body });
  await world.run();
}

const ask = async (world: FakeWorld, ...stateChangeRequests: readonly object[]): Promise<void> => {
  await world.report(virtualMachine, { metadata: key }, { stateChangeRequests });
  await world.run();
};

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

  it.each([
    ['Always', true],
    ['RerunOnFailure', true],
    ['Once', true],
    ['Manual', false],
    ['Halted', false],
  ] as const)('%s makes an instance by itself: %s', async (runStrategy, wanted) => {
    const world = await worldWith({ runStrategy });
    await world.run(1000);
    expect([(await vmi(world)) !== undefined, await printable(world)]).toEqual([
      wanted,
      wanted ? 'Starting' : 'Stopped',
    ]);
  });

  it.each([
    ['Always', 'Succeeded', 'again'],
    ['Always', 'Failed', 'again'],
    ['RerunOnFailure', 'Succeeded', 'stopped'],
    ['RerunOnFailure', 'Failed', 'again'],
    ['Once', 'Succeeded', 'left'],
    ['Once', 'Failed', 'left'],
  ] as const)('%s after %s: %s', async (runStrategy, phase, outcome) => {
    const world = await worldWith({ runStrategy });
    const first = (await vmi(world))?.metadata.uid;
    await become(world, 'Running');
    await become(world, phase);
    const ended = await vmi(world);
    expect(ended?.metadata.deletionTimestamp !== undefined).toBe(outcome !== 'left');
    if (outcome !== 'left') {
      await release(world);
      await world.run(15_000);
    }
    const now = (await vmi(world))?.metadata.uid;
    const same = now === first ? 'left' : 'again';
    expect(now === undefined ? 'stopped' : same).toBe(outcome);
  });

  it('backs off 10, 20, 40 s while the instance keeps failing, and forgets after half a minute of running', async () => {
    const world = await worldWith({ runStrategy: 'Always' });
    for (const [index, seconds] of [10, 20, 40].entries()) {
      await become(world, 'Failed');
      await release(world);
      expect(await status(world)).toMatchObject({
        printableStatus: 'CrashLoopBackOff',
        startFailure: { consecutiveFailCount: index + 1 },
      });
      await world.run(seconds * 1000 - 2000);
      expect(await vmi(world)).toBeUndefined();
      await world.run(2000);
      expect(await vmi(world)).toBeDefined();
    }
    await become(world, 'Running');
    expect((await status(world))?.startFailure?.consecutiveFailCount).toBe(3);
    await world.run(120_000);
    expect((await status(world))?.startFailure).toBeUndefined();
  });

  it('remembers the back-off over its own restart', async () => {
    const world = await worldWith({ runStrategy: 'RerunOnFailure' });
    await become(world, 'Failed');
    await world.stop();
    await world.client.patch(virtualMachineInstance, key, {
      type: 'merge',
      body: { metadata: { finalizers: null } },
    });
    await world.start();
    expect([await printable(world), await vmi(world)]).toEqual(['CrashLoopBackOff', undefined]);
    await world.run(11_000);
    expect(await vmi(world)).toBeDefined();
  });

  it('stops when the strategy becomes Halted, and starts again when it becomes Always', async () => {
    const world = await worldWith({ runStrategy: 'Always' });
    await become(world, 'Running');
    await world.client.patch(virtualMachine, key, {
      type: 'merge',
      body: { spec: { runStrategy: 'Halted' } },
    });
    await world.run();
    expect(await printable(world)).toBe('Stopping');
    await release(world);
    expect(await status(world)).toMatchObject({ printableStatus: 'Stopped', created: false, ready: false });
    await world.client.patch(virtualMachine, key, {
      type: 'merge',
      body: { spec: { runStrategy: 'Always' } },
    });
    await world.run(1000);
    expect(await printable(world)).toBe('Starting');
  });

  it('starts, restarts and stops a Manual machine on request', async () => {
    const world = await worldWith({ runStrategy: 'Manual' });
    await ask(world, { action: 'Start', data: { paused: 'true' } });
    const first = await vmi(world);
    expect(first?.spec.startStrategy).toBe('Paused');
    await become(world, 'Running');
    const uid = first?.metadata.uid;
    expect((await status(world))?.stateChangeRequests).toBeUndefined();
    await ask(world, { action: 'Stop', uid }, { action: 'Start' });
    await release(world);
    const second = await vmi(world);
    expect(second !== undefined && second.metadata.uid !== uid).toBe(true);
    await become(world, 'Running');
    await ask(world, { action: 'Stop', uid: second?.metadata.uid });
    await release(world);
    await world.run(60_000);
    expect([await vmi(world), await printable(world)]).toEqual([undefined, 'Stopped']);
  });

  it('ignores a stop meant for an earlier instance', async () => {
    const world = await worldWith({ runStrategy: 'Always' });
    await become(world, 'Running');
    await ask(world, { action: 'Stop', uid: 'another' });
    expect([await printable(world), (await status(world))?.stateChangeRequests]).toEqual([
      'Running',
      undefined,
    ]);
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
