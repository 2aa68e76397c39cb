/** Every CNI plug-in type, and which one a configuration asks for. */
import { PatchbayError } from '#machinery/errors.ts';
import { nearest } from '#node-state/nearest.ts';
import type { CniType } from './attachment.ts';
import { bridgeCni } from './bridge.ts';
import type { CniConfig } from './config.ts';
import { ovnCni } from './ovn-network.ts';

export const cniTypes: readonly CniType[] = [bridgeCni, ovnCni];

/** The plug-in of a configuration; throws a PatchbayError `UnsupportedNetworkType` that names those there are. */
export function cniTypeOf(config: CniConfig, what: string): CniType {
  const type = String(config['type']);
  const found = cniTypes.find(({ types }) => types.includes(type));
  if (found !== undefined) {
    return found;
  }
  const names = cniTypes.flatMap(({ types }) => types);
  const near = nearest(type, names);
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
  throw new PatchbayError(
    'UnsupportedNetworkType',
    `${what}: CNI type "${type}" is not there${hint}; there are ${names.join(', ')}`,
    { retryable: false },
  );
}
