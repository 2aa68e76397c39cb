/** What loops cost: cel-go runs them as folds whose parts cost like anything else. */
import { charge } from '../budget.ts';
import type { Loop, Node } from './node.ts';

type Meter = (node: Node) => number;
type Block = (node: Node, extra?: number) => void;

interface Fold {
  /** To begin and to give the result. */
  readonly once: number;
  /** To ask whether to go on, before each round. */
  readonly asked: number;
  /** Of a round, besides the bodies. */
  readonly round: number;
  /** Of a round whose condition held, or that has none. */
  readonly kept: number;
}

const ALL: Fold = { once: 1, asked: 2, round: 1, kept: 0 };
const EXISTS: Fold = { once: 1, asked: 3, round: 1, kept: 0 };
const ONE: Fold = { once: 2, asked: 0, round: 0, kept: 2 };
/** A list of one item is made and added. */
const LIST: Fold = { once: 1, asked: 0, round: 0, kept: 12 };
/** A key and the insertion. */
const MAP: Fold = { once: 1, asked: 0, round: 0, kept: 3 };

/** A map that is inserted. */
const ENTRIES: Fold = { once: 1, asked: 0, round: 0, kept: 2 };
/** The list is bound to a name, and mapped to its keys; comparing them is charged when they are there. */
const SORT: Fold = { once: 3, asked: 0, round: 0, kept: 12 };

const FOLDS: Readonly<Record<string, Fold>> = {
  all: ALL,
  exists: EXISTS,
  exists_one: ONE,
  existsOne: ONE,
  filter: LIST,
  map: LIST,
  transformList: LIST,
  transformMap: MAP,
  transformMapEntry: ENTRIES,
  sortBy: SORT,
};

/** Prepares a loop of the package, `alternate`, which `node` stands for. Returns what it costs in any case. */
export function loopCost(node: Node, alternate: Node, meter: Meter, block: Block): number {
  const [name] = node.args as [string];
  const { once, asked, round, kept } = FOLDS[name] ?? LIST;
  const loop = alternate.args as Loop;
  const { step, condition } = loop;
  if (condition !== undefined) {
    const goes = asked + round + meter((step.args as [Node])[0]);
    loop.condition = (accumulated) => {
      const goesOn = condition(accumulated);
      charge(goesOn ? goes : asked);
      return goesOn;
    };
  } else if (step.op === '?:') {
    const [test, then] = step.args as [Node, Node];
    keep(then, kept, meter);
    block(test);
  } else {
    keep(step, kept, meter);
  }
  return once + meter(loop.iterable);
}

/** The package's node that adds an item, or counts one. */
function keep(node: Node, units: number, meter: Meter): void {
  const item = node.op === 'accuPush' ? meter(node.args as Node) : 0;
  const run = node.meta.evaluate;
  node.evaluate = (evaluator, self, context) => {
    charge(units + item);
    return run(evaluator, self, context);
  };
}

/** Prepares a loop with two variables. */
export function macroLoopCost(
  name: string,
  receiver: Node,
  bodies: readonly Node[],
  meter: Meter,
  block: Block,
): number {
  const { once, asked, round, kept } = FOLDS[name] ?? LIST;
  const [first, second] = bodies;
  if (first !== undefined) {
    block(
      first,
      asked +
        round +
        (second === undefined && (name.startsWith('transform') || name === 'sortBy') ? kept : 0),
    );
  }
  if (second !== undefined) {
    block(second, kept);
  }
  return once + meter(receiver);
}
