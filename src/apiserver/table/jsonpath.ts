import { PatchbayError } from '#machinery/errors.ts';

/** One step of a path: from a value to the values it leads to. */
type Step = (value: unknown) => readonly unknown[];

const MAX_CACHED = 2000;
const cache = new Map<string, readonly Step[]>();

/**
 * Everything a JSONPath of kubectl's dialect finds: `.a.b`, `['a.b']`, `.a\.b`, `[0]`, `[-1]`, `[0:2]`, `[*]`, `.*`, `..a`,
 * `[?(@.type=="Ready")]`, with or without `{}` around it. A field that is missing gives nothing.
 * @throws PatchbayError `BadRequest` for other syntax.
 */
export function evaluateJsonPath(path: string, root: unknown): readonly unknown[] {
  let steps = cache.get(path);
  if (steps === undefined) {
    steps = parse(path);
    if (cache.size >= MAX_CACHED) {
      cache.clear();
    }
    cache.set(path, steps);
  }
  let values: readonly unknown[] = [root];
  for (const step of steps) {
    values = values.flatMap(step);
  }
  return values;
}

const TOKEN =
  /\.\.|\.\*|\.?((?:[^.[\]{}\\\s*?()'"=<>!@]|\\.)+)|\.?\[\s*'((?:[^'\\]|\\.)*)'\s*\]|\.?\[\s*"((?:[^"\\]|\\.)*)"\s*\]|\[\s*(\*)\s*\]|\[\s*(-?\d*)\s*(?::\s*(-?\d*)\s*(?::\s*(-?\d*))?)?\s*\]|\[\?\((.*?)\)\]|[.@$]/y;

function parse(path: string): Step[] {
  const text = path
    .trim()
    .replace(/^\{([\s\S]*)\}$/, '$1')
    .trim();
  const steps: Step[] = [];
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null || match[0] === '') {
      throw bad(path, `unexpected ${JSON.stringify(text.slice(at))}`);
    }
    const step = stepOf(match, path);
    if (step !== undefined) {
      steps.push(step);
    }
    at += match[0].length;
  }
  return steps;
}

function stepOf(match: RegExpExecArray, path: string): Step | undefined {
  const [whole, plain, single, double, star, from, , , filter] = match;
  const name = plain ?? single ?? double;
  if (name !== undefined) {
    return field(name.replaceAll(/\\(.)/g, '$1'));
  }
  if (whole === '..') {
    return descend;
  }
  if (whole === '.*' || star !== undefined) {
    return children;
  }
  if (filter !== undefined) {
    return filterStep(filter, path);
  }
  if (from !== undefined) {
    return whole.includes(':') ? slice(match, path) : index(from, path);
  }
  return undefined; // the root: `.`, `@`, `$`
}

function field(name: string): Step {
  return (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
      ? [(value as Record<string, unknown>)[name]]
      : [];
}

function children(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function descend(value: unknown): readonly unknown[] {
  return [value, ...children(value).flatMap(descend)];
}

function index(text: string, path: string): Step {
  if (text === '' || text === '-') {
    throw bad(path, 'an index is missing in []');
  }
  const at = Number(text);
  return (value) => {
    const item = Array.isArray(value) ? value.at(at) : undefined;
    return item === undefined ? [] : [item];
  };
}

function slice(match: RegExpExecArray, path: string): Step {
  const number = (text: string | undefined) => (text === undefined || text === '' ? undefined : Number(text));
  const [from, to, every] = [number(match[5]), number(match[6]), number(match[7]) ?? 1];
  if (every <= 0) {
    throw bad(path, 'the step of a slice must be positive');
  }
  return (value) =>
    Array.isArray(value)
      ? value.slice(from ?? 0, to ?? value.length).filter((_, at) => at % every === 0)
      : [];
}

const FILTER = /^\s*(.+?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*$/;

function filterStep(text: string, path: string): Step {
  const match = FILTER.exec(text);
  if (match === null) {
    throw bad(path, `cannot read the filter ${JSON.stringify(text)}`);
  }
  const [, left = '', operator, right] = match;
  const leftOf = operand(left, path);
  if (operator === undefined || right === undefined) {
    return (value) => items(value).filter((item) => leftOf(item).length > 0);
  }
  const rightOf = operand(right, path);
  return (value) =>
    items(value).filter((item) => {
      const [a] = leftOf(item);
      const [b] = rightOf(item);
      return a !== undefined && b !== undefined && compare(a, operator, b);
    });
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : children(value);
}

function operand(text: string, path: string): Step {
  if (text.startsWith('@') || text.startsWith('$')) {
    const steps = parse(text.slice(1));
    return (value) => steps.reduce<readonly unknown[]>((values, step) => values.flatMap(step), [value]);
  }
  const quoted = /^(['"])([\s\S]*)\1$/.exec(text);
  if (quoted !== null) {
    return () => [quoted[2]];
  }
  if (text === 'true' || text === 'false') {
    return () => [text === 'true'];
  }
  if (text !== '' && Number.isFinite(Number(text))) {
    return () => [Number(text)];
  }
  throw bad(path, `cannot read ${JSON.stringify(text)} in a filter`);
}

function compare(a: unknown, operator: string, b: unknown): boolean {
  if (operator === '==' || operator === '!=') {
    return (a === b) === (operator === '==');
  }
  if (typeof a !== typeof b || (typeof a !== 'number' && typeof a !== 'string')) {
    return false;
  }
  const [left, right] = [a, b as typeof a];
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    default:
      return left >= right;
  }
}

function bad(path: string, why: string): PatchbayError {
  return new PatchbayError('BadRequest', `invalid JSONPath ${JSON.stringify(path)}: ${why}`, {
    retryable: false,
  });
}
