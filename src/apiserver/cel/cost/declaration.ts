/** Schemas as CEL declares them, with the bounds that cost estimates need (apiserver `pkg/cel/common/schemas.go`). */
import type { SchemaNode } from '#api/schema.ts';
import { escapeProperty } from '../escape.ts';

/** The type of a value and, when it comes from a schema, its bounds. */
export interface Declaration {
  /** `int`, `string`, `list`, `map`, `object`, `dyn`, … or the name of a library's type, such as `net.IP`. */
  readonly kind: string;
  /** Most characters, bytes, items or entries; 0 for everything that has no size. */
  readonly max: number;
  /** Fewest bytes that a value takes in JSON. */
  readonly minBytes: number;
  /** Of lists, maps and optionals. */
  readonly element?: Declaration;
  /** Of objects, by escaped name. */
  readonly fields?: ReadonlyMap<string, Declaration>;
}

/** Largest request that is taken, in bytes. */
export const MAX_REQUEST = 3 * 1024 * 1024;
/** Longest string that a request has room for, without its quotes. */
const MAX_TEXT = MAX_REQUEST - 2;
/** Longest duration or time in JSON. */
const MAX_TIME = 32;
/** A date in JSON, with quotes. */
const DATE_BYTES = 12;
/** Longest name of an object. */
const MAX_NAME = 253;

/** A type without bounds. */
export function plain(kind: string, element?: Declaration): Declaration {
  return { kind, max: 0, minBytes: 0, ...(element === undefined ? {} : { element }) };
}

export const dyn = plain('dyn');
const text: SchemaNode = { type: 'string' };

/**
 * The declaration of a schema node; undefined when CEL does not see it.
 * @param root true where the fields of an object's identity are there without being in the schema.
 */
export function declarationOf(given: SchemaNode, root = false): Declaration | undefined {
  if (given['x-kubernetes-int-or-string'] === true) {
    return { kind: 'dyn', max: textBound(given), minBytes: 1 };
  }
  const node = root || given['x-kubernetes-embedded-resource'] === true ? withIdentity(given) : given;
  switch (node.type) {
    case 'array':
      return listOf(node);
    case 'object':
      return node.additionalProperties === undefined
        ? objectOf(node)
        : mapOf(node, node.additionalProperties);
    case 'string':
      return stringOf(node);
    case 'boolean':
      return { kind: 'bool', max: 0, minBytes: 4 };
    case 'number':
      return { kind: 'double', max: 0, minBytes: 1 };
    case 'integer':
      return { kind: 'int', max: 0, minBytes: 1 };
    default:
      return undefined;
  }
}

function listOf({ items, maxItems }: SchemaNode): Declaration | undefined {
  const element = items === undefined ? undefined : declarationOf(items);
  if (element === undefined) {
    return undefined;
  }
  // A comma for each item; the brackets are not theirs.
  const max = maxItems ?? Math.floor(MAX_TEXT / (element.minBytes + 1));
  return { kind: 'list', max: Math.max(0, max), minBytes: 2, element };
}

function mapOf({ maxProperties }: SchemaNode, values: SchemaNode): Declaration | undefined {
  const element = declarationOf(values);
  if (element === undefined) {
    return undefined;
  }
  // Key, quotes, colon and comma for each entry.
  const max = maxProperties ?? Math.floor(MAX_TEXT / (element.minBytes + 6));
  return { kind: 'map', max: Math.max(0, max), minBytes: 2, element };
}

function objectOf({ properties = {}, required = [] }: SchemaNode): Declaration {
  const fields = new Map<string, Declaration>();
  let minBytes = 2;
  for (const [name, child] of Object.entries(properties)) {
    const declared = declarationOf(child);
    const escaped = escapeProperty(name);
    if (declared !== undefined && escaped !== undefined) {
      fields.set(escaped, declared);
    }
    if (declared !== undefined && required.includes(name) && child.default === undefined) {
      minBytes += Buffer.byteLength(name) + declared.minBytes + 4;
    }
  }
  return { kind: 'object', max: 0, minBytes, fields };
}

function stringOf(node: SchemaNode): Declaration {
  switch (node.format ?? '') {
    case 'byte':
      return { kind: 'bytes', max: Math.max(0, node.maxLength ?? MAX_TEXT), minBytes: 2 };
    case 'duration':
      return { kind: 'duration', max: MAX_TIME, minBytes: 3 };
    case 'date':
      return { kind: 'timestamp', max: DATE_BYTES, minBytes: DATE_BYTES };
    case 'date-time':
      return { kind: 'timestamp', max: MAX_TIME, minBytes: 21 };
    default:
      return { kind: 'string', max: textBound(node), minBytes: 2 };
  }
}

/** `maxLength` counts code points of up to four bytes. */
function textBound(node: SchemaNode): number {
  const { maxLength, enum: words = [] } = node;
  if (maxLength !== undefined) {
    return Math.max(0, maxLength) * 4;
  }
  return words.length === 0 || node['x-kubernetes-int-or-string'] === true
    ? MAX_TEXT
    : Math.max(0, ...words.map((word) => (typeof word === 'string' ? Buffer.byteLength(word) : 0)));
}

/** What is always there of an object's identity, unless the schema itself says all of it. */
function withIdentity(node: SchemaNode): SchemaNode {
  const { apiVersion, kind, metadata } = node.properties ?? {};
  const strings = [apiVersion, kind, metadata?.properties?.['name'], metadata?.properties?.['generateName']];
  if (metadata?.type === 'object' && strings.every((each) => each?.type === 'string')) {
    return node;
  }
  const named = metadata?.properties ?? {};
  const made: SchemaNode = {
    type: 'object',
    properties: {
      name: shortened(named['name'], MAX_NAME),
      generateName: shortened(named['generateName'], MAX_NAME - 1),
    },
  };
  return { ...node, properties: { ...node.properties, apiVersion: text, kind: text, metadata: made } };
}

function shortened(given: SchemaNode | undefined, maxLength: number): SchemaNode {
  return { type: 'string', maxLength: Math.min(maxLength, given?.maxLength ?? maxLength) };
}
