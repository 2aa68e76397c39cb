/** Chooses Open vSwitch's datapath by trying the kernel's. */
import { run } from '#drivers/command.ts';
import type { ProbeRecord } from '#drivers/probe/record.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Datapath } from './plan.ts';

/** Makes a kernel datapath in a network namespace that ends with the command, so nothing is left of it. */
export async function probeDatapath(): Promise<ProbeRecord & { readonly chosen: Datapath }> {
  const name = 'openvswitch kernel datapath';
  try {
    await run(['unshare', '--net', 'ovs-dpctl', 'add-dp', 'pb-probe']);
    return { name, present: true, chosen: 'system', why: 'the kernel made a datapath' };
  } catch (error) {
    if (!(error instanceof PatchbayError)) {
      throw error;
    }
    const reason = messageOf(error).split('\n').at(-1) ?? '';
    return {
      name,
      present: false,
      chosen: 'netdev',
      why: `the kernel made none (${reason}): switching is done in user space`,
      remedy: 'a kernel with CONFIG_OPENVSWITCH switches faster; user space is good for gigabits',
    };
  }
}

/** The datapath a new instance gets. */
export async function chooseDatapath(): Promise<Datapath> {
  return (await probeDatapath()).chosen;
}
