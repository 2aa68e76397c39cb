/** What roles are made of (`rbac/v1 PolicyRule`), and what upstream demands of it. */
import { required } from '../cause.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { array, object, string, type TypeOf } from '../schema.ts';

export const rbacGroup = 'rbac.authorization.k8s.io';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const policyRule = object(
  {
    verbs: array(string(), 'What may be done; * is everything.', atomic),
    apiGroups: array(string(), 'API groups of the resources; "" is the core group, * all groups.', atomic),
    resources: array(string(), 'Resources, such as pods or pods/log; * is all.', atomic),
    resourceNames: array(string(), 'Names the rule is limited to; none means all.', atomic),
    nonResourceURLs: array(string(), 'Paths that are no resources; * at the end is any rest.', atomic),
  },
  ['verbs'],
  'What is allowed.',
);

export const policyRules = array(policyRule, 'What the role allows.', atomic);

/** What is allowed. */
export type PolicyRule = TypeOf<typeof policyRule>;

/** Causes of rules that upstream refuses (`rbac/validation ValidatePolicyRule`). */
export function validateRules(
  rules: readonly PolicyRule[] | undefined,
  namespaced: boolean,
): readonly Cause[] {
  return (rules ?? []).flatMap((rule, index) => validateRule(rule, `rules[${index}]`, namespaced));
}

function validateRule(rule: PolicyRule, field: string, namespaced: boolean): readonly Cause[] {
  const has = (list: readonly string[] | undefined): boolean => (list ?? []).length > 0;
  const causes: Cause[] = [];
  if (!has(rule.verbs)) {
    causes.push(required(`${field}.verbs`, 'verbs must contain at least one value'));
  }
  if (has(rule.nonResourceURLs)) {
    const urls = rule.nonResourceURLs;
    const of = (message: string): Cause => ({
      type: 'FieldValueInvalid',
      field: `${field}.nonResourceURLs`,
      value: urls,
      message,
    });
    if (namespaced) {
      causes.push(of('namespaced rules cannot apply to non-resource URLs'));
    }
    if (has(rule.apiGroups) || has(rule.resources) || has(rule.resourceNames)) {
      causes.push(of('rules cannot apply to both regular resources and non-resource URLs'));
    }
    return causes;
  }
  if (!has(rule.apiGroups)) {
    causes.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (!has(rule.resources)) {
    causes.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
  }
  return causes;
}

/** Column of roles: when they were made, as RFC 3339. */
export const createdAtColumn = {
  name: 'Created At',
  type: 'date',
  description: 'When the object was made.',
  value: (one: KubeObject) => one.metadata.creationTimestamp ?? '',
} as const;
