import { ageColumn } from '../columns.ts';
import { conditions } from '../core/condition.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, int64, listMap, object, string, type TypeOf } from '../schema.ts';
import { failurePolicy, matchConditions, matchResources } from './match.ts';
import { policyCauses } from './policy-rules.ts';
import { ofAdmission } from './webhook.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const validation = object(
  {
    expression: string('CEL that must be true.'),
    message: string('What the client is told.'),
    messageExpression: string('CEL that gives the message.'),
    reason: string('Forbidden, Invalid, RequestEntityTooLarge or Unauthorized; default Invalid.'),
  },
  ['expression'],
);

const spec = object(
  {
    paramKind: object(
      { apiVersion: string('API version of the parameters.'), kind: string('Kind of the parameters.') },
      [],
      'Kind of the objects that bindings give as params.',
      { 'x-kubernetes-map-type': 'atomic' },
    ),
    matchConstraints: matchResources,
    validations: array(validation, 'What must be true.', atomic),
    failurePolicy,
    auditAnnotations: array(
      object(
        { key: string('Key, after the name of the policy.'), valueExpression: string('CEL for the value.') },
        ['key', 'valueExpression'],
      ),
      'What the audit log is told.',
      atomic,
    ),
    matchConditions,
    variables: listMap(
      ['name'],
      object({ name: string('variables.NAME in expressions.'), expression: string('CEL.') }, [
        'name',
        'expression',
      ]),
      'Values used by several expressions, each worked out once.',
    ),
  },
  [],
  'What is demanded of requests.',
);

const status = object({
  observedGeneration: int64('Generation that was looked at.'),
  typeChecking: object({
    expressionWarnings: array(
      object({ fieldRef: string('Where the expression is.'), warning: string('What is odd about it.') }, [
        'fieldRef',
        'warning',
      ]),
      'Expressions that cannot work.',
      atomic,
    ),
  }),
  conditions,
});

const schema = object({ spec, status }, [], 'Demands on requests, in CEL.');

/** Demands on requests, in CEL. */
export type ValidatingAdmissionPolicy = KubeObject & TypeOf<typeof schema>;
export type PolicySpec = TypeOf<typeof spec>;
export type PolicyValidation = TypeOf<typeof validation>;

export const validatingAdmissionPolicy: KindDefinition<ValidatingAdmissionPolicy> = {
  ...ofAdmission,
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  singular: 'validatingadmissionpolicy',
  schema,
  subresources: { status: true },
  columns: [
    {
      name: 'Validations',
      type: 'integer',
      description: 'How many validations it has.',
      value: (one: ValidatingAdmissionPolicy) => one.spec?.validations?.length ?? 0,
    },
    {
      name: 'ParamKind',
      type: 'string',
      description: 'Kind of its parameters.',
      value: ({ spec: given }: ValidatingAdmissionPolicy) =>
        given?.paramKind === undefined ? '<unset>' : `${given.paramKind.apiVersion}/${given.paramKind.kind}`,
    },
    ageColumn,
  ],
  validate: ({ object: given, operation, subresource }) =>
    operation === 'DELETE' || subresource !== undefined ? [] : policyCauses(given.spec ?? {}),
};
