import { probeOvsDatapath } from '#drivers/probe/kernel.ts';
import type { Datapath } from './plan.ts';

/** The datapath a new instance's Open vSwitches get: the kernel's where there is one. */
export async function chooseDatapath(): Promise<Datapath> {
  return (await probeOvsDatapath()).present ? 'system' : 'netdev';
}
