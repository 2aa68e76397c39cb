/** Rules for `interfaces[].state`. Order and meaning: KubeVirt pkg/network/admitter/admit.go. */
import { invalid, notSupported } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { isDefaultNetwork, type PlacedInterface, placedInterfaces, type SpecRule } from './rule.ts';

export const interfaceStates: SpecRule = (spec, path) => placedInterfaces(spec, path).flatMap(stateCauses);

function stateCauses({
  interface: { name, state, sriov, bridge },
  field,
  network,
}: PlacedInterface): readonly Cause[] {
  if (state === undefined || state === '') return [];
  const at = `${field}.state`;
  const who = `interface ${JSON.stringify(name)}`;
  if (!['up', 'down', 'absent'].includes(state)) return [notSupported(at, state, ['up', 'down', 'absent'])];
  const causes: Cause[] = [];
  if (sriov !== undefined && state !== 'absent') {
    causes.push(
      invalid(
        at,
        state,
        `${who} is an SR-IOV card, whose link cannot be switched; remove state, or set it in the guest`,
      ),
    );
  }
  if (state === 'absent' && bridge === undefined) {
    causes.push(
      invalid(
        at,
        state,
        `absent (unplug) is supported only for the bridge binding, ${who} has another; stop the virtual machine and remove the interface instead`,
      ),
    );
  }
  if (state === 'absent' && network !== undefined && isDefaultNetwork(network)) {
    causes.push(
      invalid(
        at,
        state,
        `absent (unplug) is not supported on the default network, and ${who} is on it; use state: down`,
      ),
    );
  }
  return causes;
}
