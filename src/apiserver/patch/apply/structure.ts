import type { SchemaNode } from '#api/schema.ts';
import { canonical } from '../../schema/list-items.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** True for JSON objects. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * How a value takes part in merging: `map` field by field, `keyed` and `set` item by item, `leaf` as a whole (scalars, and
 * lists and maps that the schema calls atomic, which is what lists are when it says nothing).
 */
export type Shape = 'leaf' | 'map' | 'keyed' | 'set';

/** The shape of a value under its schema node. */
export function shapeOf(node: SchemaNode | undefined, value: unknown): Shape {
  if (Array.isArray(value)) {
    const type = node?.['x-kubernetes-list-type'];
    if (type === 'map') {
      return value.every(isFields) ? 'keyed' : 'leaf';
    }
    return type === 'set' ? 'set' : 'leaf';
  }
  return isFields(value) && node?.['x-kubernetes-map-type'] !== 'atomic' ? 'map' : 'leaf';
}

/** The schema node of a field, undefined where the schema is silent. */
export function fieldNode(node: SchemaNode | undefined, name: string): SchemaNode | undefined {
  return isDeclared(node, name) ? node?.properties?.[name] : node?.additionalProperties;
}

/** True when the schema names the field, so that it is no key of a free map. */
export function isDeclared(node: SchemaNode | undefined, name: string): boolean {
  return node?.properties !== undefined && Object.hasOwn(node.properties, name);
}

/** Items of a `keyed` or `set` list by their path element; of equal ones the first counts. */
export function itemsByElement(
  node: SchemaNode | undefined,
  list: readonly unknown[],
  shape: Shape,
): Map<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const element = shape === 'keyed' ? keyElement(node, item) : `v:${canonical(item)}`;
    if (!items.has(element)) {
      items.set(element, item);
    }
  }
  return items;
}

/** `k:{"containerPort":80,"protocol":"TCP"}`: a key that the item leaves out has its default. */
function keyElement(node: SchemaNode | undefined, item: unknown): string {
  const keys: Record<string, unknown> = {};
  for (const key of [...(node?.['x-kubernetes-list-map-keys'] ?? [])].toSorted()) {
    const value =
      isFields(item) && item[key] !== undefined ? item[key] : node?.items?.properties?.[key]?.default;
    if (value !== undefined) {
      keys[key] = value;
    }
  }
  return `k:${JSON.stringify(keys)}`;
}
