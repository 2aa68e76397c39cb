/** Rules of policies and their bindings. k8s.io/kubernetes/pkg/apis/admissionregistration/validation, in its words. */
import { duplicate, invalid, notSupported, required } from '../cause.ts';
import { labelSelectorCauses } from '../label-rules.ts';
import type { Cause } from '../meta.ts';
import { qualifiedNameProblem } from '../names.ts';
import { conditionsCauses, matchResourcesCauses } from './match-rules.ts';
import type { PolicySpec, PolicyValidation } from './validating-admission-policy.ts';
import type { BindingSpec, ParamRef } from './validating-admission-policy-binding.ts';

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const IDENTIFIER = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const oneNeeded = 'validations or auditAnnotations must contain at least one item';

/** Checks a policy; that its expressions compile is checked where CEL is. */
export function policyCauses(spec: PolicySpec): readonly Cause[] {
  const { validations = [], auditAnnotations = [], variables = [], paramKind, matchConstraints } = spec;
  return [
    ...(paramKind === undefined ? [] : paramKindCauses(paramKind)),
    ...(matchConstraints === undefined
      ? [required('spec.matchConstraints', '')]
      : matchResourcesCauses('spec.matchConstraints', matchConstraints)),
    ...(matchConstraints !== undefined && (matchConstraints.resourceRules ?? []).length === 0
      ? [required('spec.matchConstraints.resourceRules', '')]
      : []),
    ...conditionsCauses('spec.matchConditions', spec.matchConditions),
    ...variables.flatMap(({ name, expression }, index) => [
      ...(IDENTIFIER.test(name)
        ? []
        : [invalid(`spec.variables[${index}].name`, name, 'name is not a valid CEL identifier')]),
      ...emptyCauses(`spec.variables[${index}].expression`, expression, 'expression is not specified'),
    ]),
    ...(validations.length === 0 && auditAnnotations.length === 0
      ? [required('spec.validations', oneNeeded), required('spec.auditAnnotations', oneNeeded)]
      : []),
    ...validations.flatMap((one, index) => validationCauses(`spec.validations[${index}]`, one)),
    ...annotationsCauses(auditAnnotations),
  ];
}

function annotationsCauses(annotations: NonNullable<PolicySpec['auditAnnotations']>): readonly Cause[] {
  return annotations.flatMap(({ key, valueExpression }, index) => {
    const field = `spec.auditAnnotations[${index}]`;
    const problem = qualifiedNameProblem(key);
    const again = annotations.findIndex((one) => one.key === key) < index;
    return [
      ...(key === '' ? [required(`${field}.key`, 'key is not specified')] : []),
      ...(problem === undefined || key === '' ? [] : [invalid(`${field}.key`, key, problem)]),
      ...(again ? [duplicate(`${field}.key`, key, '')] : []),
      ...emptyCauses(`${field}.valueExpression`, valueExpression, 'valueExpression is not specified'),
    ];
  });
}

function emptyCauses(field: string, text: string, why: string): readonly Cause[] {
  return text.trim() === '' ? [required(field, why)] : [];
}

function paramKindCauses({ apiVersion = '', kind = '' }: NonNullable<PolicySpec['paramKind']>) {
  return [
    ...(apiVersion === '' ? [required('spec.paramKind.apiVersion', '')] : []),
    ...(kind === '' ? [required('spec.paramKind.kind', '')] : []),
  ];
}

function validationCauses(field: string, validation: PolicyValidation): readonly Cause[] {
  const { expression, message, messageExpression, reason } = validation;
  return [
    ...emptyCauses(`${field}.expression`, expression, 'expression is not specified'),
    ...(messageExpression !== undefined && messageExpression !== '' && messageExpression.trim() === ''
      ? [
          invalid(
            `${field}.messageExpression`,
            messageExpression,
            'must be non-empty if specified, and must not be only whitespace',
          ),
        ]
      : []),
    ...(message !== undefined && message !== '' && message.trim() === ''
      ? [invalid(`${field}.message`, message, 'message must be non-empty if specified')]
      : []),
    ...(message?.trim().includes('\n') === true
      ? [invalid(`${field}.message`, message, 'message must not contain line breaks')]
      : []),
    ...(expression.includes('\n') && (message ?? '') === ''
      ? [required(`${field}.message`, 'message must be specified if expression contains line breaks')]
      : []),
    ...(reason === undefined || reason === '' || reasons.includes(reason)
      ? []
      : [notSupported(`${field}.reason`, reason, reasons)]),
  ];
}

/** Checks a binding. */
export function bindingCauses(spec: BindingSpec): readonly Cause[] {
  const { policyName = '', paramRef, validationActions = [] } = spec;
  const both = validationActions.includes('Deny') && validationActions.includes('Warn');
  return [
    ...(policyName === '' ? [required('spec.policyName', '')] : []),
    ...(paramRef === undefined ? [] : paramRefCauses(paramRef)),
    ...matchResourcesCauses('spec.matchResources', spec.matchResources),
    ...(validationActions.length === 0 ? [required('spec.validationActions', '')] : []),
    ...(both
      ? [
          invalid(
            'spec.validationActions',
            validationActions,
            'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
          ),
        ]
      : []),
  ];
}

function paramRefCauses({ name = '', selector, parameterNotFoundAction: action = '' }: ParamRef) {
  const field = 'spec.paramRef';
  return [
    ...(name === '' && selector === undefined
      ? [required(field, 'one of name or selector must be specified')]
      : []),
    ...(name !== '' && selector !== undefined
      ? [
          {
            type: 'FieldValueForbidden' as const,
            field: `${field}.name`,
            message: 'name and selector are mutually exclusive',
          },
        ]
      : []),
    ...labelSelectorCauses(`${field}.selector`, selector),
    ...(action === '' ? [required(`${field}.parameterNotFoundAction`, '')] : []),
    ...(action === '' || action === 'Allow' || action === 'Deny'
      ? []
      : [notSupported(`${field}.parameterNotFoundAction`, action, ['Deny', 'Allow'])]),
  ];
}
