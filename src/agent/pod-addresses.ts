/** Addresses in a pod's status: the node's and its own, the primary family first. Pure. */
import type { PodStatus } from '#api/core/pod.ts';

/** Fields of the status; those of the pod are absent while it has no address. */
export function addressStatus(
  hostIPs: readonly string[],
  podIPs: readonly string[],
): Pick<PodStatus, 'hostIP' | 'hostIPs' | 'podIP' | 'podIPs'> {
  return {
    ...(hostIPs[0] !== undefined && { hostIP: hostIPs[0], hostIPs: hostIPs.map((ip) => ({ ip })) }),
    ...(podIPs[0] !== undefined && { podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) }),
  };
}
