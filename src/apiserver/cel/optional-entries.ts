import { CelError, celLibrary } from './library.ts';
import type { CheckedType, Checker, Context, Evaluator } from './macro.ts';
import type { Node } from './meter/node.ts';

/*
 * `[?a, b]` and `{?'k': a}`: entries that are left out when they have no value. The CEL package's parser does not know them, so
 * that it is given a call in their place, and nodes are put right afterwards.
 */

/** What the parser is given, and where its offsets were in the text. */
export interface Source {
  readonly text: string;
  /** The offset in what was written. */
  place(offset: number): number;
  /** Where calls stand for `?`, in `text`. */
  readonly marks: ReadonlySet<number>;
}

const CALL = 'optionalEntry';
const CANDIDATE = /[[{,]\s*\?/;
const TOKEN =
  /\/\/[^\n]*|[rRbB]{0,2}(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|[\w.]+|\s+|[\s\S]/g;
const SPACE = /^(?:\s|\/\/)/;
const OPERAND = /^(?:[\w."']|[)\]}])/;

interface Bracket {
  readonly kind: 'list' | 'map' | 'other';
  /** A call was opened and not closed yet. */
  open: boolean;
  ternaries: number;
}

/** Puts a call in the place of each optional entry. */
export function withoutOptionalEntries(given: string): Source {
  if (!CANDIDATE.test(given)) {
    return { text: given, place: (offset) => offset, marks: new Set() };
  }
  const writer = new Writer();
  const brackets: Bracket[] = [];
  let before = '';
  for (const [token] of given.matchAll(TOKEN)) {
    if (SPACE.test(token)) {
      writer.keep(token);
      continue;
    }
    write(token, before, brackets, writer);
    before = token;
  }
  return writer.source();
}

function write(token: string, before: string, brackets: Bracket[], writer: Writer): void {
  const inside = brackets.at(-1);
  switch (token) {
    case '[':
    case '{':
    case '(':
      writer.keep(token);
      brackets.push({ kind: kindOf(token, before), open: false, ternaries: 0 });
      return;
    case '?':
      if (inside !== undefined && inside.kind !== 'other' && /^[[{,]$/.test(before)) {
        writer.mark();
        inside.open = true;
        return;
      }
      writer.keep(token);
      // `.?` and `[?` are no ternaries.
      if (inside !== undefined && !/[.[]$/.test(before)) {
        inside.ternaries += 1;
      }
      return;
    case ':':
      if (inside !== undefined && inside.ternaries > 0) {
        inside.ternaries -= 1;
      } else {
        close(inside, writer);
      }
      writer.keep(token);
      return;
    case ',':
      close(inside, writer);
      writer.keep(token);
      return;
    case ']':
    case '}':
    case ')':
      close(brackets.pop(), writer);
      writer.keep(token);
      return;
    default:
      writer.keep(token);
  }
}

/** After an operand, a square bracket begins an index. */
function kindOf(token: string, before: string): Bracket['kind'] {
  if (token === '(' || (token === '[' && OPERAND.test(before) && before !== 'in')) {
    return 'other';
  }
  return token === '[' ? 'list' : 'map';
}

function close(bracket: Bracket | undefined, writer: Writer): void {
  if (bracket?.open === true) {
    bracket.open = false;
    writer.add(')');
  }
}

/** Writes, and remembers what was added where. */
class Writer {
  #text = '';
  #added = 0;
  readonly #marks = new Set<number>();
  readonly #steps: { readonly from: number; readonly added: number }[] = [];

  keep(token: string): void {
    this.#text += token;
  }

  add(token: string): void {
    this.#text += token;
    this.#step(token.length);
  }

  /** A call instead of `?`. */
  mark(): void {
    this.#marks.add(this.#text.length);
    this.#text += `${CALL}(`;
    this.#step(CALL.length);
  }

  #step(added: number): void {
    this.#added += added;
    this.#steps.push({ from: this.#text.length, added: this.#added });
  }

  source(): Source {
    const steps = this.#steps;
    const place = (offset: number) => offset - (steps.findLast(({ from }) => from <= offset)?.added ?? 0);
    return { text: this.#text, place, marks: this.#marks };
  }
}

/** Makes lists and maps out of those whose entries are marked. */
export function restoreOptionalEntries(node: Node, marks: ReadonlySet<number>): void {
  if (node.op === 'list') {
    const items = node.args as Node[];
    const optional = items.map((item) => takeMark(item, marks));
    if (optional.some((inner) => inner !== undefined)) {
      Object.assign(node, { args: items.map((item, at) => optional[at] ?? item) });
      override(node, listWith(optional.map((inner) => inner !== undefined)));
    }
  } else if (node.op === 'map') {
    const entries = node.args as [Node, Node][];
    const optional = entries.map(([key]) => takeMark(key, marks));
    if (optional.some((inner) => inner !== undefined)) {
      Object.assign(node, { args: entries.map(([key, value], at) => [optional[at] ?? key, value]) });
      override(node, mapWith(optional.map((inner) => inner !== undefined)));
    }
  }
}

/** What a marked call holds. */
function takeMark(node: Node, marks: ReadonlySet<number>): Node | undefined {
  const { start } = node as unknown as { readonly start: number };
  const [name, args] = node.op === 'call' ? (node.args as [string, readonly Node[]]) : [];
  return name === CALL && marks.has(start) ? args?.[0] : undefined;
}

interface Behaviour {
  check(checker: Checker, node: Node, context: Context): CheckedType;
  evaluate(evaluator: Evaluator, node: Node, context: Context): unknown;
}

function override(node: Node, behaviour: Behaviour): void {
  Object.assign(node.meta, behaviour);
}

function listWith(optional: readonly boolean[]): Behaviour {
  return {
    check(checker, { args }, context) {
      const types = (args as Node[]).map((item, at) =>
        entryType(checker, item, context, optional[at] === true),
      );
      return checker.getType(`list<${commonName(types)}>`);
    },
    evaluate: (evaluator, { args }, context) =>
      (args as Node[]).flatMap((item, at) => {
        const value = evaluator.run(item, context);
        return optional[at] === true ? present(value) : [value];
      }),
  };
}

function mapWith(optional: readonly boolean[]): Behaviour {
  return {
    check(checker, { args }, context) {
      const entries = args as [Node, Node][];
      const keys = entries.map(([key]) => checker.check(key, context));
      const values = entries.map(([, value], at) =>
        entryType(checker, value, context, optional[at] === true),
      );
      return checker.getType(`map<${commonName(keys)}, ${commonName(values)}>`);
    },
    evaluate(evaluator, { args }, context) {
      const made = new Map<unknown, unknown>();
      for (const [at, [keyNode, valueNode]] of (args as [Node, Node][]).entries()) {
        const key = evaluator.run(keyNode, context);
        const value = evaluator.run(valueNode, context);
        for (const each of optional[at] === true ? present(value) : [value]) {
          made.set(key, each);
        }
      }
      return made;
    },
  };
}

/** @throws what the checker makes of an entry that is not optional */
function entryType(checker: Checker, node: Node, context: Context, optional: boolean): CheckedType {
  const type = checker.check(node, context);
  if (!optional || type.kind === 'dyn') {
    return type;
  }
  if (type.kind !== 'optional') {
    throw checker.createError('optional_expected', `must be optional, got '${type.name}'`, node);
  }
  return type.valueType ?? checker.getType('dyn');
}

function commonName(types: readonly CheckedType[]): string {
  const [first] = types;
  return first !== undefined && types.every(({ name }) => name === first.name) ? first.name : 'dyn';
}

function present(value: unknown): readonly unknown[] {
  const { Optional } = celLibrary();
  if (!(value instanceof Optional)) {
    throw new CelError('no such overload: an optional entry must be optional');
  }
  return value.hasValue() ? [value.value()] : [];
}
