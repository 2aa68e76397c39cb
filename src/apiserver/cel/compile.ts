import type { Environment } from '@marcbachmann/cel-js';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { charge, enter, leave } from './budget.ts';
import { celEnvironment, type OldSelf } from './environment.ts';
import { CelError } from './library.ts';
import { meter } from './meter/meter.ts';
import type { Node } from './meter/node.ts';
import { type Parsed, parseExpression, visitNodes } from './parse.ts';
import { replacementOf, withOriginalNames } from './replaced.ts';

/** A rule ready to run. */
export interface CompiledRule {
  /** True: the rule compares with the stored object and is skipped when there is none. */
  readonly usesOldSelf: boolean;
  /** @throws when the rule fails to run (missing key, wrong types), OverLimit, OutOfBudget. */
  run(variables: Readonly<Record<string, unknown>>): unknown;
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
    const parsed = parseExpression(environment, text);
    const found = { usesOldSelf: false };
    visitNodes(parsed.ast, (node) => {
      prepareNode(node, found);
    });
    const checked = parsed.check();
    if (!checked.valid) {
      throw checked.error ?? new CelError('does not type check');
    }
    return metered(parsed, found.usesOldSelf);
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

/** A checked expression that charges for what it does, and whose errors are cheap. */
function metered(parsed: Parsed, usesOldSelf: boolean): CompiledRule {
  const units = meter(parsed.ast as unknown as Node);
  visitNodes(parsed.ast, forgetSource);
  return {
    usesOldSelf,
    run(variables) {
      const outer = enter();
      const { stackTraceLimit } = Error;
      // Loops and `||` swallow errors by the thousand, and a trace takes a hundred times as long as what it is charged for.
      Error.stackTraceLimit = 0;
      try {
        charge(units);
        return parsed(variables);
      } finally {
        Error.stackTraceLimit = stackTraceLimit;
        leave(outer);
      }
    },
  };
}

/** Without the text of its expression at hand, the package does not draw the place in it for each error of a run. */
function forgetSource(node: Node): void {
  Object.defineProperty(node, 'input', { value: undefined, configurable: true });
}

/** The first line of what the CEL package says; the rest draws the source. */
export function summaryOf(error: unknown): string {
  const summary = (error as { summary?: unknown }).summary;
  return withOriginalNames(typeof summary === 'string' ? summary : (messageOf(error).split('\n')[0] ?? ''));
}

/** Finds `oldSelf`, and replaces functions. */
function prepareNode(node: Node, found: { usesOldSelf: boolean }): void {
  if (node.op === 'id' && node.args === 'oldSelf') {
    found.usesOldSelf = true;
  }
  if (node.op !== 'call' && node.op !== 'rcall') {
    return;
  }
  const parts = node.args as unknown[];
  const { length } = parts.at(-1) as readonly unknown[];
  parts[0] = replacementOf(node.op, String(parts[0]), length) ?? parts[0];
}
