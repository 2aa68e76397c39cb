import type { SchemaNode } from '#api/schema.ts';
import { FieldSet } from './field-set.ts';
import { type Fields, fieldNode, itemsByElement, type Shape, shapeOf } from './structure.ts';

/** Lays an applied configuration over the live object: fields one by one, lists as their schema says. */
export function mergeApplied(node: SchemaNode | undefined, live: unknown, applied: unknown): unknown {
  const shape = shapeOf(node, applied);
  if (shape === 'leaf' || live === undefined || shapeOf(node, live) !== shape) {
    return applied;
  }
  if (shape !== 'map') {
    return mergeLists(node, live as readonly unknown[], applied as readonly unknown[], shape);
  }
  const result: Record<string, unknown> = { ...(live as Fields) };
  for (const [name, value] of Object.entries(applied as Fields)) {
    const old = Object.hasOwn(result, name) ? result[name] : undefined;
    result[name] = mergeApplied(fieldNode(node, name), old, value);
  }
  return result;
}

/** Items of both; shared ones in the applied order, the others where they stood between their neighbours. */
function mergeLists(
  node: SchemaNode | undefined,
  live: readonly unknown[],
  applied: readonly unknown[],
  shape: Shape,
): unknown[] {
  const olds = itemsByElement(node, live, shape);
  const given = itemsByElement(node, applied, shape);
  const liveOnly = [...olds].map(([element, item]) => (given.has(element) ? undefined : item));
  const result: unknown[] = [];
  let next = 0;
  const takeLiveOnly = () => {
    for (; next < liveOnly.length && liveOnly[next] !== undefined; next += 1) {
      result.push(liveOnly[next]);
    }
  };
  takeLiveOnly();
  for (const [element, item] of given) {
    const old = olds.get(element);
    result.push(old === undefined || shape === 'set' ? item : mergeApplied(node?.items, old, item));
    if (old !== undefined) {
      next += 1; // one shared item of the live list has been passed
      takeLiveOnly();
    }
  }
  return result;
}

/**
 * Removes what an applier named before (`last`) and nobody names any more (`kept`: everything any manager owns now).
 * A map or list that becomes empty by it goes too, unless somebody owns it.
 */
export function pruneDropped(
  node: SchemaNode | undefined,
  value: Fields,
  last: FieldSet,
  kept: FieldSet,
): Fields {
  return pruneMap(node, value, last, kept);
}

const NOTHING = new FieldSet();

function pruneMap(node: SchemaNode | undefined, value: Fields, last: FieldSet, kept: FieldSet): Fields {
  const result: Record<string, unknown> = { ...value };
  for (const element of new Set([...last.members, ...last.children.keys()])) {
    const name = element.slice(2);
    if (element.startsWith('f:') && Object.hasOwn(value, name)) {
      const left = pruneElement(fieldNode(node, name), value[name], element, last, kept);
      if (left === undefined) {
        delete result[name];
      } else {
        result[name] = left;
      }
    }
  }
  return result;
}

function pruneElement(
  node: SchemaNode | undefined,
  value: unknown,
  element: string,
  last: FieldSet,
  kept: FieldSet,
): unknown {
  const below = last.children.get(element);
  const owned = kept.covers(element);
  if (!owned && (last.members.has(element) || below === undefined)) {
    return undefined;
  }
  const shape = shapeOf(node, value);
  if (below === undefined || shape === 'leaf') {
    return value;
  }
  const keptBelow = kept.children.get(element) ?? NOTHING;
  const left =
    shape === 'map'
      ? pruneMap(node, value as Fields, below, keptBelow)
      : pruneList(node, value as readonly unknown[], shape, below, keptBelow);
  const becameEmpty = Object.keys(left).length === 0 && Object.keys(value as object).length > 0;
  return becameEmpty && !kept.members.has(element) ? undefined : left;
}

function pruneList(
  node: SchemaNode | undefined,
  list: readonly unknown[],
  shape: Shape,
  last: FieldSet,
  kept: FieldSet,
): unknown[] {
  return [...itemsByElement(node, list, shape)].flatMap(([element, item]) => {
    if (!last.covers(element)) {
      return [item];
    }
    const left = pruneElement(node?.items, item, element, last, kept);
    return left === undefined ? [] : [left];
  });
}
