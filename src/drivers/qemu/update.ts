import { isDeepStrictEqual } from 'node:util';
import type { VirtualMachineState } from '#node-state/vm.ts';

/** What of a running machine differs from what is wanted and cannot be changed while it runs; undefined = nothing. */
export function restartReason(present: VirtualMachineState, wanted: VirtualMachineState): string | undefined {
  const before = comparable(present);
  const after = comparable(wanted);
  const changed = Object.keys({ ...before, ...after }).filter(
    (key) => !isDeepStrictEqual(before[key], after[key]),
  );
  return changed.length === 0 ? undefined : changed.join(', ');
}

/** Everything but the cables and `held`; and `paused`, which is about the start alone. */
function comparable(vm: VirtualMachineState): Readonly<Record<string, unknown>> {
  const { paused: _, held: ___, nics, ...rest } = vm;
  return { ...rest, nics: nics.map(({ linkUp: __, ...nic }) => nic) };
}
