import type { Environment } from '@marcbachmann/cel-js';
import { charge } from './budget.ts';
import { sortByKeys } from './functions/list-extension.ts';
import { CelError, celLibrary } from './library.ts';
import {
  type CheckedType,
  type Checker,
  type Context,
  checkedContext,
  type Evaluator,
  type Expansion,
  identifier,
} from './macro.ts';
import { selfComparison } from './meter/sizes.ts';

/** A macro with one variable and one body. */
interface Macro {
  readonly receiver: unknown;
  readonly variable: string;
  readonly bodies: readonly [unknown];
  inner: Context | undefined;
}

interface Definition {
  /** The type of the variable, by the receiver's. Throws what the checker makes of a wrong one. */
  bound(checker: Checker, receiver: CheckedType, macro: Macro): CheckedType;
  /** The type of the whole, by the body's. */
  result(checker: Checker, body: CheckedType, receiver: CheckedType, macro: Macro): CheckedType;
  run(receiver: unknown, body: (value: unknown) => unknown): unknown;
}

/** `optMap`, `optFlatMap` (cel-go `cel/library.go`) and `sortBy` (`ext/lists.go`). */
export function registerValueMacros(environment: Environment): void {
  const { Optional } = celLibrary();
  const present = (value: unknown) => {
    if (!(value instanceof Optional)) {
      throw new CelError('no such overload: the receiver of optMap and optFlatMap must be optional');
    }
    return value.hasValue();
  };
  const valueIn = (optional: unknown) => (optional as InstanceType<typeof Optional>).value();
  register(environment, 'optMap(ast, ast): optional<dyn>', {
    bound: optionalElement,
    result: (checker, body) => checker.registry.getOptionalType(body),
    run: (receiver, body) => (present(receiver) ? Optional.of(body(valueIn(receiver))) : Optional.none()),
  });
  register(environment, 'optFlatMap(ast, ast): optional<dyn>', {
    bound: optionalElement,
    result: (checker, body, _receiver, macro) => {
      optionalElement(checker, body, macro);
      return body.kind === 'optional' ? body : checker.getType('optional');
    },
    run(receiver, body) {
      const made = present(receiver) ? body(valueIn(receiver)) : Optional.none();
      if (!(made instanceof Optional)) {
        throw new CelError('no such overload: optFlatMap must make an optional');
      }
      return made;
    },
  });
  register(environment, 'sortBy(ast, ast): list<dyn>', {
    bound: (checker, receiver) => receiver.valueType ?? checker.getType('dyn'),
    result: (checker, _body, receiver) =>
      receiver.kind === 'list' ? receiver : checker.getType('list<dyn>'),
    run: sortBy,
  });
}

function sortBy(receiver: unknown, body: (value: unknown) => unknown): unknown {
  if (!Array.isArray(receiver)) {
    throw new CelError('no such overload: sortBy sorts lists');
  }
  const keys = receiver.map(body);
  charge(selfComparison(keys));
  return sortByKeys(receiver, keys);
}

function optionalElement(checker: Checker, type: CheckedType, macro: Macro): CheckedType {
  if (type.kind !== 'optional' && type.kind !== 'dyn') {
    throw checker.createError('optional_expected', `must be optional, got '${type.name}'`, macro.receiver);
  }
  return type.valueType ?? checker.getType('dyn');
}

function register(environment: Environment, signature: string, definition: Definition): void {
  environment.registerFunction(`dyn.${signature}`, (({ args, receiver }: Expansion) => ({
    receiver,
    variable: identifier(args[0]),
    bodies: [args[1]],
    inner: undefined,
    async: false,
    typeCheck(checker: Checker, macro: Macro, context: Context) {
      const from = checker.check(macro.receiver, context);
      macro.inner = context.forkWithVariable(macro.variable, definition.bound(checker, from, macro));
      return definition.result(checker, checker.check(macro.bodies[0], macro.inner), from, macro);
    },
    evaluate(evaluator: Evaluator, macro: Macro, context: Context) {
      const inner = checkedContext(macro.inner);
      return definition.run(evaluator.run(macro.receiver, context), (value) =>
        evaluator.run(macro.bodies[0], inner.reuse(context).setIterValue(value, evaluator)),
      );
    },
  })) as (...values: unknown[]) => unknown);
}
