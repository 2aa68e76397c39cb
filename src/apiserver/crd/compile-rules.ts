/** Compiles the CEL rules of a schema, in the words of apiextensions `ValidateCustomResourceDefinitionOpenAPISchema`. */
import type { Cause } from '#api/meta.ts';
import type { ValidationRule } from '#api/schema.ts';
import { compileRule } from '../cel/compile.ts';
import { compileFault } from '../cel/typed.ts';
import { cause } from '../schema/causes.ts';
import type { RuleScope } from './rule-texts.ts';
import { schemaNode } from './served.ts';

/** What is wrong with the rules of one node. */
export function ruleCauses({ node, path, root, uncorrelatable }: RuleScope): readonly Cause[] {
  const structure = schemaNode(node as Parameters<typeof schemaNode>[0]);
  return (node['x-kubernetes-validations'] ?? []).flatMap((rule, index) => {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    const check = {
      node: structure,
      root,
      oldSelf: rule.optionalOldSelf === true ? 'optional' : 'value',
    } as const;
    const fault = compileFault(rule.rule, { ...check, result: 'bool' });
    if (fault !== undefined) {
      return [
        cause('FieldValueInvalid', `${at}.rule`, withPrefix('compilation failed: ', fault), shown(rule)),
      ];
    }
    const { messageExpression = '' } = rule;
    const said =
      messageExpression.trim() === ''
        ? undefined
        : compileFault(messageExpression, { ...check, result: 'string' });
    return [
      ...(said === undefined
        ? []
        : [
            cause(
              'FieldValueInvalid',
              `${at}.messageExpression`,
              withPrefix('messageExpression compilation failed: ', said),
              shown(rule),
            ),
          ]),
      ...transitionCauses(rule, at, uncorrelatable),
    ];
  });
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
