/**
 * The syntax tree of the CEL package, as far as the meter knows it. The package does not declare these parts: its version is
 * pinned, and meter.test.ts would notice a change.
 */
export interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly meta: {
    /** What runs in place of this node: a constant's value, or the loop that a macro stands for. */
    readonly alternate?: Node;
    readonly macro?: Macro;
    readonly evaluate: Evaluate;
  };
  /** What runs the node; the node's own overrides it for good. */
  evaluate: Evaluate;
  /** What the checker chose for an operator, a call or a loop; it gets the values of operands or arguments first. */
  handle?: (...given: unknown[]) => unknown;
}

export type Evaluate = (evaluator: unknown, node: unknown, context: unknown) => unknown;

/** A macro that is no loop of the package: `has`, `cel.bind`, those of optionals, those with two variables. */
export interface Macro {
  readonly args?: readonly Node[];
  readonly receiver?: Node;
  readonly arg?: Node;
  readonly val?: Node;
  readonly exp?: Node;
  readonly bodies?: readonly Node[];
  evaluate: Evaluate;
}

/** A loop of the package. */
export interface Loop {
  readonly iterable: Node;
  readonly step: Node;
  condition?: (accumulated: unknown) => boolean;
}

/** Makes a node charge whenever it runs. */
export function charging(node: Node, units: number, charge: (units: number) => void): void {
  if (units === 0) {
    return;
  }
  const run = running(node);
  node.evaluate = (evaluator, _node, context) => {
    charge(units);
    return run(evaluator, node, context);
  };
}

function running({ meta }: Node): Evaluate {
  const { alternate, macro, evaluate } = meta;
  if (alternate !== undefined) {
    return (evaluator, _node, context) => alternate.evaluate(evaluator, alternate, context);
  }
  return macro === undefined
    ? evaluate
    : (evaluator, _node, context) => macro.evaluate(evaluator, macro, context);
}
