import { required } from '../cause.ts';
import { labelSelector } from '../core/label-selector.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { array, object, type TypeOf } from '../schema.ts';
import { createdAtColumn, policyRules, rbacGroup, validateRules } from './rule.ts';

const schema = object(
  {
    rules: policyRules,
    aggregationRule: object(
      {
        clusterRoleSelectors: array(labelSelector, 'Cluster roles whose rules are taken over.', {
          'x-kubernetes-list-type': 'atomic',
        }),
      },
      [],
      'Where the rules come from; rules written by hand are overwritten.',
    ),
  },
  [],
  'Permissions everywhere, or wherever a binding grants them.',
);

/** Permissions everywhere, or wherever a binding grants them. */
export type ClusterRole = KubeObject & TypeOf<typeof schema>;

export const clusterRole: KindDefinition<ClusterRole> = {
  group: rbacGroup,
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  singular: 'clusterrole',
  namespaced: false,
  builtin: true,
  nameRule: 'path-segment',
  schema,
  columns: [createdAtColumn],
  validate,
};

function validate({ object: { rules, aggregationRule } }: AdmissionRequest<ClusterRole>): readonly Cause[] {
  const selectors = aggregationRule?.clusterRoleSelectors ?? [];
  return [
    ...validateRules(rules, false),
    ...(aggregationRule === undefined || selectors.length > 0
      ? []
      : [
          required(
            'aggregationRule.clusterRoleSelectors',
            'at least one clusterRoleSelector required if aggregationRule is non-nil',
          ),
        ]),
  ];
}
