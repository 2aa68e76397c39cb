/** What the admission rules of VirtualMachine and VirtualMachineInstance have in common. */
import type { Cause } from '../../meta.ts';
import type { VmiInterface } from '../interface.ts';
import type { VmiNetwork } from '../network.ts';
import type { VirtualMachineInstanceSpec } from '../virtual-machine-instance-spec.ts';

/** One rule. `path` is the spec's path: `spec` of an instance, `spec.template.spec` of a virtual machine. */
export type SpecRule = (spec: VirtualMachineInstanceSpec, path: string) => readonly Cause[];

/** An interface with its place in the list. */
export interface PlacedInterface {
  readonly interface: VmiInterface;
  /** `<path>.domain.devices.interfaces[<index>]` */
  readonly field: string;
  readonly network: VmiNetwork | undefined;
}

/** Every interface with its path and the network of the same name. */
export function placedInterfaces(spec: VirtualMachineInstanceSpec, path: string): readonly PlacedInterface[] {
  const networks = new Map((spec.networks ?? []).map((network) => [network.name, network]));
  return (spec.domain.devices.interfaces ?? []).map((vmiInterface, index) => ({
    interface: vmiInterface,
    field: `${path}.domain.devices.interfaces[${index}]`,
    network: networks.get(vmiInterface.name),
  }));
}

/** Whether the network takes the place of the pod network or is it. */
export function isDefaultNetwork(network: VmiNetwork): boolean {
  return network.pod !== undefined || network.multus?.default === true;
}

/** Calls `onRepeat` with every index whose key was there before, and the index it was first seen at. */
export function forEachRepeat<T>(
  list: readonly T[],
  keyOf: (item: T) => string | number | undefined,
  onRepeat: (index: number, first: number) => void,
): void {
  const seen = new Map<string | number, number>();
  for (const [index, item] of list.entries()) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else onRepeat(index, first);
  }
}
