/**
 * Makes a checked expression charge for what it does, in cel-go's units. What always runs together is added up once, when the
 * expression is compiled, and charged at once; only branches, rounds of loops and what depends on sizes charges for itself.
 */
import { charge } from '../budget.ts';
import { withOriginalNames } from '../replaced.ts';
import { CALL_COSTS } from './calls.ts';
import { loopCost, macroLoopCost } from './loops.ts';
import { charging, type Macro, type Node } from './node.ts';
import { OPERATOR_COSTS } from './operators.ts';

const CREATE_LIST = 10;
const CREATE_MAP = 30;
/** Functions of a constant that cel-go works out once. */
const CONVERSIONS = new Set([
  'bool',
  'bytes',
  'double',
  'duration',
  'dyn',
  'int',
  'string',
  'timestamp',
  'type',
  'uint',
]);
const NAMESPACES = new Set(['sets', 'ip', 'strings', 'lists', 'optional']);
const ACCESS = new Set(['.', '.?', '[]', '[?]']);

/** Prepares a checked tree. Returns the units that each run costs in any case. */
export function meter(node: Node): number {
  const { alternate, macro } = node.meta;
  if (alternate !== undefined) {
    return alternate.op === 'comprehension' ? loopCost(node, alternate, meter, block) : 0;
  }
  return macro === undefined ? plainCost(node) : macroCost(node, macro);
}

function plainCost(node: Node): number {
  switch (node.op) {
    case 'value':
      return 0;
    case 'id':
      return 1;
    case '.':
    case '.?':
    case '[]':
    case '[?]':
      return accessCost(node.op, node.args as [Node, Node]);
    case 'list':
      return isConstant(node) ? 0 : CREATE_LIST + total(node.args as Node[]);
    case 'map':
      return isConstant(node) ? 0 : CREATE_MAP + total((node.args as Node[][]).flat());
    case '?:':
      return conditionalCost(node.args as [Node, Node, Node]);
    case '&&':
    case '||':
      return shortCircuitCost(node.args as [Node, Node]);
    case 'call':
      return callCost(node, ...(node.args as [string, Node[]]));
    case 'rcall':
      return methodCost(node, ...(node.args as [string, Node, Node[]]));
    case '!_':
      return 1 + meter(node.args as Node);
    case '-_':
      return isConstant(node) ? 0 : 1 + meter(node.args as Node);
    default:
      return operatorCost(node, node.args as [Node, Node]);
  }
}

/** Makes what runs only sometimes charge for itself, and `extra` units with it. */
function block(node: Node, extra = 0): void {
  charging(node, meter(node) + extra, charge);
}

function total(nodes: readonly Node[]): number {
  return nodes.reduce((units, node) => units + meter(node), 0);
}

function accessCost(op: string, [from, key]: readonly [Node, Node]): number {
  if (isTypeName(from)) {
    return 0;
  }
  // A variable that is a key or a branch is read by what it is part of, for nothing.
  const keyed = op === '[]' || op === '[?]' ? meter(key) - (isPath(key) ? 1 : 0) : 0;
  return meter(from) + keyed + 1 + (isPath(from) ? 0 : 1);
}

function conditionalCost([condition, ...branches]: readonly [Node, Node, Node]): number {
  for (const branch of branches) {
    block(branch, isPath(branch) ? -1 : 0);
  }
  return meter(condition);
}

/** The chain `a && b && c` is a tree that leans to the left, and may be long. */
function shortCircuitCost(args: readonly [Node, Node]): number {
  let [before, last] = args;
  block(last);
  while ((before.op === '&&' || before.op === '||') && before.meta.macro === undefined) {
    [before, last] = before.args as [Node, Node];
    block(last);
  }
  return meter(before);
}

function callCost(node: Node, given: string, args: readonly Node[]): number {
  const name = withOriginalNames(given);
  return CONVERSIONS.has(name) && args.every(isConstant) ? 0 : total(args) + own(node, name, 0);
}

function methodCost(node: Node, given: string, receiver: Node, args: readonly Node[]): number {
  const name = withOriginalNames(given);
  if (receiver.op === 'id' && NAMESPACES.has(receiver.args as string) && isConstant(receiver)) {
    return total(args) + own(node, `${receiver.args as string}.${name}`, 1);
  }
  return meter(receiver) + total(args) + own(node, name, 0);
}

/** One unit, or what the values come to when the call is made. The first `hidden` values are no arguments. */
function own(node: Node, name: string, hidden: number): number {
  const cost = Object.hasOwn(CALL_COSTS, name) ? CALL_COSTS[name] : undefined;
  const { handle } = node;
  if (cost === undefined || handle === undefined) {
    return 1;
  }
  node.handle = (values, ...more) => {
    const given = values as readonly unknown[];
    charge(cost(hidden === 0 ? given : given.slice(hidden)));
    return handle(values, ...more);
  };
  return 0;
}

function operatorCost(node: Node, operands: readonly [Node, Node]): number {
  const [left, right] = operands;
  const around = meter(left) + meter(right);
  const cost = OPERATOR_COSTS[node.op];
  const { handle } = node;
  if (node.op === 'in' && isConstant(right) && right.op === 'list') {
    return around; // a set, once and for all
  }
  if (cost === undefined || handle === undefined || operands.some((each) => isShort(node.op, each))) {
    return around + 1;
  }
  node.handle = (a, b, ...more) => {
    charge(cost(a, b));
    return handle(a, b, ...more);
  };
  return around;
}

/** `has` costs what leads to the field, `cel.bind` its value and its body, `or` and `orValue` nothing themselves. */
function macroCost(node: Node, macro: Macro): number {
  const { args, receiver, arg, val, exp, bodies } = macro;
  if (bodies !== undefined && receiver !== undefined) {
    return (
      optionalMapCost(node, receiver, bodies) ??
      macroLoopCost((node.args as [string])[0], receiver, bodies, meter, block)
    );
  }
  if (val !== undefined && exp !== undefined) {
    return meter(val) + meter(exp);
  }
  if (receiver !== undefined && arg !== undefined) {
    block(arg);
    return meter(receiver);
  }
  const [field] = args ?? [];
  return field === undefined ? 1 : meter(field) - 1;
}

/** `optMap` and `optFlatMap` ask for the value, and then ask the receiver again. */
function optionalMapCost(node: Node, receiver: Node, bodies: readonly Node[]): number | undefined {
  const [name] = node.args as [string];
  if (name !== 'optMap' && name !== 'optFlatMap') {
    return undefined;
  }
  const from = meter(receiver);
  for (const body of bodies) {
    block(body, from + (name === 'optMap' ? 1 : 0));
  }
  return from + 2;
}

/** `google`, and what follows it in the name of a type. */
function isTypeName(node: Node): boolean {
  return node.op === '.'
    ? isTypeName((node.args as [Node])[0])
    : node.op === 'id' && node.args === 'google' && isConstant(node);
}

/** A variable, and fields and items of one: what cel-go calls an attribute. */
function isPath(node: Node): boolean {
  const { alternate, macro } = node.meta;
  if (alternate !== undefined || macro !== undefined) {
    return false;
  }
  return node.op === 'id' || node.op === '?:' || ACCESS.has(node.op);
}

function isConstant(node: Node): boolean {
  const { alternate } = node.meta;
  if (alternate !== undefined) {
    return alternate.op === 'value';
  }
  switch (node.op) {
    case 'value':
      return true;
    case 'list':
      return (node.args as Node[]).every(isConstant);
    case 'map':
      return (node.args as Node[][]).flat().every(isConstant);
    case '-_':
      return (node.args as Node).op === 'value';
    case 'call': {
      const [name, args] = node.args as [string, Node[]];
      return CONVERSIONS.has(withOriginalNames(name)) && args.every(isConstant);
    }
    default:
      return false;
  }
}

/** A literal so short that going over it costs a unit, whatever it is compared with or added to. */
function isShort(operator: string, { op, args }: Node): boolean {
  if (op !== 'value' || operator === 'in' || args instanceof Uint8Array) {
    return false;
  }
  return typeof args !== 'string' || (operator !== '+' && args !== '' && args.length <= 10);
}
