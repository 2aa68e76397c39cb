import { createRequire } from 'node:module';
import type { Environment } from '@marcbachmann/cel-js';
import { patternTest } from '../../schema/pattern.ts';
import { charge } from '../budget.ts';
import { CelError } from '../library.ts';
import { replacement } from '../replaced.ts';
import { formatString, quoted } from './printf.ts';

function matches(text: string, pattern: string): boolean {
  return patternTest(pattern)(text);
}

class StringsNamespace {}

/** The words that Go's `strconv.ParseBool` knows. */
function parseBool(text: string): boolean {
  const truth = /^(?:1|t|T|true|TRUE|True)$/.test(text);
  if (!truth && !/^(?:0|f|F|false|FALSE|False)$/.test(text)) {
    throw new CelError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return truth;
}

/** Kubernetes' regex library and the string functions of CEL's extension that the package lacks. */
export function registerStrings(environment: Environment): void {
  environment
    .registerFunction(`string.${replacement('matches')}(string): bool`, matches)
    .registerFunction('matches(string, string): bool', matches)
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => findAll(text, pattern, 1)[0] ?? '',
    )
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
      findAll(text, pattern, -1),
    )
    .registerFunction(
      'string.findAll(string, int): list<string>',
      (text: string, pattern: string, most: bigint) => findAll(text, pattern, Number(most)),
    )
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      replace(text, from, to, -1),
    )
    .registerFunction(
      'string.replace(string, string, int): string',
      (text: string, from: string, to: string, n: bigint) => replace(text, from, to, Number(n)),
    )
    .registerFunction('string.charAt(int): string', charAt)
    .registerFunction('string.format(list): string', formatString)
    .registerType('StringsNamespace', { ctor: StringsNamespace, fields: {} })
    .registerConstant('strings', 'StringsNamespace', new StringsNamespace())
    .registerFunction('StringsNamespace.quote(string): string', (_: unknown, text: string) => quoted(text))
    .registerFunction(`${replacement('bool')}(bool): bool`, (value: boolean) => value)
    .registerFunction(`${replacement('bool')}(string): bool`, parseBool);
}

/** Units of each match that is found: they take longer here than in cel-go, which counts the text only. */
const MATCH = 5;

function findAll(text: string, pattern: string, most: number): string[] {
  patternTest(pattern); // refuses what RE2 does not know
  const { RE2JS } = createRequire(import.meta.url)('re2js') as typeof import('re2js');
  const matcher = RE2JS.compile(pattern).matcher(text);
  const found: string[] = [];
  while (found.length !== most && matcher.find()) {
    charge(MATCH);
    found.push(matcher.group() ?? '');
  }
  return found;
}

function replace(text: string, from: string, to: string, most: number): string {
  // Nothing stands before, between and after all characters.
  const parts = from === '' ? ['', ...text, ''] : text.split(from);
  const cuts = most < 0 ? parts.length - 1 : Math.min(most, parts.length - 1);
  // What is longer than the text costs more than upstream counts: some characters could become very many.
  charge(Math.ceil(Math.max(0, cuts * (to.length - from.length)) / 10));
  const head = parts.slice(0, cuts + 1).join(to);
  return [head, ...parts.slice(cuts + 1)].join(from);
}

function charAt(text: string, index: bigint): string {
  const characters = Array.from(text);
  if (index < 0n || index > BigInt(characters.length)) {
    throw new CelError(`index out of range: ${index}`);
  }
  return characters[Number(index)] ?? '';
}
