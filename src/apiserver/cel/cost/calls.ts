/** What functions cost besides their arguments (apiserver `pkg/cel/library/cost.go`, cel-go `checker/cost.go` and `ext`). */
import { type Declaration, dyn, plain } from './declaration.ts';
import { listCall } from './lists.ts';
import { fixed, product, type Size, sum, times, traversal, unbounded } from './size.ts';
import { type CostNode, declaredAs, type Estimate, type Estimator, type Scope } from './types.ts';

/** What a call costs, and the size of what it returns. */
interface Call {
  readonly cost: number;
  readonly size?: Size;
}

interface Given {
  readonly target: Estimate | undefined;
  readonly args: readonly Estimate[];
  readonly walk: Estimator;
}

const NAMESPACES = new Set(['sets', 'optional', 'ip', 'format', 'strings', 'lists', 'math', 'jsonpatch']);
const REGEX_FACTOR = 0.25;
/** Longest regular expression behind a named format. */
const FORMAT_REGEX = 128;
/** Most bytes of an address. */
const ADDRESS = 16;

/** The estimate of a call. */
export function callOf(walk: Estimator, node: CostNode, scope: Scope): Estimate {
  const parts = node.args as readonly unknown[];
  const nodes = (node.op === 'call' ? parts[1] : parts[2]) as readonly CostNode[];
  const receiver = node.op === 'call' ? undefined : (parts[1] as CostNode);
  const spaced =
    receiver?.op === 'id' && NAMESPACES.has(receiver.args as string) && !scope.has(receiver.args as string);
  const name = spaced ? `${receiver.args as string}.${parts[0] as string}` : (parts[0] as string);
  const target = receiver === undefined || spaced ? undefined : walk.of(receiver, scope);
  const args = nodes.map((each) => walk.of(each, scope));
  const { cost, size } = FUNCTIONS[name]?.({ target, args, walk }) ??
    listCall(name, target, args, sizeOf) ?? { cost: 1 };
  const around = args.reduce((before, each) => before + each.cost, target?.cost ?? 0);
  return walk.result(around + cost, returned(name, node, target, args), size);
}

function returned(
  name: string,
  node: CostNode,
  target: Estimate | undefined,
  args: readonly Estimate[],
): Declaration {
  switch (name) {
    case 'orValue':
    case 'value':
      return target?.type.kind === 'optional' ? (target.type.element ?? dyn) : declaredAs(node);
    case 'or':
      return target?.type ?? dyn;
    case 'optional.of':
    case 'optional.ofNonZeroValue':
      return plain('optional', args[0]?.type);
    case 'min':
    case 'max':
    case 'sum':
      return target?.type.element ?? dyn;
    case 'slice':
    case 'reverse':
    case 'distinct':
    case 'sort':
      return target?.type ?? dyn;
    case 'first':
    case 'last':
      return plain('optional', target?.type.element);
    case 'split':
    case 'findAll':
      return plain('list', plain('string'));
    default:
      return declaredAs(node);
  }
}

type Cost = (given: Given) => Call | undefined;

const scanned: Cost = ({ args: [text] }) =>
  text === undefined ? undefined : { cost: traversal(sizeOf(text).max) };
const copied: Cost = ({ target }) =>
  target === undefined ? undefined : { cost: traversal(sizeOf(target).max), size: sizeOf(target) };

const FUNCTIONS: Readonly<Record<string, Cost>> = {
  dyn: ({ args: [value] }) => ({ cost: 1, ...(value?.size === undefined ? {} : { size: value.size }) }),
  isSorted: eachItem,
  sum: eachItem,
  min: eachItem,
  max: eachItem,
  indexOf: eachItem,
  lastIndexOf: eachItem,
  includes: eachItem,
  url: ({ args: [text] }) =>
    text === undefined ? undefined : { cost: traversal(sizeOf(text).max), size: sizeOf(text) },
  lowerAscii: copied,
  upperAscii: copied,
  substring: copied,
  trim: copied,
  replace: replaced,
  split,
  join,
  find: searched,
  findAll: searched,
  matches: ({ target, args }) => (target === undefined ? undefined : { cost: regexCost(target, args[0]) }),
  contains: ({ target, args: [part] }) =>
    target === undefined || part === undefined
      ? undefined
      : { cost: times(traversal(sizeOf(target).max), traversal(sizeOf(part).max)) },
  startsWith: scanned,
  endsWith: scanned,
  format: ({ target }) => (target === undefined ? undefined : { cost: traversal(sizeOf(target).max) }),
  bytes: ({ args: [text] }) => converted(text, 'string', ({ min, max }) => ({ min, max: max * 4 })),
  string: ({ args: [data] }) =>
    converted(data, 'bytes', ({ min, max }) => ({ min: Math.floor(min / 4), max })),
  'strings.quote': ({ args: [text] }) =>
    converted(text, 'string', ({ min, max }) => ({ min: min + 2, max: max * 2 + 2 })),
  cidr: scanned,
  isIP: scanned,
  isCIDR: scanned,
  ip: (given) => (given.target === undefined ? scanned(given) : { cost: 1 }),
  'ip.isCanonical': ({ args: [text] }) =>
    text === undefined ? undefined : { cost: traversal(sizeOf(text).max, 0.2) },
  containsIP: ({ args: [other] }) => ({ cost: traversal(2 * ADDRESS) + parsed(other) }),
  containsCIDR: ({ args: [other] }) => ({
    cost: traversal(2 * ADDRESS) + traversal(ADDRESS) + 1 + parsed(other),
  }),
  semver: scanned,
  isSemver: scanned,
  quantity: scanned,
  isQuantity: scanned,
  validate: ({ args: [text] }) =>
    text === undefined
      ? undefined
      : { cost: traversal(traversal(sizeOf(text).max), FORMAT_REGEX * REGEX_FACTOR) },
  'sets.contains': sets(1),
  'sets.intersects': sets(1),
  'sets.equivalent': sets(2),
};

function sizeOf({ size }: Estimate): Size {
  return size ?? unbounded;
}

/** Every item is looked at, strings to their end. */
function eachItem({ target, walk }: Given): Call | undefined {
  if (target === undefined) {
    return undefined;
  }
  const { element } = target.type;
  if (element === undefined) {
    return { cost: traversal(sizeOf(target).max) };
  }
  const texts = element.kind === 'string' || element.kind === 'bytes';
  const item = target.path.length === 0 ? undefined : walk.sizeAt([...target.path, '@items']);
  const each = texts ? 1 + traversal((item ?? unbounded).max) : 1;
  return { cost: times(sizeOf(target).max, each) };
}

/** The longest result has the shortest strings replaced by the longest. */
function replaced({ target, args: [from, to] }: Given): Call | undefined {
  if (target === undefined || from === undefined || to === undefined) {
    return undefined;
  }
  const text = sizeOf(target);
  const [old, made] = [sizeOf(from), sizeOf(to)];
  const longest =
    old.min === 0
      ? times(text.max + 1, made.max) + text.max
      : made.max <= old.min
        ? text.max
        : times(Math.ceil(text.max / old.min), made.max);
  const shortest =
    old.max === 0
      ? times(text.min + 1, made.min) + text.min
      : old.max <= made.min
        ? text.min
        : times(Math.ceil(text.min / old.max), made.min);
  return { cost: traversal(text.max, 0.2), size: { min: shortest, max: longest } };
}

function split({ target, args: [, limit] }: Given): Call | undefined {
  if (target === undefined) {
    return undefined;
  }
  const { max } = sizeOf(target);
  const parts = typeof limit?.literal === 'bigint' ? Number(limit.literal) : max;
  return { cost: traversal(max, 0.2), size: { min: 0, max: parts < 0 ? Infinity : parts } };
}

function join({ target, args: [separator], walk }: Given): Call | undefined {
  if (target === undefined) {
    return undefined;
  }
  const list = sizeOf(target);
  const item = target.path.length === 0 ? undefined : walk.sizeAt([...target.path, '@items']);
  const texts = product(list, item ?? unbounded);
  const gaps = { min: Math.max(0, list.min - 1), max: Math.max(0, list.max - 1) };
  const size = separator === undefined ? texts : sum(texts, product(sizeOf(separator), gaps));
  return { cost: traversal(size.max), size };
}

function searched({ target, args: [pattern] }: Given): Call | undefined {
  return target === undefined || pattern === undefined
    ? undefined
    : { cost: regexCost(target, pattern), size: { min: 0, max: sizeOf(target).max } };
}

/** The text, an empty one too, against a part of the pattern for every four characters of it. */
function regexCost(text: Estimate, pattern: Estimate | undefined): number {
  const parts = pattern === undefined ? Infinity : sizeOf(pattern).max;
  return times(traversal(sizeOf(text).max + 1), traversal(parts, REGEX_FACTOR));
}

function converted(value: Estimate | undefined, kind: string, sized: (size: Size) => Size): Call | undefined {
  return value?.type.kind === kind
    ? { cost: traversal(sizeOf(value).max), size: sized(sizeOf(value)) }
    : undefined;
}

/** A string is read before it is compared. */
function parsed(other: Estimate | undefined): number {
  const kind = other?.type.kind;
  return other !== undefined && (kind === 'string' || kind === 'dyn') ? traversal(sizeOf(other).max) : 0;
}

function sets(factor: number): Cost {
  return ({ args: [a, b] }) =>
    a === undefined || b === undefined
      ? undefined
      : { cost: traversal(times(sizeOf(a).max, sizeOf(b).max), factor) + 1, size: fixed(1) };
}
