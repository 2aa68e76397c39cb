/** Questions whether somebody may do something (`authorization/v1`). They are answered, not stored. */
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, boolean, map, object, string, type TypeOf } from '../schema.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const selector = (what: string) =>
  object(
    {
      rawSelector: string('The selector as text.'),
      requirements: array(
        object({
          key: string(`Key of the ${what}.`),
          operator: string('In, NotIn, Exists or DoesNotExist.'),
          values: array(string(), 'Values.', atomic),
        }),
        'Conditions that must all hold.',
        atomic,
      ),
    },
    [],
    `Limits a list, watch or deletecollection by ${what}s.`,
  );

const resourceAttributes = object(
  {
    namespace: string('Namespace; empty is all, or none for cluster-scoped resources.'),
    verb: string('get, list, watch, create, update, patch, delete, … or *.'),
    group: string('API group; * is all.'),
    version: string('API version; * is all.'),
    resource: string('Resource, such as pods; * is all.'),
    subresource: string('Subresource, such as log.'),
    name: string('Name of one object; empty is all.'),
    fieldSelector: selector('field'),
    labelSelector: selector('label'),
  },
  [],
  'A resource and what is to be done with it.',
);

const nonResourceAttributes = object(
  { path: string('Path of the URL.'), verb: string('Method in lower case.') },
  [],
  'A path that is no resource.',
);

const status = object(
  {
    allowed: boolean('Whether it is allowed.'),
    denied: boolean('Whether it is expressly denied.'),
    reason: string('Why.'),
    evaluationError: string('What went wrong while finding out.'),
  },
  ['allowed'],
  'The answer.',
);

const asked = { resourceAttributes, nonResourceAttributes };

const selfSchema = object(
  { spec: object(asked, [], 'What is asked.'), status },
  ['spec'],
  'Asks what the asking user may do.',
);

const subjectSchema = object(
  {
    spec: object(
      {
        ...asked,
        user: string('Name of the user.'),
        groups: array(string(), 'Groups of the user.', atomic),
        extra: map(array(string(), undefined, atomic), 'Further facts about the user.'),
        uid: string('UID of the user.'),
      },
      [],
      'What is asked, about whom.',
    ),
    status,
  },
  ['spec'],
  'Asks what a user may do.',
);

/** A question about access. */
export type AccessReview = KubeObject & TypeOf<typeof subjectSchema>;
/** What is asked about a resource. */
export type ReviewedResource = TypeOf<typeof resourceAttributes>;

const rulesSchema = object(
  {
    spec: object({ namespace: string('Where the rules are to hold.') }, [], 'What is asked.'),
    status: object(
      {
        resourceRules: array(
          object({
            verbs: array(string(), 'What may be done.', atomic),
            apiGroups: array(string(), 'API groups.', atomic),
            resources: array(string(), 'Resources.', atomic),
            resourceNames: array(string(), 'Names it is limited to.', atomic),
          }),
          'What may be done with resources.',
          atomic,
        ),
        nonResourceRules: array(
          object({
            verbs: array(string(), 'What may be done.', atomic),
            nonResourceURLs: array(string(), 'Paths.', atomic),
          }),
          'What may be done with paths.',
          atomic,
        ),
        incomplete: boolean('Whether there may be more.'),
        evaluationError: string('What went wrong while finding out.'),
      },
      [],
      'The answer.',
    ),
  },
  ['spec'],
  'Asks for everything the asking user may do in a namespace.',
);

/** A question for all rules. */
export type RulesReview = KubeObject & TypeOf<typeof rulesSchema>;

const common = {
  group: 'authorization.k8s.io',
  version: 'v1',
  builtin: true,
  verbs: ['create'],
  columns: [],
} as const;

export const selfSubjectAccessReview: KindDefinition = {
  ...common,
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  singular: 'selfsubjectaccessreview',
  namespaced: false,
  schema: selfSchema,
};

export const subjectAccessReview: KindDefinition<AccessReview> = {
  ...common,
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  singular: 'subjectaccessreview',
  namespaced: false,
  schema: subjectSchema,
};

export const localSubjectAccessReview: KindDefinition = {
  ...common,
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  singular: 'localsubjectaccessreview',
  namespaced: true,
  schema: subjectSchema,
};

export const selfSubjectRulesReview: KindDefinition = {
  ...common,
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  singular: 'selfsubjectrulesreview',
  namespaced: false,
  schema: rulesSchema,
};
