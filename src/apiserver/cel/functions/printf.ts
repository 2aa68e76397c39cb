import { CelError } from '../library.ts';
import { type CelDuration, durationText, timestampText } from './conversions.ts';

/*
 * CEL's `string.format` as Kubernetes has it (cel-go `ext/formatting.go`, for versions of the string extension below 4):
 * numbers of `%f` and `%e` are written for en_US, texts inside of lists and maps as literals.
 */

/** `%s %d %f %e %x %X %o %b %%`, with a precision for `%f` and `%e`. @throws CelError */
export function formatString(text: string, values: readonly unknown[]): string {
  let used = 0;
  return text.replaceAll(
    /%(?:%|(?:\.(\d{1,3}))?([a-zA-Z]))/g,
    (whole: string, precision: string | undefined, verb: string) => {
      if (whole === '%%') {
        return '%';
      }
      if (used >= values.length) {
        throw new CelError(`error during formatting: index ${used} out of range`);
      }
      const value = values[used];
      used += 1;
      return formatOne(verb, value, Math.min(precision === undefined ? PRECISION : Number(precision), 100));
    },
  );
}

const PRECISION = 6;

/** What verbs take, in cel-go's words. */
const CLAUSES: Readonly<Record<string, string>> = {
  s: 'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
  d: 'decimal clause can only be used on integers',
  f: 'fixed-point clause can only be used on doubles',
  e: 'scientific clause can only be used on doubles',
  x: 'only integers, byte buffers, and strings can be formatted as hex',
  o: 'octal clause can only be used on integers',
  b: 'only integers and bools can be formatted as binary',
};

function formatOne(verb: string, value: unknown, precision: number): string {
  const whole = wholeOf(value);
  const real = realOf(value);
  switch (verb) {
    case 's':
      return plain(value);
    case 'd':
      return whole?.toString() ?? refuse(verb, value);
    case 'f':
      return real === undefined ? refuse(verb, value) : fixed(real, precision);
    case 'e':
      return real === undefined ? refuse(verb, value) : scientific(real, precision);
    case 'x':
      return hex(value);
    case 'X':
      return hex(value).toUpperCase();
    case 'o':
      return whole?.toString(8) ?? refuse(verb, value);
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : (whole?.toString(2) ?? refuse(verb, value));
    default:
      throw new CelError(`error during formatting: unrecognized formatting clause "${verb}"`);
  }
}

function refuse(verb: string, value: unknown): never {
  throw new CelError(`error during formatting: ${CLAUSES[verb] ?? ''}, was given ${typeName(value)}`);
}

function typeName(value: unknown): string {
  if (value === null) {
    return 'null_type';
  }
  if (typeof value !== 'object') {
    const names: Readonly<Record<string, string>> = { bigint: 'int', number: 'double', boolean: 'bool' };
    return names[typeof value] ?? typeof value;
  }
  if (Array.isArray(value)) {
    return 'list';
  }
  if (value instanceof Uint8Array) {
    return 'bytes';
  }
  if (value instanceof Map || value.constructor === Object) {
    return 'map';
  }
  if (value instanceof Date) {
    return 'google.protobuf.Timestamp';
  }
  return isDuration(value) ? 'google.protobuf.Duration' : wholeOf(value) === undefined ? 'object' : 'uint';
}

/** An int, or a uint of the package. */
function wholeOf(value: unknown): bigint | undefined {
  const inner: unknown =
    typeof value === 'object' && value?.constructor.name === 'UnsignedInt' ? value.valueOf() : value;
  return typeof inner === 'bigint' ? inner : undefined;
}

function realOf(value: unknown): number | undefined {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity'
    ? Number(value)
    : typeof value === 'number'
      ? value
      : undefined;
}

function isDuration(value: object): value is CelDuration {
  return 'nanos' in value && 'seconds' in value;
}

function fixed(value: number, precision: number): string {
  if (!Number.isFinite(value)) {
    return infinite(value);
  }
  const [whole = '', fraction] = value.toFixed(precision).split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function scientific(value: number, precision: number): string {
  if (!Number.isFinite(value)) {
    return infinite(value);
  }
  const [mantissa = '', exponent = ''] = value.toExponential(precision).split('e');
  const digits = exponent.replace(/^[+-]/, '').padStart(2, '0');
  const raised = digits.replaceAll(/\d/g, (digit) => SUPERSCRIPTS.charAt(Number(digit)));
  return `${mantissa}\u202f×\u202f10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}

function infinite(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '-∞';
}

function hex(value: unknown): string {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    return Buffer.from(value as string).toString('hex');
  }
  return wholeOf(value)?.toString(16) ?? refuse('x', value);
}

function plain(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return realText(value);
    case 'object':
      return value === null ? 'null' : plainObject(value);
    default:
      return String(value);
  }
}

function plainObject(value: object): string {
  if (Array.isArray(value)) {
    return `[${value.map(literal).join(', ')}]`;
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString('utf8');
  }
  if (value instanceof Map || value.constructor === Object) {
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    const pairs = entries.map(([key, inner]) => [literal(key), literal(inner)] as const);
    return `{${pairs
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => `${key}:${inner}`)
      .join(', ')}}`;
  }
  if (value instanceof Date) {
    return timestampText(value);
  }
  if (isDuration(value)) {
    return durationText(value);
  }
  return wholeOf(value)?.toString() ?? (isType(value) ? value.name : refuse('s', value));
}

function isType(value: object): value is { readonly name: string } {
  return value.constructor.name === 'Type' && 'name' in value && typeof value.name === 'string';
}

/** As CEL would write it. */
function literal(value: unknown): string {
  if (typeof value === 'string') {
    return quoted(value);
  }
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value.toFixed(PRECISION) : `"${realText(value)}"`;
  }
  if (value instanceof Uint8Array) {
    return `b${quoted(Buffer.from(value).toString('utf8'))}`;
  }
  if (value instanceof Date) {
    return `timestamp("${timestampText(value)}")`;
  }
  return typeof value === 'object' && value !== null && isDuration(value)
    ? `duration("${durationText(value)}")`
    : plain(value);
}

/** As Go prints it: with an exponent below -4 and from 6 on. */
function realText(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  }
  const shortest = value.toExponential();
  const exponent = Number(shortest.split('e')[1]);
  return value === 0 || (exponent >= -4 && exponent < 6)
    ? String(value)
    : shortest.replace(/e([+-])(\d)$/, 'e$10$2');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** In double quotes, as CEL and Go read it. */
export function quoted(text: string): string {
  const escaped = text.replaceAll(/[\p{Cc}"\\]/gu, (character) => {
    const hexadecimal = character.charCodeAt(0).toString(16);
    return (
      ESCAPES[character] ??
      (character < '\u0080' ? `\\x${hexadecimal.padStart(2, '0')}` : `\\u${hexadecimal.padStart(4, '0')}`)
    );
  });
  return `"${escaped}"`;
}
