import type { Environment } from '@marcbachmann/cel-js';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { isSpent, spend } from './budget.ts';
import { celEnvironment, type OldSelf } from './environment.ts';
import { mendHas } from './has.ts';
import { CelError } from './library.ts';

/** A rule ready to run. */
export interface CompiledRule {
  /** True: the rule compares with the stored object and is skipped when there is none. */
  readonly usesOldSelf: boolean;
  /** @throws when the rule fails to run (missing key, wrong types, out of budget). */
  run(variables: Readonly<Record<string, unknown>>): unknown;
}

/** The parts of a syntax tree that are rewritten; the package does not declare `evaluate` and `meta`. */
interface Node {
  op: string;
  args: unknown;
  evaluate(evaluator: unknown, ast: Node, context: unknown): unknown;
  readonly meta: { readonly alternate?: Node; readonly macro?: object };
}

const MAX_CACHED = 5000;
const cache = new Map<string, CompiledRule>();

/**
 * Compiles a CEL expression over `self` and `oldSelf`; the same text is compiled once.
 * @throws PatchbayError `InvalidRule` when it does not parse or its types cannot fit.
 */
export function compileRule(text: string, oldSelf: OldSelf = 'value'): CompiledRule {
  const key = `${oldSelf} ${text}`;
  let rule = cache.get(key);
  if (rule === undefined) {
    rule = compileIn(celEnvironment(oldSelf), text);
    if (cache.size >= MAX_CACHED) {
      cache.clear();
    }
    cache.set(key, rule);
  }
  return rule;
}

/**
 * Compiles a CEL expression over the variables of an environment.
 * @throws PatchbayError `InvalidRule` when it does not parse or its types cannot fit.
 */
export function compileIn(environment: Environment, text: string): CompiledRule {
  try {
    const parsed = environment.parse(text);
    const found = { usesOldSelf: false };
    mendHas(parsed.ast);
    prepareTree(parsed.ast, found, new Set());
    const checked = parsed.check();
    if (!checked.valid) {
      throw checked.error ?? new CelError('does not type check');
    }
    return {
      usesOldSelf: found.usesOldSelf,
      run(variables) {
        const result: unknown = parsed({ ...variables });
        if (isSpent()) {
          spend(0);
        }
        return result;
      },
    };
  } catch (error) {
    throw new PatchbayError(
      'InvalidRule',
      `compile error of rule ${JSON.stringify(text)}: ${summaryOf(error)}`,
      {
        cause: error,
        retryable: false,
      },
    );
  }
}

/** The first line of what the CEL package says; the rest draws the source. */
export function summaryOf(error: unknown): string {
  const summary = (error as { summary?: unknown }).summary;
  return typeof summary === 'string' ? summary : (messageOf(error).split('\n')[0] ?? '');
}

/** Visits every node: finds `oldSelf`, counts loop steps, and sends `matches` to the linear-time matcher. */
function prepareTree(value: unknown, found: { usesOldSelf: boolean }, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) {
    return;
  }
  seen.add(value);
  if (Array.isArray(value)) {
    value.forEach((item) => {
      prepareTree(item, found, seen);
    });
    return;
  }
  if (isNode(value)) {
    prepareNode(value, found);
    prepareTree(value.meta.alternate, found, seen);
    prepareTree(value.args, found, seen);
    prepareTree(value.meta.macro, found, seen);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    prepareTree(Object.values(value), found, seen);
  }
}

function isNode(value: object): value is Node {
  return 'op' in value && 'args' in value && 'meta' in value && typeof value.op === 'string';
}

function prepareNode(node: Node, found: { usesOldSelf: boolean }): void {
  if (node.op === 'id' && node.args === 'oldSelf') {
    found.usesOldSelf = true;
  }
  if (node.op === 'rcall' && Array.isArray(node.args) && node.args[0] === 'matches') {
    node.args[0] = 'matchesRe2';
  }
  if (node.op === 'comprehension') {
    const { step } = node.args as { step: Node };
    countEvaluations(step);
  }
}

/** A loop's step spends one unit each time it runs; so does the loop itself when the step's node is shared. */
function countEvaluations(step: Node): void {
  // The package swaps `evaluate` of the node on its first run, so the count sits in front of whatever it is then.
  const prototypeEvaluate = step.evaluate;
  let current = prototypeEvaluate;
  Object.defineProperty(step, 'evaluate', {
    configurable: true,
    get() {
      return function counted(this: Node, evaluator: unknown, ast: Node, context: unknown): unknown {
        spend(1);
        return current.call(step, evaluator, ast, context);
      };
    },
    set(next: Node['evaluate']) {
      current = next;
    },
  });
}
