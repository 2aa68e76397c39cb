import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { object, type TypeOf } from '../schema.ts';
import { bindingColumns, bindingFields, defaultSubjects, validateBinding } from './binding.ts';
import { rbacGroup } from './rule.ts';

const schema = object(bindingFields, ['roleRef'], 'Grants a cluster role everywhere.');

/** Grants a cluster role everywhere. */
export type ClusterRoleBinding = KubeObject & TypeOf<typeof schema>;

export const clusterRoleBinding: KindDefinition<ClusterRoleBinding> = {
  group: rbacGroup,
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  namespaced: false,
  builtin: true,
  nameRule: 'path-segment',
  schema,
  columns: bindingColumns,
  mutate: ({ object: one }) => defaultSubjects(one),
  validate: (request) => validateBinding(request, ['ClusterRole']),
};
