/** Macros: comprehensions as cel-go expands them, `cel.bind`, `has`, and what optionals have. */
import { dyn, plain } from './declaration.ts';
import { selfComparison } from './lists.ts';
import { fixed, type Size, times, unbounded, union } from './size.ts';
import type { CostNode, Entry, Estimate, Estimator, Scope, Variable } from './types.ts';

interface Loop {
  readonly variable: CostNode;
  readonly bodies: readonly CostNode[];
  readonly range: Estimate;
  readonly inner: Scope;
}

/** What cel-go's expansion adds: once, and each round besides the bodies. */
interface Expansion {
  readonly once: number;
  readonly round: number;
}

const QUANTIFIERS: Readonly<Record<string, Expansion>> = {
  all: { once: 1, round: 3 },
  exists: { once: 1, round: 4 },
  exists_one: { once: 2, round: 2 },
  existsOne: { once: 2, round: 2 },
};
/** A list that starts empty and gets another of one item added each round. */
const LIST: Expansion = { once: 11, round: 12 };
const MAP: Expansion = { once: 31, round: 3 };
const ENTRIES: Expansion = { once: 31, round: 2 };
const EXPANSIONS: Readonly<Record<string, Expansion>> = {
  ...QUANTIFIERS,
  transformMap: MAP,
  transformMapEntry: ENTRIES,
};

/** The estimate of a macro; undefined when the node is a plain call. */
export function loopOf(walk: Estimator, node: CostNode, scope: Scope): Estimate | undefined {
  if (node.op === 'call') {
    const [name, [first]] = node.args as [string, readonly CostNode[]];
    return name === 'has' && first !== undefined ? presence(walk, first, scope) : undefined;
  }
  const [name, receiver, args] = node.args as [string, CostNode, readonly CostNode[]];
  if (name === 'bind' && receiver.args === 'cel') {
    return bind(walk, args, scope);
  }
  if ((name === 'optMap' || name === 'optFlatMap') && args.length === 2) {
    return optional(walk, receiver, args, name, scope);
  }
  if (name === 'sortBy' && args.length === 2) {
    return sortBy(walk, receiver, args, scope);
  }
  const rounds = ROUNDS[name];
  if (rounds === undefined || args[0]?.op !== 'id' || args.length < 2) {
    return undefined;
  }
  const loop = enter(walk.of(receiver, scope), args, name, scope);
  return rounds(walk, loop, EXPANSIONS[name] ?? LIST);
}

/** `has` costs what leads to the field. */
function presence(walk: Estimator, field: CostNode, scope: Scope): Estimate {
  const { cost } = walk.of(field.op === '.' ? (field.args as [CostNode])[0] : field, scope);
  return walk.result(cost, plain('bool'));
}

function bind(walk: Estimator, args: readonly CostNode[], scope: Scope): Estimate {
  const [name, value, body] = args as [CostNode, CostNode, CostNode];
  const bound = walk.of(value, scope);
  const made = walk.of(body, new Map(scope).set(name.args as string, bound));
  return { ...made, path: [], cost: 10 + bound.cost + made.cost };
}

/** The list is bound to a name, mapped to its keys, and those are compared with each other. */
function sortBy(walk: Estimator, receiver: CostNode, args: readonly CostNode[], scope: Scope): Estimate {
  const name = '@__sortBy_input__';
  const input: CostNode = { op: 'id', args: name };
  const bound = walk.of(receiver, scope);
  const inner = new Map(scope).set(name, bound);
  const keys = walk.of({ op: 'rcall', args: ['map', input, args] }, inner);
  const { cost, size } = selfComparison(keys.size ?? unbounded, keys.type.element);
  return walk.result(10 + bound.cost + walk.of(input, inner).cost + keys.cost + cost, bound.type, size);
}

function optional(
  walk: Estimator,
  receiver: CostNode,
  args: readonly CostNode[],
  name: string,
  scope: Scope,
): Estimate {
  const [variable, body] = args as [CostNode, CostNode];
  const from = walk.of(receiver, scope);
  const value = walk.result(from.cost + 1, from.type.element ?? dyn);
  const made = walk.of(body, new Map(scope).set(variable.args as string, value));
  const mapped = name === 'optMap' ? 1 : 0;
  const cost = from.cost + 1 + mapped + 10 + value.cost + made.cost;
  return walk.result(cost, name === 'optMap' ? plain('optional', made.type) : made.type);
}

/** Two variables when the macro always has them, or has one argument more than with one. */
function enter(range: Estimate, args: readonly CostNode[], name: string, scope: Scope): Loop {
  const two = name.startsWith('transform') || (QUANTIFIERS[name] !== undefined && args.length === 3);
  const list = (range.entry?.container ?? range.type.kind) === 'list';
  const item: Variable = {
    path: [...range.path, list ? '@items' : '@values'],
    type: range.type.element ?? dyn,
    size: range.entry?.value,
  };
  const key: Variable = {
    path: [...range.path, list ? '@indices' : '@keys'],
    type: plain(list ? 'int' : range.type.kind === 'map' ? 'string' : 'dyn'),
    size: range.entry?.key,
  };
  const inner = new Map(scope);
  inner.set(args[0]?.args as string, two || !list ? key : item);
  if (two) {
    inner.set(args[1]?.args as string, item);
  }
  return { variable: args[0] as CostNode, bodies: args.slice(two ? 2 : 1), range, inner };
}

type Rounds = (walk: Estimator, loop: Loop, expansion: Expansion) => Estimate;

const ROUNDS: Readonly<Record<string, Rounds>> = {
  all: quantifier,
  exists: quantifier,
  exists_one: quantifier,
  existsOne: quantifier,
  filter,
  map: transform,
  transformList: transform,
  transformMap: transform,
  transformMapEntry: entries,
};

function quantifier(walk: Estimator, { bodies, range, inner }: Loop, { once, round }: Expansion): Estimate {
  const body = walk.of(bodies[0] as CostNode, inner);
  return walk.result(range.cost + once + looped(range, round + body.cost), plain('bool'), fixed(1));
}

function filter(walk: Estimator, loop: Loop, { once, round }: Expansion): Estimate {
  const { variable, bodies, range, inner } = loop;
  const body = walk.of(bodies[0] as CostNode, inner);
  const kept = walk.of(variable, inner);
  const cost = range.cost + once + looped(range, body.cost + round + kept.cost);
  return made(walk, cost, range, kept.type, 'list', kept.size);
}

function transform(walk: Estimator, { bodies, range, inner }: Loop, expansion: Expansion): Estimate {
  const { once, round } = expansion;
  const given = bodies.map((body) => walk.of(body, inner));
  const result = given.at(-1) as Estimate;
  const condition = given.length > 1 ? (given[0]?.cost ?? 0) : 0;
  const cost = range.cost + once + looped(range, condition + round + result.cost);
  return made(walk, cost, range, result.type, expansion === MAP ? 'map' : 'list', result.size);
}

/** A map made of maps: how many entries it has is up to them, and cel-go takes one for each. */
function entries(walk: Estimator, { bodies, range, inner }: Loop, { once, round }: Expansion): Estimate {
  const given = bodies.map((body) => walk.of(body, inner));
  const made = given.reduce((cost, each) => cost + each.cost, round);
  const type = given.at(-1)?.type ?? dyn;
  return walk.result(range.cost + once + looped(range, made), type, range.size ?? unbounded);
}

function made(
  walk: Estimator,
  cost: number,
  range: Estimate,
  element: Estimate['type'],
  container: Entry['container'],
  value: Size | undefined,
): Estimate {
  const sizes = { key: fixed(1), value: union(fixed(0), value ?? unbounded) };
  const entry = container === 'list' ? { container, ...sizes } : undefined;
  return walk.result(cost, plain(container, element), range.size ?? unbounded, entry);
}

function looped({ size }: Estimate, round: number): number {
  return times((size ?? unbounded).max, round);
}
