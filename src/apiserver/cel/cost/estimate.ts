/**
 * What a rule may cost at most, in cel-go's units (cel-go `checker/cost.go`): a unit is an access or a call, a tenth of one is
 * a character gone over. The numbers decide which definitions a server takes, so cel-go's own surprises are kept: a value that
 * does not come from `self` has its first place counted as if it did.
 */
import { checkedTree, type RuleCheck } from '../typed.ts';
import { callOf } from './calls.ts';
import { type Declaration, declarationOf, dyn, plain } from './declaration.ts';
import { loopOf } from './loops.ts';
import { addition, comparison, equality, membership } from './operators.ts';
import { fixed, type Size, sum, unbounded, union } from './size.ts';
import { type CostNode, declaredAs, type Entry, type Estimate, type Estimator, type Scope } from './types.ts';

/** Most cost units that one evaluation of an expression takes, `Infinity` when nothing bounds it. */
export function estimatedCost(text: string, check: RuleCheck): number {
  const root = declarationOf(check.node, check.root) ?? dyn;
  const oldSelf = check.oldSelf === 'optional' ? plain('optional', root) : root;
  const locals = new Map([
    ['self', { path: ['self'], type: root }],
    ['oldSelf', { path: ['oldSelf'], type: oldSelf }],
  ]);
  return new Walk(root).of(checkedTree(text, check) as CostNode, locals).cost;
}

const SIZED_ONE = new Set(['bool', 'int', 'uint', 'double', 'duration', 'timestamp']);
const CREATE_LIST = 10;
const CREATE_MAP = 30;

/** Estimates the nodes of one expression. */
class Walk implements Estimator {
  readonly #root: Declaration;

  constructor(root: Declaration) {
    this.#root = root;
  }

  /** The estimate of a node where `scope`'s variables stand for what they do. */
  of(node: CostNode, scope: Scope): Estimate {
    switch (node.op) {
      case 'value':
        return literal(node.args);
      case 'id':
        return this.#variable(node.args as string, node, scope);
      case '.':
        return this.#select(node.args as [CostNode, string], scope);
      case '[]':
        return this.#index(node.args as [CostNode, CostNode], scope);
      case '.?':
      case '[?]':
        return this.#optionalAccess(node, scope);
      case 'list':
        return this.#list(node.args as CostNode[], scope);
      case 'map':
        return this.#map(node.args as [CostNode, CostNode][], scope);
      case '?:':
        return this.#conditional(node.args as [CostNode, CostNode, CostNode], scope);
      case 'call':
      case 'rcall':
        return loopOf(this, node, scope) ?? callOf(this, node, scope);
      case '&&':
      case '||':
        return this.result(total(conditions(node).map((each) => this.of(each, scope))), plain('bool'));
      default:
        return this.#operator(node, scope);
    }
  }

  /** A result that comes from no variable: its size is what is said, or what its type says. */
  result(cost: number, type: Declaration, size?: Size, entry?: Entry): Estimate {
    return { cost, type, path: [], size: size ?? sizeOfType(type), entry };
  }

  /** The size of what stands at a path; undefined when the schema does not say. */
  sizeAt(path: readonly string[]): Size | undefined {
    if (path.length === 0) {
      return undefined;
    }
    let at: Declaration | undefined = this.#root;
    for (const step of path.slice(1)) {
      at = stepInto(at, step);
      if (at === undefined) {
        return undefined;
      }
    }
    return { min: 0, max: at.max };
  }

  #at(cost: number, path: readonly string[], type: Declaration, size?: Size, entry?: Entry): Estimate {
    return { cost, path, type, size: this.sizeAt(path) ?? sizeOfType(type) ?? size, entry };
  }

  #variable(name: string, node: CostNode, scope: Scope): Estimate {
    const known = scope.get(name);
    return known === undefined
      ? this.#at(1, [name], declaredAs(node))
      : this.#at(1, known.path, known.type, known.size, known.entry);
  }

  #select([receiver, name]: [CostNode, string], scope: Scope): Estimate {
    const from = this.of(receiver, scope);
    const { kind, element, fields } = from.type;
    const structured = kind === 'map' || kind === 'object';
    const type = (kind === 'map' ? element : fields?.get(name)) ?? dyn;
    return this.#at(from.cost + (structured ? 1 : 0), [...from.path, name], type);
  }

  #index([receiver, key]: [CostNode, CostNode], scope: Scope): Estimate {
    const from = this.of(receiver, scope);
    const cost = from.cost + this.of(key, scope).cost + 1;
    const path = [...from.path, from.type.kind === 'list' ? '@items' : '@values'];
    const found = this.#at(cost, path, from.type.element ?? dyn);
    return from.entry === undefined ? found : { ...found, size: from.entry.value };
  }

  #optionalAccess({ op, args }: CostNode, scope: Scope): Estimate {
    const [receiver, key] = args as [CostNode, CostNode | string];
    const from = this.of(receiver, scope);
    const cost = from.cost + 1 + (op === '[?]' ? this.of(key as CostNode, scope).cost : 0);
    const inside = from.type.kind === 'optional' ? (from.type.element ?? dyn) : from.type;
    const found = op === '.?' ? inside.fields?.get(key as string) : undefined;
    return this.result(cost, plain('optional', found ?? inside.element ?? dyn));
  }

  #list(items: readonly CostNode[], scope: Scope): Estimate {
    const made = items.map((item) => this.of(item, scope));
    const cost = CREATE_LIST + total(made);
    const entry: Entry = { container: 'list', key: fixed(1), value: rangeOf(made) };
    return this.result(cost, plain('list', made[0]?.type ?? dyn), fixed(items.length), entry);
  }

  #map(entries: readonly [CostNode, CostNode][], scope: Scope): Estimate {
    const keys = entries.map(([key]) => this.of(key, scope));
    const values = entries.map(([, value]) => this.of(value, scope));
    const cost = CREATE_MAP + total(keys) + total(values);
    const entry: Entry = { container: 'map', key: rangeOf(keys), value: rangeOf(values) };
    return this.result(cost, plain('map', values[0]?.type ?? dyn), fixed(entries.length), entry);
  }

  #conditional([condition, yes, no]: [CostNode, CostNode, CostNode], scope: Scope): Estimate {
    const a = this.of(yes, scope);
    const b = this.of(no, scope);
    const cost = this.of(condition, scope).cost + Math.max(a.cost, b.cost);
    const type = a.type.kind === 'dyn' ? b.type : a.type;
    return this.result(cost, type, union(a.size ?? unbounded, b.size ?? unbounded), bothEntries(a, b));
  }

  #operator({ op, args }: CostNode, scope: Scope): Estimate {
    const operands = Array.isArray(args) ? (args as CostNode[]) : [args as CostNode];
    if (op === '-_' && operands[0]?.op === 'value') {
      return this.of(operands[0], scope); // cel-go reads `-1` as one number
    }
    const given = operands.map((each) => this.of(each, scope));
    const [a, b] = given as [Estimate, Estimate];
    const cost = total(given);
    const bool = plain('bool');
    switch (op) {
      case '==':
      case '!=':
        return this.result(cost + equality(op, a, b), bool);
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.result(cost + comparison(a, b), bool);
      case 'in':
        return this.result(cost + membership(b), bool);
      case '+':
        return this.#sum(cost, a, b);
      default:
        return this.result(cost + 1, op === '!_' ? bool : a.type);
    }
  }

  #sum(cost: number, a: Estimate, b: Estimate): Estimate {
    const { own, sized } = addition(a, b);
    const type = a.type.kind === 'dyn' ? b.type : a.type;
    const size = sized ? sum(a.size ?? unbounded, b.size ?? unbounded) : undefined;
    return this.result(cost + own, type, size, sized ? bothEntries(a, b) : undefined);
  }
}

/** The conditions of a chain, however long: all may have to be worked out. */
function conditions(chain: CostNode): readonly CostNode[] {
  const found: CostNode[] = [];
  let node = chain;
  while (node.op === '&&' || node.op === '||') {
    const [before, last] = node.args as [CostNode, CostNode];
    found.push(last);
    node = before;
  }
  return [...found, node];
}

function stepInto(at: Declaration, step: string): Declaration | undefined {
  switch (step) {
    case '@items':
    case '@values':
      return at.element;
    case '@keys':
      return at.kind === 'map' ? plain('string') : undefined;
    default:
      return at.fields?.get(step);
  }
}

function sizeOfType({ kind, element }: Declaration): Size | undefined {
  const inner = kind === 'optional' ? element : undefined;
  return SIZED_ONE.has(inner?.kind ?? kind) ? fixed(1) : undefined;
}

function literal(value: unknown): Estimate {
  const kinds: Readonly<Record<string, string>> = {
    string: 'string',
    bigint: 'int',
    number: 'double',
    boolean: 'bool',
  };
  const kind = value instanceof Uint8Array ? 'bytes' : (kinds[typeof value] ?? 'null');
  const size = typeof value === 'string' ? [...value].length : value instanceof Uint8Array ? value.length : 1;
  return { cost: 0, path: [], type: plain(kind), size: fixed(size), entry: undefined, literal: value };
}

function total(estimates: readonly Estimate[]): number {
  return estimates.reduce((cost, each) => cost + each.cost, 0);
}

function rangeOf(estimates: readonly Estimate[]): Size {
  const sizes = estimates.map(({ size }) => size ?? unbounded);
  return sizes.length === 0 ? fixed(0) : sizes.reduce(union);
}

function bothEntries({ entry: a }: Estimate, { entry: b }: Estimate): Entry | undefined {
  return a === undefined || b === undefined
    ? undefined
    : { container: a.container, key: union(a.key, b.key), value: union(a.value, b.value) };
}
