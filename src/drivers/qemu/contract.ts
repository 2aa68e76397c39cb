/** What every QEMU driver does; run by the unit tests on the fake and by the integration tests on QEMU. */
import { expect, it } from 'vitest';
import type { Operation } from '#node-state/resource.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';
import type { VmDriver, VmEvent } from './driver.ts';

/** What the suite needs: a driver, and a machine that can be started where it runs (`paused`, one NIC `a`). */
export interface VmContractSubject {
  readonly driver: () => VmDriver;
  readonly machine: () => VirtualMachineState;
}

/** Declares the suite's tests; they build on each other. */
export function vmDriverContract(subject: VmContractSubject): void {
  const events: VmEvent[] = [];
  const create = async (): Promise<void> => {
    const outcomes = await subject.driver().apply([{ op: 'create', to: subject.machine() }]);
    expect(outcomes.map((outcome) => outcome.error)).toEqual([undefined]);
  };

  it('has nothing in a scope that does not exist', async () => {
    expect(await subject.driver().observe('no-such-scope')).toEqual([]);
    expect(await subject.driver().info('no-such-machine')).toBeUndefined();
  });

  it('creates a machine, tells so, and observes it as it was wanted', async () => {
    subject.driver().onEvent((event) => events.push(event));
    await create();
    const machine = subject.machine();
    expect(await subject.driver().observe(machine.netns)).toEqual([machine]);
    expect(await subject.driver().info(machine.uid)).toMatchObject({
      status: 'paused',
      agentConnected: false,
    });
    expect(events).toEqual([{ type: 'status', status: 'paused', uid: machine.uid, netns: machine.netns }]);
  });

  it('creates it once only', async () => {
    const before = await subject.driver().info(subject.machine().uid);
    await create();
    expect(await subject.driver().info(subject.machine().uid)).toEqual(before);
  });

  it('unplugs a cable while the machine runs', async () => {
    const from = subject.machine();
    const to = { ...from, nics: from.nics.map((nic) => ({ ...nic, linkUp: false })) };
    expect((await subject.driver().apply([{ op: 'update', from, to }]))[0]?.error).toBeUndefined();
    expect(await subject.driver().observe(from.netns)).toEqual([to]);
  });

  it('says that other changes need a restart, and what it is that changed', async () => {
    const from = subject.machine();
    const [outcome] = await subject.driver().apply([{ op: 'update', from, to: { ...from, memoryMiB: 512 } }]);
    expect(outcome?.error).toMatchObject({ reason: 'RestartRequired' });
    expect(outcome?.error?.message).toContain('memoryMiB');
  });

  it('resumes and pauses', async () => {
    const { uid } = subject.machine();
    await subject.driver().resume(uid);
    await expect.poll(async () => (await subject.driver().info(uid))?.status).toBe('running');
    await subject.driver().pause(uid);
    await expect.poll(async () => (await subject.driver().info(uid))?.status).toBe('paused');
  });

  it('keeps a killed machine as exited until it is deleted', async () => {
    const { uid, netns } = subject.machine();
    await subject.driver().kill(uid);
    expect(await subject.driver().info(uid)).toMatchObject({ status: 'exited', pid: 0 });
    expect(await subject.driver().observe(netns)).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'status', status: 'exited' });
  });

  it('deletes it, and what is gone already counts as success', async () => {
    const from = subject.machine();
    for (let i = 0; i < 2; i++) {
      expect((await subject.driver().apply([{ op: 'delete', from }]))[0]?.error).toBeUndefined();
    }
    expect(await subject.driver().observe(from.netns)).toEqual([]);
    await expect(subject.driver().pause(from.uid)).rejects.toMatchObject({ reason: 'VmNotFound' });
  });

  it('holds a guest back until it is told to begin', async () => {
    const held = { ...subject.machine(), paused: false, held: true };
    const carryOut = async (operation: Operation<VirtualMachineState>) =>
      expect((await subject.driver().apply([operation]))[0]?.error).toBeUndefined();
    await carryOut({ op: 'create', to: held });
    expect(await subject.driver().info(held.uid)).toMatchObject({ status: 'paused' });
    const to = { ...held, held: false };
    await carryOut({ op: 'update', from: held, to });
    expect(await subject.driver().info(held.uid)).toMatchObject({ status: 'running' });
    expect(await subject.driver().observe(held.netns)).toEqual([to]);
    await carryOut({ op: 'delete', from: to });
  });

  it('refuses a uid that would lead out of its directory', async () => {
    const [outcome] = await subject
      .driver()
      .apply([{ op: 'create', to: { ...subject.machine(), uid: '../x' } }]);
    expect(outcome?.error).toMatchObject({ reason: 'InvalidMachine' });
  });
}
