/** CEL over requests: the environment of match conditions and policies. */
import { messageOf } from '#machinery/errors.ts';
import { CONDITIONS_BUDGET, OutOfBudget, startBudget } from '../../cel/budget.ts';
import { type CompiledRule, compileIn, summaryOf } from '../../cel/compile.ts';
import { celEnvironment } from '../../cel/environment.ts';
import { AUTHORIZER, registerAuthorizer } from '../../cel/functions/authorizer.ts';

type Environment = ReturnType<typeof celEnvironment>;

const names = ['object', 'oldObject', 'request', 'params', 'namespaceObject', 'variables'] as const;
/** Values by variable. */
export type Variables = Readonly<Partial<Record<(typeof names)[number] | 'authorizer', unknown>>>;

const conditionNames = ['object', 'oldObject', 'request'] as const;

/** Where an expression stands: a match condition, a policy, or a policy's `messageExpression`, which asks no authorizer. */
export type Place = 'condition' | 'policy' | 'message';
const environments = new Map<string, Environment>();
const compiled = new Map<string, CompiledRule>();
const MAX_CACHED = 2000;

function environmentOf(of: Place): Environment {
  let environment = environments.get(of);
  if (environment === undefined) {
    environment = celEnvironment('untyped').clone();
    for (const name of of === 'condition' ? conditionNames : names) {
      environment.registerVariable(name, 'dyn');
    }
    if (of !== 'message') {
      registerAuthorizer(environment);
      environment.registerVariable('authorizer', AUTHORIZER);
    }
    environments.set(of, environment);
  }
  return environment;
}

/** Compiles once. Throws PatchbayError `InvalidRule`. */
export function compileExpression(of: Place, text: string): CompiledRule {
  const key = `${of} ${text}`;
  let rule = compiled.get(key);
  if (rule === undefined) {
    rule = compileIn(environmentOf(of), text);
    if (compiled.size >= MAX_CACHED) {
      compiled.clear();
    }
    compiled.set(key, rule);
  }
  return rule;
}

/** Why an expression cannot work, in upstream's words, or nothing. */
export function expressionProblem(of: Place, text: string): string | undefined {
  try {
    compileExpression(of, text);
    return undefined;
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown };
    return `compilation failed: ${cause === undefined ? messageOf(error) : summaryOf(cause)}`;
  }
}

/** What came out of an expression: a value, or an error in words. */
export type Outcome = { readonly value: unknown } | { readonly error: string };

/** Works an expression out. @throws OutOfBudget, which is the end of all expressions that share the budget. */
export function evaluate(of: Place, text: string, variables: Variables): Outcome {
  try {
    return { value: compileExpression(of, text).run(variables) };
  } catch (error) {
    if (error instanceof OutOfBudget) {
      throw error;
    }
    return { error: `expression '${text.trim()}' resulted in error: ${summaryOf(error)}` };
  }
}

/** Whether match conditions hold: one that is false settles it, an error counts as the failure policy says. */
export function conditionsVerdict(
  of: Place,
  conditions: readonly { readonly expression: string }[],
  failurePolicy: string,
  variables: () => Variables,
): { readonly matches: boolean } | { readonly error: string } {
  if (conditions.length === 0) {
    return { matches: true };
  }
  startBudget(CONDITIONS_BUDGET);
  const errors: string[] = [];
  try {
    const given = variables();
    for (const { expression } of conditions) {
      const outcome = evaluate(of, expression, given);
      if ('error' in outcome) {
        errors.push(outcome.error);
      } else if (outcome.value !== true) {
        return { matches: false };
      }
    }
  } catch (error) {
    if (!(error instanceof OutOfBudget)) {
      throw error;
    }
    errors.splice(0, Infinity, error.message);
  }
  if (errors.length === 0) {
    return { matches: true };
  }
  return failurePolicy === 'Ignore'
    ? { matches: false }
    : { error: errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]` };
}
