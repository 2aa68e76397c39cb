/** How default roles and bindings are written down here. */
import type { AnyBinding } from '#api/rbac.authorization.k8s.io/binding.ts';
import type { ClusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import { type PolicyRule, rbacGroup } from '#api/rbac.authorization.k8s.io/rule.ts';

export const read = ['get', 'list', 'watch'] as const;
export const write = ['create', 'delete', 'deletecollection', 'patch', 'update'] as const;
export const readWrite = [...read, ...write] as const;

const autoupdate = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };
const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

type Labels = Readonly<Record<string, string>>;

/** Label by which a role's rules become part of `admin`, `edit`, or `view`. */
export function aggregateTo(...roles: readonly ('admin' | 'edit' | 'view' | 'cluster-reader')[]): Labels {
  return Object.fromEntries(
    roles.map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true'] as const),
  );
}

/** What may be done with resources of one group. */
export function rule(verbs: readonly string[], group: string, ...resources: readonly string[]): PolicyRule {
  return { apiGroups: [group], resources, verbs };
}

/** Paths that may be read. */
export function paths(...nonResourceURLs: readonly string[]): PolicyRule {
  return { nonResourceURLs, verbs: ['get'] };
}

/** A role with its rules. */
export function clusterRole(name: string, rules: readonly PolicyRule[], labels: Labels = {}): ClusterRole {
  return { metadata: { name, labels: { ...bootstrapping, ...labels }, annotations: autoupdate }, rules };
}

/** A role whose rules come from those with the label for it. */
export function aggregatedRole(name: 'admin' | 'edit' | 'view', labels: Labels = {}): ClusterRole {
  const matchLabels = aggregateTo(name);
  return { ...clusterRole(name, [], labels), aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
}

/** Grants a role to groups and users, by a binding of its name or of another one. */
export function bindingTo(
  role: string,
  groups: readonly string[],
  users: readonly string[] = [],
  name = role,
): AnyBinding {
  const subject = (kind: string) => (each: string) => ({ apiGroup: rbacGroup, kind, name: each });
  return {
    metadata: { name, labels: bootstrapping, annotations: autoupdate },
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
    subjects: [...groups.map(subject('Group')), ...users.map(subject('User'))],
  };
}
