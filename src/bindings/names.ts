/** Names of a VM interface's links in the launcher pod, as upstream's network name scheme has them. */
import { createHash } from 'node:crypto';

/** Hashed name of a secondary network's pod interface: `pod` and 11 hex digits. */
export function podInterfaceName(network: string): string {
  return `pod${createHash('sha256').update(network).digest('hex').slice(0, 11)}`;
}

/** Names of the links around one pod interface. */
export interface LinkNames {
  /** `k6t-eth0`, `k6t-2eae7330186`. */
  readonly bridge: string;
  /** `tap0`, `tap2eae7330186`. */
  readonly tap: string;
  /** `eth0-nic`, `2eae7330186-nic`. */
  readonly nic: string;
}

/** Names for a pod interface; `index` is 0 for the primary one. */
export function linkNames(podInterface: string, index: number): LinkNames {
  const stem = podInterface.startsWith('pod') ? podInterface.slice(3) : podInterface;
  return {
    bridge: `k6t-${stem}`,
    tap: index === 0 ? 'tap0' : `tap${podInterface.slice(3)}`,
    nic: `${stem}-nic`,
  };
}
