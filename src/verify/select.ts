/** Which NICs a user chose. Pure. */
import type { Nic } from './nics.ts';

/** What was chosen; an absent list chooses all. */
export interface Selection {
  readonly namespace?: readonly string[];
  /** Labels of networks: `default`, or `[<namespace>/]<name>` of definitions. */
  readonly network?: readonly string[];
  /** `[<namespace>/]<name>` */
  readonly vm?: readonly string[];
  readonly pod?: readonly string[];
}

/** NICs of what was chosen. Naming VMs alone leaves pods out, and the other way round. */
export function selectNics(nics: readonly Nic[], selection: Selection): readonly Nic[] {
  const { namespace, network, vm, pod } = selection;
  const chosen = { vm, pod };
  const namesHosts = vm !== undefined || pod !== undefined;
  return nics.filter(({ host, segment }) => {
    const own = chosen[host.kind];
    return (
      (namespace === undefined || namespace.includes(host.namespace)) &&
      (network === undefined || network.some((name) => isNamed(segment.label, name))) &&
      (!namesHosts || own?.some((name) => isNamed(`${host.namespace}/${host.name}`, name)) === true)
    );
  });
}

function isNamed(full: string, name: string): boolean {
  return full === name || full.endsWith(`/${name}`);
}
