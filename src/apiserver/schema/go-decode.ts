/** What Go's decoder says of a value that does not fit a builtin kind: upstream refuses it with 400, before anything else. */
import type { KindDefinition } from '#api/kind.ts';
import type { SchemaNode } from '#api/schema.ts';
import { goName } from './go-names.ts';
import { rootSchemaOf } from './object-meta.ts';

/** Where the decoder is. */
interface Place {
  /** Innermost struct, and the field of it that is read. */
  readonly struct: string;
  readonly field: string;
  /** Names of fields from the root; lists and maps add none. */
  readonly path: string;
  readonly words: Words;
}

/** How a value of the wrong type is told. */
type Words = (node: SchemaNode, value: unknown, place: Place) => string;

const counts: ReadonlySet<string> = new Set([
  'port',
  'targetPort',
  'maxSurge',
  'maxUnavailable',
  'minAvailable',
]);

/** The first fault in the order of the text; undefined when `object` can be read as `kind`. */
export function decodeFault(kind: KindDefinition, object: unknown): string | undefined {
  return isFields(object) ? ofFields(rootSchemaOf(kind.schema), object, kind.kind, '', mismatch) : undefined;
}

/** The same in the words of the converter that reads what a strategic merge patch made of an object. */
export function conversionFault(kind: KindDefinition, object: unknown): string | undefined {
  return isFields(object)
    ? ofFields(rootSchemaOf(kind.schema), object, kind.kind, '', unconverted)
    : undefined;
}

function ofFields(
  node: SchemaNode,
  value: Readonly<Record<string, unknown>>,
  struct: string,
  above: string,
  words: Words,
): string | undefined {
  for (const [field, item] of Object.entries(value)) {
    const child =
      node.properties !== undefined && Object.hasOwn(node.properties, field)
        ? node.properties[field]
        : undefined;
    if (child !== undefined) {
      const fault = ofValue(child, item, {
        struct,
        field,
        path: above === '' ? field : `${above}.${field}`,
        words,
      });
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function ofValue(node: SchemaNode, value: unknown, place: Place): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (node['x-kubernetes-int-or-string'] === true) {
    return counts.has(place.field) ? ofIntOrString(value) : ofQuantity(value);
  }
  if (node.type === undefined) return undefined;
  if (node.type === 'array') {
    return Array.isArray(value)
      ? firstOf(value, (item) => ofValue(node.items ?? {}, item, place))
      : place.words(node, value, place);
  }
  return node.type === 'object' ? ofObject(node, value, place) : ofScalar(node, value, place);
}

function ofObject(node: SchemaNode, value: unknown, place: Place): string | undefined {
  if (!isFields(value)) return place.words(node, value, place);
  if (node.properties !== undefined) return ofFields(node, value, structAt(place), place.path, place.words);
  const { additionalProperties: entries } = node;
  return entries === undefined
    ? undefined
    : firstOf(Object.values(value), (item) => ofValue(entries, item, place));
}

function ofScalar(node: SchemaNode, value: unknown, place: Place): string | undefined {
  switch (node.type) {
    case 'integer':
      return typeof value === 'number' && fitsInteger(node, value)
        ? undefined
        : place.words(node, value, place);
    case 'number':
    case 'boolean':
      return typeof value === node.type ? undefined : place.words(node, value, place);
    default:
      if (typeof value !== 'string') return place.words(node, value, place);
      return node.format === 'byte'
        ? ofBase64(value)
        : node.format === 'date-time'
          ? ofTime(value, place.field)
          : undefined;
  }
}

function fitsInteger({ format }: SchemaNode, value: number): boolean {
  const limit = format === 'int32' ? 2 ** 31 : 2 ** 63;
  return Number.isInteger(value) && value >= -limit && value < limit;
}

function mismatch(node: SchemaNode, value: unknown, place: Place): string {
  const type = node.type === 'string' && node.format === 'date-time' ? undefined : goType(node, place);
  // Times are read by a decoder of their own, which knows of no field.
  return type === undefined
    ? `json: cannot unmarshal ${jsonWord(node, value)} into Go value of type string`
    : `json: cannot unmarshal ${jsonWord(node, value)} into Go struct field ${place.struct}.${place.path} of type ${type}`;
}

function unconverted(node: SchemaNode, value: unknown, place: Place): string {
  const from = goKind(value);
  if (node.type === 'array') return `cannot restore slice from ${from}`;
  if (node.type === 'object') {
    return node.properties === undefined
      ? `cannot restore map from ${from}`
      : `cannot restore struct from: ${from}`;
  }
  const type = goType(node, place);
  const convertible = from === 'int64' || (from === 'float64' && node.type !== 'string');
  return convertible && node.type !== 'boolean'
    ? `cannot convert ${from} to ${type}`
    : `unrecognized type: ${node.type === 'string' ? 'string' : type}`;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'object' ? 'map' : 'string';
}

function jsonWord(node: SchemaNode, value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'number' && node.type === 'integer' ? `number ${value}` : typeof value;
}

function goType(node: SchemaNode, place: Place): string {
  const name = goName(place.struct, place.field);
  switch (node.type) {
    case 'array':
      return `[]${goType(node.items ?? {}, place)}`;
    case 'object':
      if (node.properties === undefined && node.additionalProperties !== undefined) {
        return name === undefined
          ? `map[string]${goType(node.additionalProperties, place)}`
          : qualified(name);
      }
      return qualified(structAt(place));
    case 'integer':
      return node.format === 'int32' ? 'int32' : 'int64';
    case 'boolean':
      return 'bool';
    case 'number':
      return 'float64';
    default:
      return node.format === 'byte' ? '[]uint8' : name === undefined ? 'string' : qualified(name);
  }
}

function structAt({ struct, field }: Place): string {
  return goName(struct, field) ?? field.charAt(0).toUpperCase() + field.slice(1);
}

function qualified(name: string): string {
  return name.includes('.') ? name : `v1.${name}`;
}

function ofIntOrString(value: unknown): string | undefined {
  const word = jsonWord({ type: 'integer' }, value);
  return typeof value === 'string' || (typeof value === 'number' && fitsInteger({ format: 'int32' }, value))
    ? undefined
    : `json: cannot unmarshal ${word} into Go value of type int32`;
}

const quantityFormat = /^[+-]?(?:\d+\.?\d*|\.\d+)([eEinumkKMGTP]*[-+]?\d*)$/;
const suffixes = /^(?:|[numkMGTPE]|[KMGTPE]i|[eE][-+]?\d+)$/;

/** Rule: k8s.io/apimachinery/pkg/api/resource ParseQuantity. */
function ofQuantity(value: unknown): string | undefined {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '{';
  const suffix = quantityFormat.exec(text)?.[1];
  if (suffix === undefined) {
    return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  }
  return suffixes.test(suffix) ? undefined : "unable to parse quantity's suffix";
}

/** Where Go's base64 decoder stops: at a wrong character, or at the start of four that are not whole. */
function ofBase64(text: string): string | undefined {
  const at = badBase64At(text);
  return at === undefined ? undefined : `illegal base64 data at input byte ${at}`;
}

function badBase64At(text: string): number | undefined {
  const body = /^[A-Za-z0-9+/\r\n]*/.exec(text)?.[0] ?? '';
  const inQuad = body.replaceAll(/[\r\n]/g, '').length % 4;
  if (body.length === text.length) return inQuad === 0 ? undefined : text.length - inQuad;
  return text[body.length] === '=' && inQuad >= 2 ? badPaddingAt(text, body.length, 4 - inQuad) : body.length;
}

function badPaddingAt(text: string, at: number, wanted: number): number | undefined {
  const rest = text.slice(at + 1).replaceAll(/[\r\n]/g, '');
  if (wanted === 1) return rest === '' ? undefined : at + 1;
  if (rest === '') return text.length;
  if (!rest.startsWith('=')) return at;
  return rest.length === 1 ? undefined : at + 2;
}

const timeParts: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d\d/, '01'],
  [/^-/, '-'],
  [/^\d\d/, '02'],
  [/^T/, 'T'],
  [/^\d\d/, '15'],
  [/^:/, ':'],
  [/^\d\d/, '04'],
  [/^:/, ':'],
  [/^\d\d(?:\.\d+)?/, '05'],
  [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
];
const microTimes: ReadonlySet<string> = new Set([
  'acquireTime',
  'renewTime',
  'eventTime',
  'lastObservedTime',
]);

/** A time that is none by its form; days that do not exist are the schema's business. */
function ofTime(text: string, field: string): string | undefined {
  const layout = microTimes.has(field) ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
  let rest = text;
  for (const [pattern, word] of timeParts) {
    const found = pattern.exec(rest)?.[0];
    if (found === undefined) {
      return `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(word)}`;
    }
    rest = rest.slice(found.length);
  }
  return rest === ''
    ? undefined
    : `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`;
}

function firstOf<T>(items: readonly T[], fault: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = fault(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as Go's `%+v` prints it: `map[a:1 b:[x y]]`, keys sorted. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isFields(value)) return String(value);
  const keys = Object.keys(value).toSorted((a, b) => (a < b ? -1 : 1));
  return `map[${keys.map((key) => `${key}:${goText(value[key])}`).join(' ')}]`;
}
