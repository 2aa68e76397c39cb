import type { SchemaNode } from '#api/schema.ts';
import { cause } from './causes.ts';
import type { WalkContext } from './walk.ts';

/** Refuses items that a set or a keyed list holds twice. */
export function checkUnique(
  node: SchemaNode,
  list: readonly unknown[],
  path: string,
  context: WalkContext,
): void {
  const type = node['x-kubernetes-list-type'];
  if (list.length < 2 || type === 'atomic') {
    return;
  }
  const keys = type === 'map' ? (node['x-kubernetes-list-map-keys'] ?? []) : undefined;
  const seen = new Set<string>();
  list.forEach((item, index) => {
    const identity = keys === undefined ? canonical(item) : identityOf(keys, item);
    if (seen.has(identity)) {
      context.causes.push(duplicate(keys, item, `${path}[${index}]`, context.builtin));
    }
    seen.add(identity);
  });
}

function duplicate(keys: readonly string[] | undefined, item: unknown, path: string, builtin: boolean) {
  if (keys === undefined) {
    return cause('FieldValueDuplicate', path, '', item);
  }
  const [only] = keys;
  if (builtin && keys.length === 1 && only !== undefined) {
    return cause('FieldValueDuplicate', `${path}.${only}`, '', keyValues(keys, item)[only]);
  }
  return cause('FieldValueDuplicate', path, '', keyValues(keys, item));
}

function keyValues(keys: readonly string[], item: unknown): Record<string, unknown> {
  const fields = typeof item === 'object' && item !== null ? (item as Record<string, unknown>) : {};
  return Object.fromEntries(keys.filter((key) => fields[key] !== undefined).map((key) => [key, fields[key]]));
}

/** What tells an item of a keyed list from the others, as text. */
function identityOf(keys: readonly string[], item: unknown): string {
  const fields = typeof item === 'object' && item !== null ? (item as Record<string, unknown>) : {};
  return JSON.stringify(keys.map((key) => fields[key] ?? null));
}

/** Finds the item of `list` that has the same keys as a given item. */
export function itemsByKeys(keys: readonly string[], list: readonly unknown[]): (item: unknown) => unknown {
  const index = new Map(list.map((item) => [identityOf(keys, item), item]));
  return (item) => index.get(identityOf(keys, item));
}

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
