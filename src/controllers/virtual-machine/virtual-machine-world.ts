/** What the VirtualMachine controller's tests share. */
import { type VirtualMachine, virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createVmController } from './virtual-machine-controller.ts';

/** The machine of every test. */
export const key = { name: 'vm', namespace: 'default' };
export const spec = { domain: { devices: {} } };

/** The machine with these fields of its spec. */
export function vmWith(fields: Partial<VirtualMachine['spec']>): VirtualMachine {
  const template = { metadata: { labels: { app: 'web' }, annotations: { note: 'x' } }, spec };
  return { metadata: { ...key }, spec: { template, ...fields } };
}

export const open: FakeWorld[] = [];
/** Ends what a test has opened. */
export async function closeWorlds(): Promise<void> {
  await Promise.all(open.splice(0).map((world) => world.stop()));
}

/** A world with the machine in it and its controller running. */
export async function worldWith(fields: Partial<VirtualMachine['spec']>): Promise<FakeWorld> {
  const world = new FakeWorld((factory, deps) => [createVmController(factory, deps)]);
  open.push(world);
  await world.add(virtualMachine, vmWith(fields));
  world.takeWrites();
  return world.start();
}

export const vmi = async (world: FakeWorld): Promise<VirtualMachineInstance | undefined> =>
  (await world.client.list(virtualMachineInstance)).items[0];
export const status = async (world: FakeWorld) => (await world.client.get(virtualMachine, key)).status;
export const printable = async (world: FakeWorld) => (await status(world))?.printableStatus;

/** The agent's part: tells what the guest does. */
export async function become(world: FakeWorld, phase: 'Running' | 'Succeeded' | 'Failed'): Promise<void> {
  const ready = { type: 'Ready', status: phase === 'Running' ? 'True' : 'False' };
  await world.report(virtualMachineInstance, { metadata: key }, { phase, conditions: [ready] });
  await world.run();
}

/** The VMI controller's part: lets a VMI go that is being deleted. */
export async function release(world: FakeWorld): Promise<void> {
  const body = { metadata: { finalizers: null } };
  await world.client.patch(virtualMachineInstance, key, { type: 'merge', body });
  await world.run();
}

/** What `virtctl` does: asks for a start or a stop. */
export const ask = async (world: FakeWorld, ...stateChangeRequests: readonly object[]): Promise<void> => {
  await world.report(virtualMachine, { metadata: key }, { stateChangeRequests });
  await world.run();
};
