/** Structural schemas (apiextensions `pkg/apiserver/schema/validation.go` and `complete.go`), in upstream's words. */
import type { Cause } from '#api/meta.ts';
import { deepEqual } from '../patch/equal.ts';
import { cause } from '../schema/causes.ts';
import { patternTest } from '../schema/pattern.ts';
import { branchesOf, itemsOf, type JsonSchema, propertiesOf, valuesOf } from './json-schema.ts';

type Level = 'root' | 'item' | 'field';

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];

/** What keeps a schema from being structural; empty when it is. */
export function structuralCauses(schema: JsonSchema, path: string): readonly Cause[] {
  const causes: Cause[] = [];
  checkInvariants(schema, 'root', path, causes);
  checkCompleteness(schema, schema, path, path, causes);
  return causes.toSorted((a, b) => (`${a.field}${a.message}` < `${b.field}${b.message}` ? -1 : 1));
}

function checkInvariants(node: JsonSchema, level: Level, path: string, causes: Cause[]): void {
  const items = itemsOf(node);
  if (node.type === 'array' && items === undefined) {
    causes.push(cause('FieldValueRequired', `${path}.items`, 'must be specified'));
  }
  if (items !== undefined) {
    checkInvariants(items, 'item', `${path}.items`, causes);
  }
  for (const [name, child] of propertiesOf(node)) {
    checkInvariants(child, 'field', `${path}.properties[${name}]`, causes);
  }
  if (node.additionalProperties !== undefined && level === 'root') {
    causes.push(cause('FieldValueForbidden', `${path}.additionalProperties`, 'must not be used at the root'));
  }
  const values = valuesOf(node);
  if (values !== undefined) {
    checkInvariants(values, 'field', `${path}.additionalProperties`, causes);
  }
  checkExtensions(node, path, causes);
  checkPattern(node, path, causes);
  checkBranches(node, path, causes, skipped(node));
  checkType(node, level, path, causes);
  checkMeta(node, level, path, causes);
}

function checkExtensions(node: JsonSchema, path: string, causes: Cause[]): void {
  if (node['x-kubernetes-int-or-string'] !== true) {
    return;
  }
  for (const word of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const) {
    if (node[word] === true) {
      const why = 'must be false if x-kubernetes-int-or-string is true';
      causes.push(cause('FieldValueInvalid', `${path}.${word}`, why, true));
    }
  }
}

function checkPattern({ pattern }: JsonSchema, path: string, causes: Cause[]): void {
  if (pattern === undefined || pattern === '') {
    return;
  }
  try {
    patternTest(pattern);
  } catch (error) {
    const reason =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    const why = `must be a valid regular expression, but isn't: ${reason}`;
    causes.push(cause('FieldValueInvalid', `${path}.pattern`, why, pattern));
  }
}

/** Branches that may name types, because the node is int-or-string: `anyOf`, or the first of `allOf`. */
function skipped(node: JsonSchema): ReadonlySet<string> {
  if (deepEqual(node.anyOf, INT_OR_STRING)) {
    return new Set(['anyOf[0]', 'anyOf[1]']);
  }
  return deepEqual((node.allOf?.[0] as JsonSchema | undefined)?.anyOf, INT_OR_STRING)
    ? new Set(['allOf[0].anyOf[0]', 'allOf[0].anyOf[1]'])
    : new Set();
}

function checkBranches(
  node: JsonSchema,
  path: string,
  causes: Cause[],
  skip: ReadonlySet<string>,
  prefix = '',
): void {
  for (const [place, branch] of branchesOf(node)) {
    if (!skip.has(`${prefix}${place}`)) {
      checkNested(branch, `${path}.${place}`, causes, skip, `${prefix}${place}.`);
    }
  }
}

/** Inside of logic, only values are judged; structure stands outside. */
function checkNested(
  node: JsonSchema,
  path: string,
  causes: Cause[],
  skip: ReadonlySet<string> = new Set(),
  prefix = '',
): void {
  checkPattern(node, path, causes);
  checkBranches(node, path, causes, skip, prefix);
  const items = itemsOf(node);
  if (items !== undefined) {
    checkNested(items, `${path}.items`, causes);
  }
  for (const [name, child] of propertiesOf(node)) {
    checkNested(child, `${path}.properties[${name}]`, causes);
  }
  for (const [word, why] of FORBIDDEN) {
    const value = (node as Readonly<Record<string, unknown>>)[word];
    if (
      value !== undefined &&
      value !== '' &&
      value !== false &&
      !(Array.isArray(value) && value.length === 0)
    ) {
      causes.push(cause('FieldValueForbidden', `${path}.${word}`, why));
    }
  }
  if (node.properties?.['metadata'] !== undefined) {
    const why = 'must not be specified in a nested context';
    causes.push(cause('FieldValueForbidden', `${path}.properties[metadata]`, why));
  }
}

const FORBIDDEN: readonly (readonly [string, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

const MISSING_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function checkType(node: JsonSchema, level: Level, path: string, causes: Cause[]): void {
  const { type = '' } = node;
  const at = `${path}.type`;
  if (node['x-kubernetes-embedded-resource'] === true) {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    if (type !== 'object') {
      causes.push(cause(type === '' ? 'FieldValueRequired' : 'FieldValueInvalid', at, why, type));
    }
    if (node.additionalProperties !== undefined) {
      const forbidden = 'must not be used if x-kubernetes-embedded-resource is set';
      causes.push(cause('FieldValueForbidden', `${path}.additionalProperties`, forbidden));
    }
  } else if (
    type === '' &&
    node['x-kubernetes-int-or-string'] !== true &&
    node['x-kubernetes-preserve-unknown-fields'] !== true
  ) {
    causes.push(cause('FieldValueRequired', at, MISSING_TYPE[level]));
  }
  if (level === 'root' && type !== '' && type !== 'object') {
    causes.push(cause('FieldValueInvalid', at, 'must be object at the root', type));
  }
}

function checkMeta(node: JsonSchema, level: Level, path: string, causes: Cause[]): void {
  const embedded = node['x-kubernetes-embedded-resource'] === true;
  const own = level === 'root' || embedded;
  const { properties = {} } = node;
  for (const name of own ? ['kind', 'apiVersion'] : []) {
    const type = properties[name]?.type ?? '';
    if (properties[name] !== undefined && type !== 'string') {
      causes.push(cause('FieldValueInvalid', `${path}.properties[${name}].type`, 'must be string', type));
    }
  }
  const { metadata } = properties;
  if (metadata !== undefined && own && metadata.type !== 'object') {
    const at = `${path}.properties[metadata].type`;
    causes.push(cause('FieldValueInvalid', at, 'must be object', metadata.type ?? ''));
  }
  if (metadata !== undefined && level === 'root' && restrictsMore(metadata)) {
    const why =
      'must not specify anything other than name and generateName, but metadata is implicitly specified';
    causes.push(cause('FieldValueForbidden', `${path}.properties[metadata]`, why));
  }
  if (
    embedded &&
    node['x-kubernetes-preserve-unknown-fields'] !== true &&
    Object.keys(properties).length === 0
  ) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    causes.push(cause('FieldValueRequired', `${path}.properties`, why));
  }
}

function restrictsMore(metadata: JsonSchema): boolean {
  const { type: _t, default: _d, properties = {}, ...rest } = metadata;
  const names = Object.keys(properties);
  return Object.keys(rest).length > 0 || !names.every((name) => name === 'name' || name === 'generateName');
}

/** Whatever is judged inside of logic must stand in the structure too. */
function checkCompleteness(
  node: JsonSchema,
  structure: JsonSchema | undefined,
  at: string,
  path: string,
  causes: Cause[],
): void {
  for (const [place, branch] of branchesOf(node)) {
    checkNestedCompleteness(branch, structure, at, `${path}.${place}`, causes);
  }
}

function checkNestedCompleteness(
  node: JsonSchema,
  structure: JsonSchema | undefined,
  at: string,
  path: string,
  causes: Cause[],
): void {
  if (structure === undefined) {
    causes.push(cause('FieldValueRequired', at, `because it is defined in ${path}`));
    return;
  }
  checkCompleteness(node, structure, at, path, causes);
  const items = itemsOf(node);
  if (items !== undefined) {
    checkNestedCompleteness(items, itemsOf(structure), `${at}.items`, `${path}.items`, causes);
  }
  for (const [name, child] of propertiesOf(node)) {
    const place = `.properties[${name}]`;
    const counterpart = structure.properties?.[name];
    checkNestedCompleteness(child, counterpart, `${at}${place}`, `${path}${place}`, causes);
  }
}
