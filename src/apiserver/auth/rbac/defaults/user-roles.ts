/** Roles for people: `cluster-admin`, `admin`, `edit`, `view` (upstream `rbac/bootstrappolicy`). */
import type { ClusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import { rbacGroup } from '#api/rbac.authorization.k8s.io/rule.ts';
import { aggregatedRole, aggregateTo, clusterRole, read, readWrite, rule, write } from './role.ts';

const workloads = ['daemonsets', 'deployments', 'replicasets', 'statefulsets'];
const withParts = (names: readonly string[], ...parts: readonly string[]): readonly string[] =>
  names.flatMap((name) => [name, ...parts.map((part) => `${name}/${part}`)]);

const editRules = [
  rule(read, '', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'),
  rule(['impersonate'], '', 'serviceaccounts'),
  rule(write, '', 'pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'),
  rule(['create'], '', 'pods/eviction'),
  rule(
    write,
    '',
    'configmaps',
    'events',
    'persistentvolumeclaims',
    'replicationcontrollers',
    'replicationcontrollers/scale',
    'secrets',
    'serviceaccounts',
    'services',
    'services/proxy',
  ),
  rule(['create'], '', 'serviceaccounts/token'),
  rule(
    write,
    'apps',
    'daemonsets',
    'deployments',
    'deployments/rollback',
    'deployments/scale',
    'replicasets',
    'replicasets/scale',
    'statefulsets',
    'statefulsets/scale',
  ),
  rule(write, 'autoscaling', 'horizontalpodautoscalers'),
  rule(write, 'batch', 'cronjobs', 'jobs'),
  rule(write, 'policy', 'poddisruptionbudgets'),
  rule(write, 'networking.k8s.io', 'ingresses', 'networkpolicies'),
  rule(readWrite, 'coordination.k8s.io', 'leases'),
];

const viewRules = [
  rule(
    read,
    '',
    'configmaps',
    'endpoints',
    'persistentvolumeclaims',
    'persistentvolumeclaims/status',
    'pods',
    'replicationcontrollers',
    'replicationcontrollers/scale',
    'serviceaccounts',
    'services',
    'services/status',
  ),
  rule(
    read,
    '',
    'bindings',
    'events',
    'limitranges',
    'namespaces/status',
    'pods/log',
    'pods/status',
    'replicationcontrollers/status',
    'resourcequotas',
    'resourcequotas/status',
  ),
  rule(read, '', 'namespaces'),
  rule(read, 'discovery.k8s.io', 'endpointslices'),
  rule(read, 'apps', 'controllerrevisions', ...withParts(workloads, 'scale', 'status')),
  rule(read, 'autoscaling', ...withParts(['horizontalpodautoscalers'], 'status')),
  rule(read, 'batch', ...withParts(['cronjobs', 'jobs'], 'status')),
  rule(read, 'policy', ...withParts(['poddisruptionbudgets'], 'status')),
  rule(read, 'networking.k8s.io', 'ingresses', 'ingresses/status', 'networkpolicies'),
];

export const userRoles: readonly ClusterRole[] = [
  clusterRole('cluster-admin', [rule(['*'], '*', '*'), { nonResourceURLs: ['*'], verbs: ['*'] }]),
  aggregatedRole('admin'),
  aggregatedRole('edit', aggregateTo('admin')),
  aggregatedRole('view', aggregateTo('edit')),
  clusterRole(
    'system:aggregate-to-admin',
    [
      rule(['create'], 'authorization.k8s.io', 'localsubjectaccessreviews'),
      rule(readWrite, rbacGroup, 'rolebindings', 'roles'),
    ],
    aggregateTo('admin'),
  ),
  clusterRole('system:aggregate-to-edit', editRules, aggregateTo('edit')),
  clusterRole('system:aggregate-to-view', viewRules, aggregateTo('view')),
];
