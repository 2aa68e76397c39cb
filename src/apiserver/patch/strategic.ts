import type { SchemaNode } from '#api/schema.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { canonical } from '../schema/list-items.ts';
import { rootSchemaOf } from '../schema/object-meta.ts';
import { type Identity, mergeOrder } from './order.ts';

type Fields = Readonly<Record<string, unknown>>;

const DELETE_FROM = '$deleteFromPrimitiveList/';
const SET_ORDER = '$setElementOrder/';

/**
 * Strategic merge patch (builtin kinds): lists merge by `x-kubernetes-patch-merge-key` where `x-kubernetes-patch-strategy`
 * says so; `$patch`, `$retainKeys`, `$deleteFromPrimitiveList` and `$setElementOrder` are obeyed as apimachinery's
 * `strategicpatch` does. Pure.
 * @param schema `KindDefinition.schema`; `metadata` is implied.
 * @throws PatchbayError `BadRequest` when a directive is unknown or an item lacks its merge key.
 */
export function applyStrategicMergePatch(doc: unknown, patch: unknown, schema: SchemaNode): unknown {
  if (!isFields(patch)) {
    throw bad('a strategic merge patch must be an object');
  }
  return mergeMap(isFields(doc) ? doc : {}, patch, rootSchemaOf(schema));
}

function mergeMap(original: Fields, patch: Fields, node: SchemaNode | undefined): Fields {
  const directive = patch['$patch'];
  if (directive === 'replace') {
    return clean(patch) as Fields;
  }
  if (directive === 'delete') {
    return {};
  }
  if (directive !== undefined && directive !== 'merge') {
    throw bad(`unknown patch type: ${JSON.stringify(directive)}; "$patch" may be replace, delete or merge`);
  }
  const result: Record<string, unknown> = { ...original };
  retainKeys(result, patch);
  deleteFromLists(result, patch);
  for (const [name, value] of Object.entries(patch)) {
    if (!isDirective(name)) {
      mergeField(result, name, value, childOf(node, name));
    }
  }
  setOrders(result, original, patch, node);
  return result;
}

function mergeField(
  result: Record<string, unknown>,
  name: string,
  value: unknown,
  child: SchemaNode | undefined,
): void {
  if (value === null) {
    delete result[name];
    return;
  }
  const old = Object.hasOwn(result, name) ? result[name] : undefined;
  const strategies = (child?.['x-kubernetes-patch-strategy'] ?? '').split(',');
  if (isFields(old) && isFields(value) && !strategies.includes('replace')) {
    result[name] = mergeMap(old, value, child);
  } else if (Array.isArray(old) && Array.isArray(value) && strategies.includes('merge')) {
    result[name] = mergeList(old, value, child);
  } else {
    result[name] = clean(value);
  }
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  node: SchemaNode | undefined,
): unknown[] {
  const key = node?.['x-kubernetes-patch-merge-key'];
  if (!original.some(isFields) && !patch.some(isFields)) {
    const merged = [...new Set([...original, ...patch])];
    return mergeOrder(merged, patch, original, canonical);
  }
  if (key === undefined) {
    throw bad('a list of objects that is merged needs a merge key in its schema');
  }
  if (patch.some((item) => isFields(item) && item['$patch'] === 'replace')) {
    return clean(patch) as unknown[];
  }
  return mergeByKey(original, patch, key, node?.items);
}

function mergeByKey(
  original: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  items: SchemaNode | undefined,
): unknown[] {
  const identity: Identity = (item) => canonical(keyOf(item, key)) ?? '';
  const merged = new Map(original.map((item) => [identity(item), item]));
  const given: unknown[] = [];
  for (const item of patch) {
    if (!isFields(item) || keyOf(item, key) === undefined) {
      throw bad(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    }
    const id = identity(item);
    if (item['$patch'] === 'delete') {
      merged.delete(id);
      continue;
    }
    const old = merged.get(id);
    merged.set(id, isFields(old) ? mergeMap(old, item, items) : clean(item));
    given.push(item);
  }
  return mergeOrder([...merged.values()], given, original, identity);
}

function keyOf(item: unknown, key: string): unknown {
  return isFields(item) && Object.hasOwn(item, key) ? item[key] : undefined;
}

function retainKeys(result: Record<string, unknown>, patch: Fields): void {
  const kept = patch['$retainKeys'];
  if (kept === undefined) {
    return;
  }
  const extra = Object.keys(patch).filter(
    (name) => !isDirective(name) && !(Array.isArray(kept) && kept.includes(name)),
  );
  if (!Array.isArray(kept) || extra.length > 0) {
    throw bad(
      `$retainKeys list must contain all fields present in the patch; missing are ${JSON.stringify(extra)}`,
    );
  }
  for (const name of Object.keys(result)) {
    if (!kept.includes(name)) {
      delete result[name];
    }
  }
}

function deleteFromLists(result: Record<string, unknown>, patch: Fields): void {
  for (const [directive, values] of directivesOf(patch, DELETE_FROM)) {
    const list = Object.hasOwn(result, directive) ? result[directive] : undefined;
    if (Array.isArray(list)) {
      result[directive] = list.filter((item) => !values.includes(item));
    }
  }
}

function setOrders(
  result: Record<string, unknown>,
  original: Fields,
  patch: Fields,
  node: SchemaNode | undefined,
): void {
  for (const [name, order] of directivesOf(patch, SET_ORDER)) {
    const list = Object.hasOwn(result, name) ? result[name] : undefined;
    const child = childOf(node, name);
    const key = child?.['x-kubernetes-patch-merge-key'];
    if (Array.isArray(list)) {
      const byKey = key !== undefined && list.some(isFields);
      const identity: Identity = byKey ? (item) => canonical(keyOf(item, key)) ?? '' : canonical;
      const before = original[name];
      result[name] = mergeOrder(list, order, Array.isArray(before) ? before : [], identity);
    }
  }
}

function directivesOf(patch: Fields, prefix: string): [string, readonly unknown[]][] {
  return Object.entries(patch)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, values]) => {
      if (!Array.isArray(values)) {
        throw bad(`${name} must be a list`);
      }
      return [name.slice(prefix.length), values];
    });
}

/** A value that goes in as it is: without nulls, directives, and items that are to be deleted. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !isFields(item) || item['$patch'] === undefined).map(clean);
  }
  if (!isFields(value)) {
    return value;
  }
  const kept = Object.entries(value).filter(([name, field]) => !isDirective(name) && field !== null);
  return Object.fromEntries(kept.map(([name, field]) => [name, clean(field)]));
}

function isDirective(name: string): boolean {
  return (
    name === '$patch' ||
    name === '$retainKeys' ||
    name === '__proto__' || // no field of the API; would change the prototype
    name.startsWith(DELETE_FROM) ||
    name.startsWith(SET_ORDER)
  );
}

function childOf(node: SchemaNode | undefined, name: string): SchemaNode | undefined {
  const properties = node?.properties;
  return properties !== undefined && Object.hasOwn(properties, name)
    ? properties[name]
    : node?.additionalProperties;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(message: string): PatchbayError {
  return new PatchbayError('BadRequest', message, { retryable: false });
}
