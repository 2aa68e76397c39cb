/** Roles for virtual machines, as virt-operator makes them (`virt-operator/resource/generate/rbac`). */
import type { AnyBinding } from '#api/rbac.authorization.k8s.io/binding.ts';
import type { ClusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import type { PolicyRule } from '#api/rbac.authorization.k8s.io/rule.ts';
import { authenticatedGroup } from '../../user.ts';
import { aggregateTo, bindingTo, clusterRole, read, readWrite, rule } from './role.ts';

const group = 'kubevirt.io';
const subresources = 'subresources.kubevirt.io';
const ownLabel = { 'kubevirt.io': '' };
/** `edit` changes single objects only. */
const edit = readWrite.filter((verb) => verb !== 'deletecollection');

const of = (resource: string, ...parts: readonly string[]): readonly string[] =>
  parts.map((part) => `${resource}/${part}`);
const vm = (...parts: readonly string[]) => of('virtualmachines', ...parts);
const vmi = (...parts: readonly string[]) => of('virtualmachineinstances', ...parts);

const facts = [
  ...vmi('guestosinfo', 'filesystemlist', 'userlist', 'sev/fetchcertchain', 'sev/querylaunchmeasurement'),
  ...vmi('objectgraph'),
  ...vm('objectgraph', 'expand-spec'),
];
const machines = [
  'virtualmachines',
  'virtualmachineinstances',
  'virtualmachineinstancepresets',
  'virtualmachineinstancereplicasets',
];

/** Kinds of the groups around virtual machines that users work with. */
function neighbours(verbs: readonly string[]): readonly PolicyRule[] {
  return [
    rule(
      verbs,
      'snapshot.kubevirt.io',
      'virtualmachinesnapshots',
      'virtualmachinesnapshotcontents',
      'virtualmachinerestores',
    ),
    rule(verbs, 'backup.kubevirt.io', 'virtualmachinebackups', 'virtualmachinebackuptrackers'),
    rule(verbs, 'export.kubevirt.io', 'virtualmachineexports'),
    rule(verbs, 'clone.kubevirt.io', 'virtualmachineclones'),
    rule(
      verbs,
      'instancetype.kubevirt.io',
      'virtualmachineinstancetypes',
      'virtualmachineclusterinstancetypes',
      'virtualmachinepreferences',
      'virtualmachineclusterpreferences',
    ),
    rule(verbs, 'pool.kubevirt.io', 'virtualmachinepools'),
    rule(read, 'migrations.kubevirt.io', 'migrationpolicies'),
  ];
}

const operate: readonly PolicyRule[] = [
  rule(['get'], subresources, ...facts, ...vm('portforward')),
  rule(['get'], subresources, ...vmi('console', 'vnc', 'portforward', 'usbredir')),
  rule(
    ['update'],
    subresources,
    ...vmi('pause', 'unpause', 'addvolume', 'removevolume', 'freeze', 'unfreeze', 'softreboot', 'reset'),
    ...vmi('sev/setupsession', 'sev/injectlaunchsecret', 'evacuate/cancel'),
  ),
  rule(
    ['update'],
    subresources,
    ...vm('start', 'stop', 'restart', 'addvolume', 'removevolume', 'memorydump', 'removememorydump'),
    ...vm('evacuate/cancel'),
  ),
  rule(['update'], subresources, 'expand-vm-spec'),
  rule(read, group, 'virtualmachineinstancemigrations'),
];

export const kubevirtRoles: readonly ClusterRole[] = [
  clusterRole(
    'kubevirt.io:default',
    [rule(['get', 'list'], group, 'kubevirts'), rule(['get', 'list'], subresources, 'version', 'guestfs')],
    ownLabel,
  ),
  clusterRole(
    'kubevirt.io:admin',
    [
      ...operate,
      rule(['get'], subresources, ...vmi('vnc/screenshot')),
      rule(readWrite, group, ...machines),
      ...neighbours(readWrite),
      rule(readWrite, 'plugin.kubevirt.io', 'plugins'),
    ],
    { ...ownLabel, ...aggregateTo('admin') },
  ),
  clusterRole(
    'kubevirt.io:edit',
    [
      ...operate,
      rule(edit, group, ...machines),
      ...neighbours(edit),
      rule(['get', 'list'], group, 'kubevirts'),
    ],
    { ...ownLabel, ...aggregateTo('edit') },
  ),
  clusterRole(
    'kubevirt.io:view',
    [
      rule(['get', 'list'], group, 'kubevirts'),
      rule(['get'], subresources, ...facts),
      rule(['update'], subresources, 'expand-vm-spec'),
      rule(read, group, ...machines, 'virtualmachineinstancemigrations'),
      ...neighbours(read),
      rule(read, 'plugin.kubevirt.io', 'plugins'),
    ],
    { ...ownLabel, ...aggregateTo('view') },
  ),
  clusterRole(
    'kubevirt.io:migrate',
    [
      rule(['update'], subresources, ...vm('migrate')),
      rule(readWrite, group, 'virtualmachineinstancemigrations'),
    ],
    ownLabel,
  ),
  clusterRole(
    'instancetype.kubevirt.io:view',
    [
      rule(
        read,
        'instancetype.kubevirt.io',
        'virtualmachineclusterinstancetypes',
        'virtualmachineclusterpreferences',
      ),
    ],
    ownLabel,
  ),
];

export const kubevirtBindings: readonly AnyBinding[] = [
  bindingTo('kubevirt.io:default', [authenticatedGroup]),
  bindingTo('instancetype.kubevirt.io:view', [authenticatedGroup]),
];
