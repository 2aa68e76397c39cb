import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { object, type TypeOf } from '../schema.ts';
import { bindingColumns, bindingFields, defaultSubjects, validateBinding } from './binding.ts';
import { rbacGroup } from './rule.ts';

const schema = object(bindingFields, ['roleRef'], 'Grants a role within one namespace.');

/** Grants a role within one namespace. */
export type RoleBinding = KubeObject & TypeOf<typeof schema>;

export const roleBinding: KindDefinition<RoleBinding> = {
  group: rbacGroup,
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  singular: 'rolebinding',
  namespaced: true,
  builtin: true,
  nameRule: 'path-segment',
  schema,
  columns: bindingColumns,
  mutate: ({ object: one }) => defaultSubjects(one),
  validate: (request) => validateBinding(request, ['Role', 'ClusterRole']),
};
