/** Rules of what webhooks and policies match. k8s.io/kubernetes/pkg/apis/admissionregistration/validation, in its words. */
import { duplicate, invalid, notSupported, required } from '../cause.ts';
import { labelSelectorCauses } from '../label-rules.ts';
import type { Cause } from '../meta.ts';
import { qualifiedNameProblem } from '../names.ts';
import { type MatchConditions, type MatchResources, operations, type Rule } from './match.ts';

/** Most match conditions of one webhook or policy. */
const MAX_CONDITIONS = 64;

/** Checks rules that stand at `field`. */
export function rulesCauses(field: string, rules: readonly Rule[] | undefined): readonly Cause[] {
  return (rules ?? []).flatMap((rule, index) => ruleCauses(`${field}[${index}]`, rule));
}

function ruleCauses(field: string, rule: Rule): readonly Cause[] {
  const named = rule.resourceNames ?? [];
  return [
    ...operationsCauses(`${field}.operations`, rule.operations ?? []),
    ...listCauses(`${field}.apiGroups`, rule.apiGroups ?? [], 'API groups', true),
    ...listCauses(`${field}.apiVersions`, rule.apiVersions ?? [], 'API versions', false),
    ...resourcesCauses(`${field}.resources`, rule.resources ?? []),
    ...named.flatMap((name, index) =>
      named.indexOf(name) === index ? [] : [duplicate(`${field}.resourceNames[${index}]`, name, '')],
    ),
  ];
}

function operationsCauses(field: string, given: readonly string[]): readonly Cause[] {
  if (given.length === 0) return [required(field, '')];
  if (given.length > 1 && given.includes('*')) {
    return [invalid(field, given, "if '*' is present, must not specify other operations")];
  }
  return given.flatMap((one, index) =>
    (operations as readonly string[]).includes(one)
      ? []
      : [notSupported(`${field}[${index}]`, one, operations)],
  );
}

function listCauses(
  field: string,
  given: readonly string[],
  words: string,
  emptyAllowed: boolean,
): readonly Cause[] {
  if (given.length === 0) return [required(field, '')];
  return [
    ...(given.length > 1 && given.includes('*')
      ? [invalid(field, given, `if '*' is present, must not specify other ${words}`)]
      : []),
    ...given.flatMap((one, index) =>
      one === '' && !emptyAllowed ? [required(`${field}[${index}]`, '')] : [],
    ),
  ];
}

function resourcesCauses(field: string, given: readonly string[]): readonly Cause[] {
  if (given.length === 0) return [required(field, '')];
  const causes = given.flatMap((one, index) => (one === '' ? [required(`${field}[${index}]`, '')] : []));
  if (given.length > 1 && given.includes('*/*')) {
    return [...causes, invalid(field, given, "if '*/*' is present, must not specify other resources")];
  }
  const allSubresources = given.filter((one) => one.endsWith('/*')).map((one) => one.slice(0, -2));
  const allResources = given.filter((one) => one.startsWith('*/')).map((one) => one.slice(2));
  return [
    ...causes,
    ...given.flatMap((one, index) => {
      const [resource = '', subresource] = one.split('/', 2);
      const at = `${field}[${index}]`;
      if (subresource !== undefined && subresource !== '*' && allSubresources.includes(resource)) {
        return [invalid(at, one, `if '${resource}/*' is present, must not specify ${one}`)];
      }
      if (subresource !== undefined && resource !== '*' && allResources.includes(subresource)) {
        return [invalid(at, one, `if '*/${subresource}' is present, must not specify ${one}`)];
      }
      return resource !== '*' && subresource === undefined && given.includes('*')
        ? [invalid(at, one, "if '*' is present, must not specify other resources without subresources")]
        : [];
    }),
  ];
}

/** Checks match conditions that stand at `field`; that they compile is checked where CEL is. */
export function conditionsCauses(field: string, conditions: MatchConditions | undefined): readonly Cause[] {
  const given = conditions ?? [];
  return [
    ...(given.length > MAX_CONDITIONS
      ? [
          {
            type: 'FieldValueTooMany' as const,
            field,
            message: `must have at most ${MAX_CONDITIONS} items`,
            value: given.length,
          },
        ]
      : []),
    ...given.flatMap(({ name, expression }, index) => {
      const problem = qualifiedNameProblem(name);
      return [
        ...(expression.trim() === '' ? [required(`${field}[${index}].expression`, '')] : []),
        ...(name === '' ? [required(`${field}[${index}].name`, '')] : []),
        ...(problem === undefined || name === '' ? [] : [invalid(`${field}[${index}].name`, name, problem)]),
      ];
    }),
  ];
}

/** Checks match resources that stand at `field`. */
export function matchResourcesCauses(field: string, match: MatchResources | undefined): readonly Cause[] {
  return [
    ...labelSelectorCauses(`${field}.namespaceSelector`, match?.namespaceSelector),
    ...labelSelectorCauses(`${field}.objectSelector`, match?.objectSelector),
    ...rulesCauses(`${field}.resourceRules`, match?.resourceRules),
    ...rulesCauses(`${field}.excludeResourceRules`, match?.excludeResourceRules),
  ];
}
