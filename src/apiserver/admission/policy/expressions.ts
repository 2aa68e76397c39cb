/** Expressions of webhooks and policies compile, or the object is refused (`admissionregistration/validation`). */
import type { MatchConditions } from '#api/admissionregistration.k8s.io/match.ts';
import type { PolicySpec } from '#api/admissionregistration.k8s.io/validating-admission-policy.ts';
import type { Cause, KubeObject } from '#api/meta.ts';
import { invalid, qualified } from '../../api-errors.ts';
import { cause } from '../../schema/causes.ts';
import { expressionProblem, type Place } from '../match/expression.ts';
import type { AdmissionPlugin } from '../plugin.ts';

const group = 'admissionregistration.k8s.io';

interface Configuration extends KubeObject {
  readonly webhooks?: readonly { readonly matchConditions?: MatchConditions }[];
}

const checks: Readonly<Record<string, (object: KubeObject) => readonly Cause[]>> = {
  [`mutatingwebhookconfigurations.${group}`]: webhookCauses,
  [`validatingwebhookconfigurations.${group}`]: webhookCauses,
  [`validatingadmissionpolicies.${group}`]: policyCauses,
};

/** Refuses what does not compile. */
export const expressions: AdmissionPlugin = {
  name: 'Expressions',
  concerns: ({ kind, operation, subresource }) =>
    kind.group === group &&
    operation !== 'DELETE' &&
    subresource === '' &&
    checks[qualified(kind)] !== undefined,
  validate({ kind, name, object }) {
    const causes = object === undefined ? [] : (checks[qualified(kind)]?.(object) ?? []);
    if (causes.length > 0) {
      throw invalid(kind, name, causes);
    }
  },
};

function webhookCauses({ webhooks = [] }: Configuration): readonly Cause[] {
  return webhooks.flatMap(({ matchConditions = [] }, index) =>
    conditionCauses('condition', `webhooks[${index}].matchConditions`, matchConditions),
  );
}

function policyCauses(object: KubeObject & { readonly spec?: PolicySpec }): readonly Cause[] {
  const { validations = [], matchConditions = [], variables = [], auditAnnotations = [] } = object.spec ?? {};
  return [
    ...conditionCauses('policy', 'spec.matchConditions', matchConditions),
    ...variables.flatMap(({ expression }, index) =>
      problemCauses('policy', `spec.variables[${index}].expression`, expression),
    ),
    ...validations.flatMap(({ expression, messageExpression = '' }, index) => [
      ...problemCauses('policy', `spec.validations[${index}].expression`, expression),
      ...(messageExpression === ''
        ? []
        : problemCauses('message', `spec.validations[${index}].messageExpression`, messageExpression)),
    ]),
    ...auditAnnotations.flatMap(({ valueExpression }, index) =>
      problemCauses('policy', `spec.auditAnnotations[${index}].valueExpression`, valueExpression),
    ),
  ];
}

function conditionCauses(of: Place, field: string, conditions: MatchConditions): readonly Cause[] {
  return conditions.flatMap(({ expression }, index) =>
    problemCauses(of, `${field}[${index}].expression`, expression),
  );
}

function problemCauses(of: Place, field: string, expression: string): readonly Cause[] {
  const problem = expressionProblem(of, expression);
  return problem === undefined ? [] : [cause('FieldValueInvalid', field, problem, expression)];
}
