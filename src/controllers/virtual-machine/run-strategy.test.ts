import { afterEach, describe, expect, it } from 'vitest';
import { virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import {
  ask,
  become,
  closeWorlds,
  key,
  printable,
  release,
  status,
  vmi,
  worldWith,
} from './virtual-machine-world.ts';

afterEach(closeWorlds);

describe('run strategies', () => {
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

  it('starts again at once when the guest was lost with its node', async () => {
    const world = await worldWith({ runStrategy: 'Always' });
    await become(world, 'Running');
    await world.report(virtualMachineInstance, { metadata: key }, { phase: 'Failed', reason: 'GuestLost' });
    await world.run();
    await release(world);
    expect([(await vmi(world))?.status?.phase, (await status(world))?.startFailure]).toEqual([
      undefined,
      undefined,
    ]);
    expect(await vmi(world)).toBeDefined();
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
});
