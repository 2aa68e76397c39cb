/** Ports of the default network whose pods are on a primary user-defined one: nothing passes there (pure). */
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';

/** Name of the port group. */
const group: RowKey = { table: 'Port_Group', key: 'udn_isolation' };
const priority = 1001;

/** The group of those ports and what it forbids. */
export function composeLockedPorts(ports: readonly RowKey[]): readonly NbRow[] {
  return [
    {
      ...group,
      columns: { name: group.key, external_ids: { 'k8s.ovn.org/owner-type': 'UDNIsolation' } },
      references: { ports },
    },
    acl('egress', 'from-lport', `inport == @${group.key} && ip`),
    acl('ingress', 'to-lport', `outport == @${group.key} && ip`),
  ];
}

function acl(name: string, direction: string, match: string): NbRow {
  return {
    table: 'ACL',
    key: `${group.key}-${name}`,
    columns: { priority, direction, match, action: 'drop', name: [`${group.key}-${name}`] },
    parent: { ...group, column: 'acls' },
  };
}
