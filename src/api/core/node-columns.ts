/** Cells of `kubectl get nodes`. */
import { ageColumn } from '../columns.ts';
import type { PrinterColumn } from '../kind.ts';
import type { Node } from './node.ts';

const ROLE_LABEL = 'node-role.kubernetes.io/';

export const nodeColumns: readonly PrinterColumn[] = [
  {
    name: 'Status',
    type: 'string',
    description: 'Ready, and whether pods are kept away.',
    value: nodeStatusCell,
  },
  { name: 'Roles', type: 'string', description: 'Roles, from its labels.', value: rolesCell },
  ageColumn,
  {
    name: 'Version',
    type: 'string',
    description: 'Version of the node agent.',
    value: (node: Node) => node.status?.nodeInfo?.kubeletVersion ?? '',
  },
  addressColumn('Internal-IP', 'InternalIP'),
  addressColumn('External-IP', 'ExternalIP'),
  infoColumn('OS-Image', 'osImage'),
  infoColumn('Kernel-Version', 'kernelVersion'),
  infoColumn('Container-Runtime', 'containerRuntimeVersion'),
];

function nodeStatusCell(node: Node): string {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (node.spec?.unschedulable === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function rolesCell(node: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_LABEL) && key.length > ROLE_LABEL.length) roles.add(key.slice(ROLE_LABEL.length));
    else if (key === 'kubernetes.io/role' && value !== '') roles.add(value);
  }
  return roles.size === 0 ? '<none>' : [...roles].sort().join(',');
}

function addressColumn(name: string, type: string): PrinterColumn {
  return {
    name,
    type: 'string',
    description: `Address of type ${type}.`,
    priority: 1,
    value: (node: Node) =>
      node.status?.addresses?.find((address) => address.type === type)?.address ?? '<none>',
  };
}

function infoColumn(
  name: string,
  field: 'osImage' | 'kernelVersion' | 'containerRuntimeVersion',
): PrinterColumn {
  return {
    name,
    type: 'string',
    description: `status.nodeInfo.${field}`,
    priority: 1,
    value: (node: Node) => node.status?.nodeInfo?.[field] || '<unknown>',
  };
}
