/** Checks CEL rules against the schema they stand in, when a definition is made; words and positions are cel-go's. */
import type { Environment } from '@marcbachmann/cel-js';
import type { SchemaNode } from '#api/schema.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { compileRule, summaryOf } from './compile.ts';
import { celEnvironment, type OldSelf } from './environment.ts';
import { escapeProperty } from './escape.ts';
import { parseExpression } from './parse.ts';

/** What a rule must be like. */
export interface RuleCheck {
  readonly node: SchemaNode;
  /** True at the root of an object, whose name and type are known without being in the schema. */
  readonly root: boolean;
  readonly oldSelf: OldSelf;
  readonly result: 'bool' | 'string';
}

interface Failure {
  readonly code?: string;
  readonly range?: { readonly start: number; readonly end: number };
  readonly node?: { readonly args?: unknown };
}

/** Why a rule cannot be compiled, `ERROR: <input>:1:5: undefined field 'x'` and so on; undefined when it can. */
export function compileFault(text: string, check: RuleCheck): string | undefined {
  const environment = typedEnvironment(check);
  try {
    const parsed = parseExpression(environment, text);
    const { valid, type, error } = parsed.check();
    if (!valid && isCertain(error)) {
      return located(text, error);
    }
    if (valid && type !== check.result && type !== 'dyn') {
      const kind = check.result === 'bool' ? 'a bool' : 'a string';
      return `${check.result === 'bool' ? 'cel expression' : 'messageExpression'} must evaluate to ${kind}`;
    }
  } catch (error) {
    return located(text, error);
  }
  return untypedFault(text, check.oldSelf);
}

/** The syntax tree of a rule that has no fault, with the types that its schema gives. */
export function checkedTree(text: string, check: RuleCheck): unknown {
  const parsed = parseExpression(typedEnvironment(check), text);
  parsed.check();
  return parsed.ast;
}

function untypedFault(text: string, oldSelf: OldSelf): string | undefined {
  try {
    compileRule(text, oldSelf);
    return undefined;
  } catch (error) {
    return located(text, error instanceof PatchbayError ? error.cause : error);
  }
}

const SCALARS = new Set(['int', 'uint', 'double', 'string', 'bool', 'bytes', 'null']);
const NUMBERS = new Set(['int', 'uint', 'double']);

/** The checker knows less of generic functions than cel-go does: only what it cannot be wrong about counts. */
function isCertain(error: unknown): boolean {
  const { code } = error as Failure;
  if (code === 'no_such_overload') {
    const [, left = '', operator = '', right = ''] = OVERLOAD.exec(summaryOf(error)) ?? [];
    const numeric = NUMBERS.has(left) && NUMBERS.has(right);
    return SCALARS.has(left) && SCALARS.has(right) && !(numeric && /^[<>=!]/.test(operator));
  }
  return code === 'unknown_variable' || code === 'no_such_key' || isUnknownFunction(error);
}

const OVERLOAD = /^no such overload: (.+?) (==|!=|<=?|>=?|[-+*/%]|in) (.+)$/;
const FUNCTION = /^found no matching overload for '(?:(.+)\.)?(\w+)\((.*)\)'$/;

function isUnknownFunction(error: unknown): boolean {
  const [, receiver, , given = ''] = FUNCTION.exec(summaryOf(error)) ?? [];
  return (
    (error as Failure).code === 'no_matching_overload' &&
    (receiver === undefined || SCALARS.has(receiver)) &&
    given.split(', ').every((type) => type === '' || SCALARS.has(type))
  );
}

/** The error in cel-go's words, with the line and a caret below. */
function located(text: string, error: unknown): string {
  const summary = summaryOf(error);
  const { code, range } = error as Failure;
  const start = range?.start ?? 0;
  const end = range?.end ?? text.length;
  switch (code) {
    case 'no_such_key':
      return rendered(text, Math.max(0, start - 1), `undefined field '${text.slice(start, end)}'`);
    case 'unknown_variable':
      return rendered(text, start, undeclared(text.slice(start, end)));
    case 'no_such_overload':
      return rendered(text, operatorAt(error, start), overloadWords(summary));
    case 'no_matching_overload':
      return functionFault(text, summary, start);
    default:
      return rendered(text, start, syntaxWords(text, summary, start));
  }
}

function undeclared(name: string): string {
  return `undeclared reference to '${name}' (in container '')`;
}

function overloadWords(summary: string): string {
  const [, left, operator, right] = OVERLOAD.exec(summary) ?? [];
  const name = operator === 'in' ? '@in' : `_${operator}_`;
  return left === undefined
    ? summary
    : `found no matching overload for '${name}' applied to '(${left}, ${right})'`;
}

function functionFault(text: string, summary: string, start: number): string {
  const [, receiver, name = '', given = ''] = FUNCTION.exec(summary) ?? [];
  const at = Math.max(start, text.indexOf('(', text.indexOf(name, start)));
  return rendered(
    text,
    at,
    receiver === undefined
      ? undeclared(name)
      : `found no matching overload for '${name}' applied to '${receiver}.(${given})'`,
  );
}

function syntaxWords(text: string, summary: string, start: number): string {
  const expected =
    "expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
  return start >= text.trimEnd().length
    ? `Syntax error: mismatched input '<EOF>' ${expected}`
    : `Syntax error: ${summary}`;
}

function operatorAt(error: unknown, start: number): number {
  const { args } = (error as Failure).node ?? {};
  const left = Array.isArray(args)
    ? (args[0] as { readonly range?: { readonly end: number }; readonly input?: string } | undefined)
    : undefined;
  if (left?.range === undefined || left.input === undefined) {
    return start;
  }
  const gap = /^[\s)]*/.exec(left.input.slice(left.range.end))?.[0].length ?? 0;
  return left.range.end + gap;
}

function rendered(text: string, at: number, words: string): string {
  const before = text.slice(0, at).split('\n');
  const column = before.at(-1)?.length ?? 0;
  const line = text.split('\n')[before.length - 1] ?? '';
  return `ERROR: <input>:${before.length}:${column + 1}: ${words}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

type Environments = Map<string, Environment>;
const environments = new WeakMap<SchemaNode, Environments>();

function typedEnvironment({ node, root, oldSelf }: RuleCheck): Environment {
  const known: Environments = environments.get(node) ?? new Map();
  environments.set(node, known);
  const key = `${oldSelf} ${root}`;
  let made = known.get(key);
  if (made === undefined) {
    made = celEnvironment('untyped').clone();
    const type = new Types(made).nameOf(root ? withIdentity(node) : node);
    made.registerVariable('self', type);
    made.registerVariable('oldSelf', oldSelf === 'optional' ? `optional<${type}>` : type);
    known.set(key, made);
  }
  return made;
}

const text: SchemaNode = { type: 'string' };

/** What rules at the root see of an object's identity. */
function withIdentity(node: SchemaNode): SchemaNode {
  const metadata: SchemaNode = { type: 'object', properties: { name: text, generateName: text } };
  return { ...node, properties: { apiVersion: text, kind: text, ...node.properties, metadata } };
}

/** CEL types of schema nodes, registered as they are met. */
class Types {
  readonly #environment: Environment;
  #count = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  nameOf(node: SchemaNode): string {
    if (node['x-kubernetes-int-or-string'] === true || node.nullable === true) {
      return 'dyn';
    }
    switch (node.type) {
      case 'integer':
        return 'int';
      case 'number':
        return 'double';
      case 'boolean':
        return 'bool';
      case 'string':
        return STRINGS[node.format ?? ''] ?? 'string';
      case 'array':
        return `list<${node.items === undefined ? 'dyn' : this.nameOf(node.items)}>`;
      default:
        return this.#objectName(node);
    }
  }

  #objectName(given: SchemaNode): string {
    const node = given['x-kubernetes-embedded-resource'] === true ? withIdentity(given) : given;
    const { properties, additionalProperties } = node;
    if (additionalProperties !== undefined) {
      return `map<string, ${this.nameOf(additionalProperties)}>`;
    }
    const fields: Record<string, string> = {};
    for (const [name, child] of Object.entries(properties ?? {})) {
      const escaped = escapeProperty(name);
      if (escaped !== undefined) {
        fields[escaped] = this.nameOf(child);
      }
    }
    if (Object.keys(fields).length === 0) {
      return 'dyn';
    }
    this.#count += 1;
    const name = `Object${this.#count}`;
    this.#environment.registerType(name, { fields });
    return name;
  }
}

const STRINGS: Readonly<Record<string, string>> = {
  byte: 'bytes',
  date: 'google.protobuf.Timestamp',
  datetime: 'google.protobuf.Timestamp',
  'date-time': 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
};
