/** What a pod on a primary user-defined network opens on the default network, as rows (pure). */
import type { OpenPort } from '#api/k8s.ovn.org/open-ports.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { type PodPlace, podRowKey } from './default-network.ts';
import { allowed, composeAcl, lockedGroupKey } from './locked-ports.ts';

/** Rows beside those of the pod's group (`composeLockedPorts`); none when nothing is opened. */
export function composeOpenPorts(pod: PodPlace, ports: readonly OpenPort[]): readonly NbRow[] {
  if (ports.length === 0) {
    return [];
  }
  const group = lockedGroupKey(pod.node.name);
  const port = podRowKey(pod).key;
  const [inKey = '', outKey = ''] = openPortKeys(pod).map(({ key }) => key);
  const terms = ports.map((one) =>
    one.protocol === 'icmp' ? one.protocol : `${one.protocol}.dst == ${one.port}`,
  );
  const into = `outport == "${port}" && (${['arp', 'nd', ...new Set(terms)].join(' || ')})`;
  // Whoever comes in from the same switch is answered by MAC.
  const out = `inport == "${port}" && (arp || nd)`;
  return [
    composeAcl(group, inKey, 'to-lport', allowed, into, 'allow-related'),
    composeAcl(group, outKey, 'from-lport', allowed, out, 'allow'),
  ];
}

/** Keys of those rows: for their removal. */
export function openPortKeys(pod: { readonly namespace: string; readonly name: string }): readonly RowKey[] {
  const { key } = podRowKey(pod);
  return ['ingress', 'egress'].map((way) => ({ table: 'ACL', key: `${key}-open-${way}` }));
}
