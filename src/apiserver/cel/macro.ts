import { CelError } from './library.ts';

/*
 * What macros stand on. The CEL package does not document `forkWithVariable`, `reuse` and `setIterValue`: its version is
 * pinned, and cel.test.ts would notice a change.
 */

/** Variables and their values, or their types while an expression is checked. */
export interface Context {
  forkWithVariable(name: string, type: unknown): Context;
  reuse(parent: Context): Context;
  setIterValue(value: unknown, evaluator: Evaluator): Context;
}

export interface Evaluator {
  run(node: unknown, context: Context): unknown;
}

/** A type as the package's checker has it. */
export interface CheckedType {
  readonly kind: string;
  readonly name: string;
  readonly valueType?: CheckedType;
}

export interface Checker {
  check(node: unknown, context: Context): CheckedType;
  getType(name: string): CheckedType;
  createError(code: string, message: string, node: unknown): Error;
  readonly registry: { getOptionalType(type: CheckedType): CheckedType };
}

/** A macro as it stands in an expression. */
export interface Expansion {
  readonly args: readonly unknown[];
  readonly receiver: unknown;
}

/** The name in a node. @throws CelError */
export function identifier(node: unknown): string {
  const { op, args } = node as { op?: unknown; args?: unknown };
  if (op !== 'id' || typeof args !== 'string') {
    throw new CelError('a comprehension variable must be a plain name');
  }
  return args;
}

/** Runs what was checked before. @throws CelError */
export function checkedContext(context: Context | undefined): Context {
  if (context === undefined) {
    throw new CelError('a macro was run before it was checked');
  }
  return context;
}
