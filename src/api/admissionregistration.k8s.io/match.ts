/** What webhooks and policies are asked about: rules, selectors and conditions (`admissionregistration.k8s.io/v1`). */
import { labelSelector } from '../core/label-selector.ts';
import { array, listMap, object, oneOf, type Schema, string, type TypeOf } from '../schema.ts';

export const admissionGroup = 'admissionregistration.k8s.io';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

export const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'] as const;

const ruleFields = {
  operations: array(string(), 'CREATE, UPDATE, DELETE, CONNECT or * for all.', atomic),
  apiGroups: array(string(), 'API groups; * is all.', atomic),
  apiVersions: array(string(), 'Versions; * is all.', atomic),
  resources: array(
    string(),
    'Resources: pods, pods/log, pods/*, */scale, * (all, no subresources) or */* (all).',
    atomic,
  ),
  scope: oneOf(['*', 'Cluster', 'Namespaced'], 'Whether objects are in namespaces; * is both.', {
    default: '*',
  }),
};

const rule = object(ruleFields, [], 'Requests by operation and resource.');
/** Requests by operation and resource. */
export type Rule = TypeOf<typeof rule> & { readonly resourceNames?: readonly string[] | undefined };

export const rules = array(rule, 'Requests it is asked about; one rule suffices.', atomic);

const namedRules = (description: string) =>
  array(
    object(
      { ...ruleFields, resourceNames: array(string(), 'Names; none means all.', atomic) },
      [],
      undefined,
      { 'x-kubernetes-map-type': 'atomic' },
    ),
    description,
    atomic,
  );

const condition = object(
  {
    name: string('Name, unique in the list.'),
    expression: string('CEL over object, oldObject and request that must be true.'),
  },
  ['name', 'expression'],
);

export const matchConditions = listMap(['name'], condition, 'Conditions that must all hold, at most 64.');
export type MatchConditions = TypeOf<typeof matchConditions>;

type Selector = TypeOf<typeof labelSelector>;

/** A selector that selects everything when left out. */
export const everything = (description: string): Schema<Selector> => ({
  ...labelSelector,
  description,
  default: {},
});

export const matchPolicy = oneOf(
  ['Equivalent', 'Exact'],
  'Whether a rule also means the same resource in other versions.',
  { default: 'Equivalent' },
);

export const failurePolicy = oneOf(['Fail', 'Ignore'], 'What an error does to the request.', {
  default: 'Fail',
});

export const matchResources = object(
  {
    namespaceSelector: everything('Labels of the namespace.'),
    objectSelector: everything('Labels of the object, new or old.'),
    resourceRules: namedRules('Requests that match; one rule suffices.'),
    excludeResourceRules: namedRules('Requests that do not match after all.'),
    matchPolicy,
  },
  [],
  'Requests it is about.',
  { 'x-kubernetes-map-type': 'atomic' },
);
/** Requests that a policy or a binding is about. */
export type MatchResources = TypeOf<typeof matchResources>;
