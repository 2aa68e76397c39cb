import type { Environment } from '@marcbachmann/cel-js';
import { charge, OverLimit } from './budget.ts';
import { CelError } from './library.ts';
import {
  type Checker,
  type Context,
  checkedContext,
  type Evaluator,
  type Expansion,
  identifier,
} from './macro.ts';

/*
 * The two-variable comprehensions of CEL's extension (`all(i, v, …)`, `exists`, `existsOne`, `transformList`, `transformMap`,
 * `transformMapEntry`; cel-go `ext/comprehensions.go`).
 */

interface Macro {
  readonly receiver: unknown;
  readonly first: string;
  readonly second: string;
  /** The last arguments: a predicate and, or or, a transform. */
  readonly bodies: readonly unknown[];
  outer: Context | undefined;
  inner: Context | undefined;
}

/** Sees one pair; returns what ends the loop, or undefined to go on. */
type Step<R> = (run: (body: number) => unknown, key: unknown) => R | undefined;

interface Loop {
  readonly returns: string;
  /** Cost units of asking whether to go on, which is done once more when the loop ends early. */
  readonly asked?: number;
  /** An error of a round counts only when no other round settles the answer. */
  readonly tolerant?: boolean;
  start(): { readonly step: Step<unknown>; finish(): unknown };
}

/** Adds the two-variable macros to an environment. */
export function registerTwoVariableMacros(environment: Environment): void {
  register(environment, 'all(ast, ast, ast): bool', {
    returns: 'bool',
    asked: 2,
    tolerant: true,
    start: startAll,
  });
  register(environment, 'exists(ast, ast, ast): bool', {
    returns: 'bool',
    asked: 3,
    tolerant: true,
    start: startExists,
  });
  register(environment, 'existsOne(ast, ast, ast): bool', { returns: 'bool', start: startExistsOne });
  register(environment, 'exists_one(ast, ast, ast): bool', { returns: 'bool', start: startExistsOne });
  register(environment, 'transformList(ast, ast, ast): list<dyn>', {
    returns: 'list<dyn>',
    start: () => startList(false),
  });
  register(environment, 'transformList(ast, ast, ast, ast): list<dyn>', {
    returns: 'list<dyn>',
    start: () => startList(true),
  });
  register(environment, 'transformMap(ast, ast, ast): map<dyn, dyn>', {
    returns: 'map<dyn, dyn>',
    start: () => startMap(false),
  });
  register(environment, 'transformMap(ast, ast, ast, ast): map<dyn, dyn>', {
    returns: 'map<dyn, dyn>',
    start: () => startMap(true),
  });
  register(environment, 'transformMapEntry(ast, ast, ast): map<dyn, dyn>', {
    returns: 'map<dyn, dyn>',
    start: () => startEntries(false),
  });
  register(environment, 'transformMapEntry(ast, ast, ast, ast): map<dyn, dyn>', {
    returns: 'map<dyn, dyn>',
    start: () => startEntries(true),
  });
}

/** Go's words for a value that is no boolean. */
function truth(value: unknown): boolean {
  if (typeof value !== 'boolean') {
    throw new CelError('no such overload: the condition of a comprehension must be a bool');
  }
  return value;
}

function startAll() {
  return {
    step: (run: (body: number) => unknown) => (truth(run(0)) ? undefined : false),
    finish: () => true,
  };
}

function startExists() {
  return {
    step: (run: (body: number) => unknown) => (truth(run(0)) ? true : undefined),
    finish: () => false,
  };
}

function startExistsOne() {
  let count = 0;
  return {
    step(run: (body: number) => unknown) {
      if (truth(run(0))) {
        count += 1;
        charge(2);
      }
      return undefined;
    },
    finish: () => count === 1,
  };
}

function startList(filtered: boolean) {
  const list: unknown[] = [];
  return {
    step(run: (body: number) => unknown) {
      if (!filtered || truth(run(0))) {
        list.push(run(filtered ? 1 : 0));
      }
      return undefined;
    },
    finish: () => list,
  };
}

function startMap(filtered: boolean) {
  const map = new Map<unknown, unknown>();
  return {
    step(run: (body: number) => unknown, key: unknown) {
      if (!filtered || truth(run(0))) {
        map.set(key, run(filtered ? 1 : 0));
      }
      return undefined;
    },
    finish: () => map,
  };
}

/** Each round makes a map of its own; no key may come twice. */
function startEntries(filtered: boolean) {
  const map = new Map<unknown, unknown>();
  return {
    step(run: (body: number) => unknown) {
      if (!filtered || truth(run(0))) {
        for (const [key, value] of entriesOf(run(filtered ? 1 : 0))) {
          if (map.has(key)) {
            throw new CelError(`insert failed: key ${String(key)} already exists`);
          }
          map.set(key, value);
        }
      }
      return undefined;
    },
    finish: () => map,
  };
}

function register(environment: Environment, signature: string, loop: Loop): void {
  environment.registerFunction(`dyn.${signature}`, (({ args, receiver }: Expansion) => ({
    receiver,
    first: identifier(args[0]),
    second: identifier(args[1]),
    bodies: args.slice(2),
    outer: undefined,
    inner: undefined,
    async: false,
    typeCheck: (checker: Checker, macro: Macro, context: Context) => typeCheck(checker, macro, context, loop),
    evaluate: (evaluator: Evaluator, macro: Macro, context: Context) =>
      evaluate(evaluator, macro, context, loop),
  })) as (...values: unknown[]) => unknown);
}

function typeCheck(checker: Checker, macro: Macro, context: Context, loop: Loop): unknown {
  const dyn = checker.getType('dyn');
  checker.check(macro.receiver, context);
  macro.outer = context.forkWithVariable(macro.first, dyn);
  macro.inner = macro.outer.forkWithVariable(macro.second, dyn);
  for (const body of macro.bodies) {
    checker.check(body, macro.inner);
  }
  return checker.getType(loop.returns);
}

function evaluate(evaluator: Evaluator, macro: Macro, context: Context, loop: Loop): unknown {
  const [outer, inner] = [checkedContext(macro.outer), checkedContext(macro.inner)];
  const state = loop.start();
  const entries = entriesOf(evaluator.run(macro.receiver, context));
  let fault: unknown;
  for (const [at, [key, value]] of entries.entries()) {
    const outerNow = outer.reuse(context).setIterValue(key, evaluator);
    const innerNow = inner.reuse(outerNow).setIterValue(value, evaluator);
    try {
      const ended = state.step((body) => evaluator.run(macro.bodies[body], innerNow), key);
      if (ended !== undefined) {
        charge(at < entries.length - 1 ? (loop.asked ?? 0) : 0);
        return ended;
      }
    } catch (error) {
      if (loop.tolerant !== true || error instanceof OverLimit) {
        throw error;
      }
      fault ??= error;
    }
  }
  if (fault !== undefined) {
    throw fault as Error;
  }
  return state.finish();
}

function entriesOf(range: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(range)) {
    return range.map((item, index) => [BigInt(index), item] as const);
  }
  if (range instanceof Map) {
    return [...range.entries()];
  }
  if (typeof range === 'object' && range !== null) {
    return Object.entries(range);
  }
  throw new CelError('a comprehension ranges over a list or a map');
}
