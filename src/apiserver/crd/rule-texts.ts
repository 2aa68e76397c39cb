/** What CEL rules look like before they are compiled. */
import type { Cause } from '#api/meta.ts';
import type { ValidationRule } from '#api/schema.ts';
import { cause, notSupported } from '../schema/causes.ts';
import type { JsonSchema } from './json-schema.ts';

/** A node with rules. */
export interface RuleScope {
  readonly node: JsonSchema;
  readonly path: string;
  readonly root: boolean;
  readonly uncorrelatable: string | undefined;
  readonly cardinality: number | undefined;
}

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const BREAK = /[\n\r]/;

/** What is wrong with the rules of a node as texts. */
export function ruleTexts(node: JsonSchema, path: string): readonly Cause[] {
  return (node['x-kubernetes-validations'] ?? []).flatMap((rule, index) =>
    textsOf(rule, node, `${path}.x-kubernetes-validations[${index}]`),
  );
}

function textsOf(rule: ValidationRule, node: JsonSchema, at: string): readonly Cause[] {
  const { message = '', messageExpression = '', fieldPath = '' } = rule;
  const reason: string | undefined = rule.reason;
  const causes: Cause[] = [];
  const said = wrongMessage(rule.rule.trim(), message, at);
  if (said !== undefined) {
    causes.push(said);
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    const why = 'messageExpression must be non-empty if specified';
    causes.push(cause('FieldValueRequired', `${at}.messageExpression`, why));
  }
  if (reason !== undefined && !REASONS.includes(reason)) {
    causes.push(notSupported(`${at}.reason`, reason, REASONS));
  }
  if (fieldPath !== '' && fieldPath.trim() === '') {
    causes.push(cause('FieldValueInvalid', `${at}.fieldPath`, 'must be non-empty if specified', fieldPath));
  }
  if (BREAK.test(fieldPath)) {
    causes.push(cause('FieldValueInvalid', `${at}.fieldPath`, 'must not contain line breaks', fieldPath));
  }
  if (fieldPath !== '' && nodeAt(node, fieldPath) === undefined) {
    causes.push(cause('FieldValueInvalid', `${at}.fieldPath`, 'must be a valid path', fieldPath));
  }
  return causes;
}

function wrongMessage(rule: string, message: string, at: string): Cause | undefined {
  const trimmed = message.trim();
  if (rule === '') {
    return cause('FieldValueRequired', `${at}.rule`, 'rule is not specified');
  }
  if (message !== '' && trimmed === '') {
    return cause('FieldValueInvalid', `${at}.message`, 'must be non-empty if specified', message);
  }
  if (BREAK.test(trimmed)) {
    return cause('FieldValueInvalid', `${at}.message`, 'must not contain line breaks', message);
  }
  return BREAK.test(rule) && trimmed === ''
    ? cause('FieldValueRequired', `${at}.message`, 'message must be specified if rule contains line breaks')
    : undefined;
}

const STEP = /\.([A-Za-z_][A-Za-z0-9_]*)|\['((?:[^'\\]|\\.)*)'\]/y;

/** The node at a path such as `.spec.name` or `.labels['a-b']`; undefined when there is none. Lists have no paths. */
export function nodeAt(node: JsonSchema, path: string): JsonSchema | undefined {
  let at: JsonSchema | undefined = node;
  STEP.lastIndex = 0;
  for (let read = 0; read < path.length; read = STEP.lastIndex) {
    const match: RegExpExecArray | null = STEP.exec(path);
    if (match === null || at === undefined) {
      return undefined;
    }
    const name = match[1] ?? match[2]?.replaceAll(/\\(.)/g, '$1') ?? '';
    const values: JsonSchema | boolean | undefined = at.additionalProperties;
    at = at.properties?.[name] ?? (typeof values === 'object' ? values : undefined);
  }
  return at;
}
