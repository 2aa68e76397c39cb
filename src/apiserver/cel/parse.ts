import type { Environment } from '@marcbachmann/cel-js';
import { mendHas } from './has.ts';
import { CelError } from './library.ts';
import type { Node } from './meter/node.ts';
import { restoreOptionalEntries, type Source, withoutOptionalEntries } from './optional-entries.ts';

/** An expression that is parsed, and not checked yet. */
export type Parsed = ReturnType<Environment['parse']>;

/** Parses an expression, with what the CEL package does not know. @throws what the package makes of a syntax error */
export function parseExpression(environment: Environment, text: string): Parsed {
  const source = withoutOptionalEntries(text);
  const parsed = parseSource(environment, source);
  mendHas(parsed.ast);
  if (source.marks.size > 0) {
    const nodes: Node[] = [];
    visitNodes(parsed.ast, (node) => nodes.push(node));
    for (const node of nodes) {
      restoreOptionalEntries(node, source.marks);
    }
    for (const node of nodes) {
      restorePlace(node as Node & Place, source, text);
    }
  }
  return parsed;
}

function parseSource(environment: Environment, source: Source): Parsed {
  try {
    return environment.parse(source.text);
  } catch (error) {
    if (source.marks.size === 0) {
      throw error;
    }
    const { code, summary, range } = error as Failure;
    const { start = 0, end = 0 } = range ?? {};
    throw Object.assign(new CelError(summary ?? ''), {
      code,
      summary,
      range: { start: source.place(start), end: source.place(end) },
    });
  }
}

interface Failure {
  readonly code?: string;
  readonly summary?: string;
  readonly range?: { readonly start: number; readonly end: number };
}

interface Place {
  pos: number;
  start: number;
  end: number;
}

function restorePlace(node: Node & Place, source: Source, text: string): void {
  node.pos = source.place(node.pos);
  node.start = source.place(node.start);
  node.end = source.place(node.end);
  Object.defineProperty(node, 'input', { value: text, configurable: true });
}

/** Visits every node of a tree, loops and macros included. */
export function visitNodes(value: unknown, visit: (node: Node) => void, seen: Set<object> = new Set()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) {
    return;
  }
  seen.add(value);
  if (Array.isArray(value)) {
    value.forEach((item) => {
      visitNodes(item, visit, seen);
    });
    return;
  }
  if (isNode(value)) {
    visit(value);
    visitNodes(value.meta.alternate, visit, seen);
    visitNodes(value.args, visit, seen);
    visitNodes(value.meta.macro, visit, seen);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    visitNodes(Object.values(value), visit, seen);
  }
}

function isNode(value: object): value is Node {
  return 'op' in value && 'args' in value && 'meta' in value && typeof value.op === 'string';
}
