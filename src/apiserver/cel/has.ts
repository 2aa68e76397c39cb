/*
 * The CEL package's `has` takes plain paths only; CEL lets it end any expression (`has(self[0].name)`, `has(f(x).y)`). This
 * puts another macro in its place, in a parsed tree, before it is checked. It stands on `meta.macro` of call nodes, which the
 * package does not document: its version is pinned, and cel.test.ts would notice a change.
 */

interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly meta?: { readonly alternate?: Node; readonly macro?: Macro };
}

interface Macro {
  readonly args: readonly Node[];
  typeCheck(checker: Checker, macro: Macro, context: unknown): unknown;
  evaluate(evaluator: Evaluator, macro: Macro, context: unknown): unknown;
}

interface Checker {
  check(node: Node, context: unknown): unknown;
  getType(name: string): unknown;
}

interface Evaluator {
  run(node: Node, context: unknown): unknown;
}

/** Mends every `has` of a tree. Its field is checked like any other field. */
export function mendHas(tree: unknown, seen: Set<unknown> = new Set()): void {
  if (typeof tree !== 'object' || tree === null || seen.has(tree)) {
    return;
  }
  seen.add(tree);
  if (Array.isArray(tree)) {
    for (const item of tree) {
      mendHas(item, seen);
    }
    return;
  }
  const { op, args, meta } = tree as Node;
  if (op === 'call' && Array.isArray(args) && args[0] === 'has' && meta?.macro !== undefined) {
    mend(meta.macro);
  }
  if (typeof op === 'string' && meta !== undefined) {
    mendHas([args, meta.alternate, meta.macro], seen);
  } else if (Object.getPrototypeOf(tree) === Object.prototype) {
    mendHas(Object.values(tree), seen);
  }
}

function mend(macro: Macro): void {
  const [field] = macro.args;
  if (field?.op !== '.' || !Array.isArray(field.args) || isOptional(field)) {
    return;
  }
  const [receiver, name] = field.args as [Node, string];
  Object.assign(macro, {
    typeCheck(checker: Checker, _macro: Macro, context: unknown): unknown {
      checker.check(field, context);
      return checker.getType('bool');
    },
    evaluate(evaluator: Evaluator, _macro: Macro, context: unknown): boolean {
      return holds(evaluator.run(receiver, context), name);
    },
  });
}

/** Paths with `.?` in them stay with the package. */
function isOptional({ op, args }: Node): boolean {
  return op === '.?' || op === '[?]' || (op === '.' && Array.isArray(args) && isOptional(args[0] as Node));
}

function holds(value: unknown, name: string): boolean {
  if (value instanceof Map) {
    return value.get(name) !== undefined;
  }
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name);
}
