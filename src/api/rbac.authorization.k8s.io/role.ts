import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { object, type TypeOf } from '../schema.ts';
import { createdAtColumn, policyRules, rbacGroup, validateRules } from './rule.ts';

const schema = object({ rules: policyRules }, [], 'Permissions within one namespace.');

/** Permissions within one namespace. */
export type Role = KubeObject & TypeOf<typeof schema>;

export const role: KindDefinition<Role> = {
  group: rbacGroup,
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  singular: 'role',
  namespaced: true,
  builtin: true,
  nameRule: 'path-segment',
  schema,
  columns: [createdAtColumn],
  validate: ({ object: { rules } }) => validateRules(rules, true),
};
