import type { Cause } from '#api/meta.ts';
import type { SchemaNode, ValidationRule } from '#api/schema.ts';
import { deepEqual } from '../patch/equal.ts';
import { cause } from '../schema/causes.ts';
import { itemsByKeys } from '../schema/list-items.ts';
import { OutOfBudget, OverLimit, RULES_BUDGET, startBudget } from './budget.ts';
import { compileRule, summaryOf } from './compile.ts';
import { celLibrary } from './library.ts';
import { type Converted, toCel } from './values.ts';

interface RuleContext {
  readonly causes: Cause[];
  readonly converted: Converted;
  /** True once an expression cost too much: none is run any more. */
  stopped: boolean;
}

/** What to tell of a rule that does not hold. */
interface Broken {
  readonly message: string;
  /** The expression that cost too much: the rule itself, or the one for its message. */
  readonly tooMuch?: 'rule' | 'message';
}

const withRules = new WeakMap<SchemaNode, boolean>();

/** True when the node or anything below it has CEL rules. */
export function hasRules(node: SchemaNode): boolean {
  let known = withRules.get(node);
  if (known === undefined) {
    // A schema that describes itself (a definition's) comes round to nodes that are being looked at.
    withRules.set(node, false);
    known =
      (node['x-kubernetes-validations']?.length ?? 0) > 0 ||
      Object.values(node.properties ?? {}).some(hasRules) ||
      (node.items !== undefined && hasRules(node.items)) ||
      (node.additionalProperties !== undefined && hasRules(node.additionalProperties));
    withRules.set(node, known);
  }
  return known;
}

/**
 * Runs every CEL rule of a schema on a structurally sound object. `old` is the stored object on update; rules that name
 * `oldSelf` run only where it has a counterpart, and a broken rule on an unchanged value is tolerated, as upstream does.
 */
export function validateRules(schema: SchemaNode, object: unknown, old: unknown): readonly Cause[] {
  const context: RuleContext = { causes: [], converted: new Map(), stopped: false };
  startBudget(RULES_BUDGET);
  visit(schema, object, old, '', context);
  return context.causes;
}

function visit(node: SchemaNode, value: unknown, old: unknown, path: string, context: RuleContext): void {
  if (value === undefined || value === null || !hasRules(node) || context.stopped) {
    return;
  }
  for (const rule of node['x-kubernetes-validations'] ?? []) {
    if (context.stopped) {
      return;
    }
    runRule(rule, node, value, old, path, context);
  }
  if (Array.isArray(value)) {
    visitItems(node, value, old, path, context);
  } else if (typeof value === 'object') {
    visitFields(node, value as Record<string, unknown>, old, path, context);
  }
}

function visitItems(
  node: SchemaNode,
  value: readonly unknown[],
  old: unknown,
  path: string,
  context: RuleContext,
): void {
  const { items } = node;
  if (items === undefined || !hasRules(items)) {
    return;
  }
  const keys = node['x-kubernetes-list-map-keys'];
  const find = Array.isArray(old) && keys !== undefined ? itemsByKeys(keys, old) : undefined;
  value.forEach((item, index) => {
    visit(items, item, find?.(item), `${path}[${index}]`, context);
  });
}

function visitFields(
  node: SchemaNode,
  value: Record<string, unknown>,
  old: unknown,
  path: string,
  context: RuleContext,
): void {
  const olds = typeof old === 'object' && old !== null ? (old as Record<string, unknown>) : {};
  for (const [name, field] of Object.entries(value)) {
    const own = node.properties !== undefined && Object.hasOwn(node.properties, name);
    const child = own ? node.properties?.[name] : node.additionalProperties;
    if (child !== undefined) {
      const at = own ? (path === '' ? name : `${path}.${name}`) : `${path}[${name}]`;
      visit(child, field, Object.hasOwn(olds, name) ? olds[name] : undefined, at, context);
    }
  }
}

function runRule(
  rule: ValidationRule,
  node: SchemaNode,
  value: unknown,
  old: unknown,
  path: string,
  context: RuleContext,
): void {
  const optional = rule.optionalOldSelf === true;
  const compiled = compileRule(rule.rule, optional ? 'optional' : 'value');
  if (compiled.usesOldSelf && old === undefined && !optional) {
    return;
  }
  const variables: Record<string, unknown> = { self: toCel(node, value, context.converted) };
  if (compiled.usesOldSelf) {
    const before = old === undefined ? undefined : toCel(node, old, context.converted);
    const { Optional } = celLibrary();
    variables['oldSelf'] = optional ? (before === undefined ? Optional.none() : Optional.of(before)) : before;
  }
  const broken = brokenBy(rule, compiled, variables);
  if (broken === undefined) {
    return;
  }
  context.stopped = broken.tooMuch !== undefined;
  if (broken.tooMuch === 'rule') {
    context.causes.push(cause('FieldValueInvalid', path, broken.message, node.type));
  } else if (compiled.usesOldSelf || old === undefined || !deepEqual(value, old)) {
    context.causes.push(
      context.stopped
        ? cause('FieldValueInvalid', placeOf(rule, path), broken.message, node.type)
        : ruleCause(rule, broken.message, value, path),
    );
  }
}

/** What to tell of a rule that does not hold; undefined when it holds. */
function brokenBy(
  rule: ValidationRule,
  compiled: ReturnType<typeof compileRule>,
  variables: Record<string, unknown>,
): Broken | undefined {
  try {
    return compiled.run(variables) === true ? undefined : messageFor(rule, variables);
  } catch (error) {
    const told = (rule.message || rule.rule).trim();
    if (error instanceof OutOfBudget) {
      return { message: error.message, tooMuch: 'rule' };
    }
    if (error instanceof OverLimit) {
      const why = `no further validation rules will be run due to call cost exceeds limit for rule: ${told}`;
      return { message: `'${error.message}': ${why}`, tooMuch: 'rule' };
    }
    return { message: `${summaryOf(error)} evaluating rule: ${told}` };
  }
}

function messageFor(rule: ValidationRule, variables: Record<string, unknown>): Broken {
  const fallback = { message: rule.message ?? `failed rule: ${rule.rule.trim()}` };
  if (rule.messageExpression === undefined) {
    return fallback;
  }
  try {
    const text = compileRule(
      rule.messageExpression,
      rule.optionalOldSelf === true ? 'optional' : 'value',
    ).run({ oldSelf: null, ...variables });
    return typeof text === 'string' && text.trim() !== '' && !text.includes('\n')
      ? { message: text.trim() }
      : fallback;
  } catch (error) {
    return tooMuchForMessage(rule.messageExpression, error) ?? fallback; // as upstream: a broken message must not hide that the rule is broken
  }
}

function tooMuchForMessage(expression: string, error: unknown): Broken | undefined {
  const tooMuch = 'message';
  if (error instanceof OutOfBudget) {
    const why = 'messageExpression evaluation failed due to running out of cost budget';
    return { message: `${why}, no further validation rules will be run`, tooMuch };
  }
  const why = 'no further validation rules will be run due to call cost exceeds limit for messageExpression';
  return error instanceof OverLimit
    ? { message: `${why}: ${JSON.stringify(expression)}`, tooMuch }
    : undefined;
}

function ruleCause(rule: ValidationRule, message: string, value: unknown, path: string): Cause {
  // Upstream leaves objects and lists out of the message.
  const shown = typeof value === 'object' ? undefined : value;
  return cause(rule.reason ?? 'FieldValueInvalid', placeOf(rule, path), message, shown);
}

function placeOf({ fieldPath }: ValidationRule, path: string): string {
  return `${path}${relative(fieldPath, path)}`;
}

function relative(fieldPath: string | undefined, path: string): string {
  if (fieldPath === undefined) {
    return '';
  }
  const dotted = fieldPath.replaceAll(/\['([^']*)'\]/g, '.$1');
  return path === '' ? dotted.replace(/^\./, '') : dotted;
}
