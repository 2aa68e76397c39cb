import type { Driver } from '#drivers/driver.ts';
import type { Sysctl } from '#node-state/link.ts';

/**
 * Kernel parameters of network namespaces. A parameter is never deleted: deleting leaves its value.
 * `observe` reads the parameters whose last part is one the bindings use, whoever set them.
 */
export type SysctlDriver = Driver<Sysctl>;

/** Last parts of the keys that are read back. */
export const observedSysctls = [
  'ip_forward',
  'forwarding',
  'route_localnet',
  'arp_ignore',
  'disable_ipv6',
  'accept_dad',
  'bridge-nf-call-iptables',
  'bridge-nf-call-ip6tables',
  'bridge-nf-call-arptables',
] as const;
