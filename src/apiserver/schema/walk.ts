import type { Cause, ObjectMeta } from '#api/meta.ts';
import { mayRepeat, type SchemaNode } from '#api/schema.ts';
import { deepEqual } from '../patch/equal.ts';
import { checkBounds, checkType } from './bounds.ts';
import { cause } from './causes.ts';
import { checkJunctors } from './junctors.ts';
import { checkUnique, itemsByKeys } from './list-items.ts';
import { validateMetaMaps } from './metadata.ts';
import { isMetaList } from './object-meta.ts';
import { type PreparedNode, prepare } from './prepared.ts';

/** What one walk over one object gathers. */
export interface WalkContext {
  readonly causes: Cause[];
  /** Paths of fields that were dropped; undefined when nobody asks. */
  readonly unknown: string[] | undefined;
  /** Words of builtin kinds instead of those of custom resources. */
  readonly builtin: boolean;
  /** Set when a mistake was found after which CEL rules cannot be trusted to run. */
  blocked: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Prunes, defaults and validates `value` by `node` in one pass and returns the result, which shares unchanged parts with
 * `value`. `old` is the stored value at the same place, or undefined; mistakes in a value that has not changed since are
 * tolerated, as upstream does since 1.30, so that a stricter schema does not lock old objects.
 */
export function walk(
  node: SchemaNode,
  value: unknown,
  path: string,
  old: unknown,
  context: WalkContext,
): unknown {
  const prepared = prepare(node);
  const before = context.causes.length;
  const blockedBefore = context.blocked;
  let result = value;
  if (checkType(prepared, value, path, context)) {
    if (prepared.hasBounds && value !== null) {
      checkBounds(prepared, value, path, context);
    }
    result = walkChildren(prepared, value, path, old, context);
    if (prepared.hasJunctors && value !== null) {
      checkJunctors(prepared.node, path, context, (node, inner) =>
        walk(node, result, path, undefined, inner),
      );
    }
  }
  if (context.causes.length > before && old !== undefined && deepEqual(old, result)) {
    context.causes.length = before;
    context.blocked = blockedBefore;
  }
  return result;
}

function walkChildren(
  prepared: PreparedNode,
  value: unknown,
  path: string,
  old: unknown,
  context: WalkContext,
): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return prepared.node.items === undefined ? value : walkArray(prepared, value, path, old, context);
  }
  return walkObject(prepared, value as Fields, path, isFields(old) ? old : undefined, context);
}

function walkObject(
  prepared: PreparedNode,
  value: Fields,
  path: string,
  old: Fields | undefined,
  context: WalkContext,
): Fields {
  let result = walkFields(prepared, value, path, old, context);
  for (const [name, fallback] of prepared.defaults) {
    if (!Object.hasOwn(result, name)) {
      const child = prepared.properties?.get(name);
      const made = structuredClone(fallback);
      result = result === value ? { ...value } : result;
      (result as Record<string, unknown>)[name] =
        child === undefined ? made : walk(child, made, joined(path, name), old?.[name], context);
    }
  }
  for (const name of prepared.required) {
    if (!Object.hasOwn(result, name)) {
      context.causes.push(cause('FieldValueRequired', joined(path, name), ''));
      context.blocked = true;
    }
  }
  if (prepared.embedded) {
    checkEmbedded(result, path, context);
  }
  return result;
}

/** Walks the fields that are there: keeps, changes or drops each. */
function walkFields(
  prepared: PreparedNode,
  value: Fields,
  path: string,
  old: Fields | undefined,
  context: WalkContext,
): Fields {
  const { properties, keepsUnknown } = prepared;
  const values = prepared.node.additionalProperties;
  let result: Record<string, unknown> | undefined;
  for (const name of Object.keys(value)) {
    const field = value[name];
    // `__proto__` could not be copied as a field; it is never one of the API's.
    const child = name === '__proto__' ? undefined : (properties?.get(name) ?? values);
    let kept: unknown;
    if (child !== undefined) {
      kept = keptField(child, field, joined(path, name), old === undefined ? undefined : old[name], context);
    } else if (keepsUnknown && name !== '__proto__') {
      kept = field;
    } else {
      context.unknown?.push(joined(path, name));
    }
    if (kept !== field || field === undefined) {
      result ??= { ...value };
      if (kept === undefined) {
        delete result[name];
      } else {
        result[name] = kept;
      }
    }
  }
  return result ?? value;
}

/** A null in a field that cannot be null counts as absent, so that its default applies. */
function keptField(
  child: SchemaNode,
  field: unknown,
  path: string,
  old: unknown,
  context: WalkContext,
): unknown {
  const absent = field === undefined || (field === null && child.nullable !== true && !keepsNull(child));
  return absent ? undefined : walk(child, field, path, old, context);
}

function keepsNull(child: SchemaNode): boolean {
  return child.type === undefined && child['x-kubernetes-preserve-unknown-fields'] === true;
}

function walkArray(
  prepared: PreparedNode,
  value: readonly unknown[],
  path: string,
  old: unknown,
  context: WalkContext,
): readonly unknown[] {
  const { node } = prepared;
  const items = node.items ?? {};
  const olds = oldItems(node, old);
  let result: unknown[] | undefined;
  for (let index = 0; index < value.length; index += 1) {
    const item = value[index];
    const kept = walk(items, item, `${path}[${index}]`, olds?.(item), context);
    if (kept !== item) {
      result ??= [...value];
      result[index] = kept;
    }
  }
  const list = result ?? value;
  if (node['x-kubernetes-list-type'] !== undefined && !isMetaList(node) && !mayRepeat(node)) {
    checkUnique(node, list, path, context);
  }
  return list;
}

/** Only items of keyed lists are compared with their old selves. */
function oldItems(node: SchemaNode, old: unknown): ((item: unknown) => unknown) | undefined {
  const keys = node['x-kubernetes-list-map-keys'];
  return Array.isArray(old) && node['x-kubernetes-list-type'] === 'map' && keys !== undefined
    ? itemsByKeys(keys, old)
    : undefined;
}

function checkEmbedded(value: Fields, path: string, context: WalkContext): void {
  for (const name of ['apiVersion', 'kind']) {
    if (value[name] === undefined || value[name] === '') {
      context.causes.push(cause('FieldValueRequired', joined(path, name), 'must not be empty'));
      context.blocked = true;
    }
  }
  if (isFields(value['metadata']) && !context.blocked) {
    validateMetaMaps(value['metadata'] as unknown as ObjectMeta, joined(path, 'metadata'), context.causes);
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
