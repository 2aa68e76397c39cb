/** Compiles the CEL rules of a schema, in the words of apiextensions `ValidateCustomResourceDefinitionOpenAPISchema`. */
import type { Cause } from '#api/meta.ts';
import type { ValidationRule } from '#api/schema.ts';
import { compileRule } from '../cel/compile.ts';
import { compileFault, type RuleCheck } from '../cel/typed.ts';
import { cause } from '../schema/causes.ts';
import type { RuleCosts } from './rule-costs.ts';
import type { RuleScope } from './rule-texts.ts';
import { schemaNode } from './served.ts';

/** What is wrong with the rules of one node; what they may cost is added to `costs`. */
export function ruleCauses(scope: RuleScope, costs: RuleCosts): readonly Cause[] {
  const { node, path, root } = scope;
  const structure = schemaNode(node as Parameters<typeof schemaNode>[0]);
  return (node['x-kubernetes-validations'] ?? []).flatMap((rule, index) => {
    const oldSelf = rule.optionalOldSelf === true ? 'optional' : 'value';
    const check = { node: structure, root, oldSelf } as const;
    return causesOf(rule, check, `${path}.x-kubernetes-validations[${index}]`, scope, costs);
  });
}

function causesOf(
  rule: ValidationRule,
  check: Omit<RuleCheck, 'result'>,
  at: string,
  { cardinality, uncorrelatable }: RuleScope,
  costs: RuleCosts,
): readonly Cause[] {
  const bool = { ...check, result: 'bool' } as const;
  const fault = compileFault(rule.rule, bool);
  if (fault !== undefined) {
    const why = withPrefix('compilation failed: ', fault);
    return [cause('FieldValueInvalid', `${at}.rule`, why, shown(rule))];
  }
  return [
    ...costs.rule(rule.rule, bool, `${at}.rule`, cardinality),
    ...messageCauses(rule, { ...check, result: 'string' }, `${at}.messageExpression`, costs),
    ...transitionCauses(rule, at, uncorrelatable),
  ];
}

function messageCauses(
  rule: ValidationRule,
  check: RuleCheck,
  at: string,
  costs: RuleCosts,
): readonly Cause[] {
  const { messageExpression = '' } = rule;
  if (messageExpression.trim() === '') {
    return [];
  }
  const fault = compileFault(messageExpression, check);
  const why = withPrefix('messageExpression compilation failed: ', fault ?? '');
  return fault === undefined
    ? costs.message(messageExpression, check, at)
    : [cause('FieldValueInvalid', at, why, shown(rule))];
}

function withPrefix(prefix: string, fault: string): string {
  return fault.startsWith('ERROR: ') ? `${prefix}${fault}` : fault;
}

/** A rule as Go prints it. */
function shown(rule: ValidationRule): unknown {
  return {
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
}

function transitionCauses(
  rule: ValidationRule,
  at: string,
  uncorrelatable: string | undefined,
): readonly Cause[] {
  const compiled = compileRule(rule.rule, rule.optionalOldSelf === true ? 'optional' : 'value');
  if (!compiled.usesOldSelf) {
    const why = 'may not be set if oldSelf is not used in rule';
    return rule.optionalOldSelf === undefined
      ? []
      : [cause('FieldValueInvalid', `${at}.optionalOldSelf`, why, rule.optionalOldSelf)];
  }
  const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`;
  return uncorrelatable === undefined ? [] : [cause('FieldValueInvalid', `${at}.rule`, why, rule.rule)];
}
