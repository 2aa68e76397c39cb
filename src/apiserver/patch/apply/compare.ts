import type { SchemaNode } from '#api/schema.ts';
import { deepEqual } from '../equal.ts';
import { FieldSet } from './field-set.ts';
import { type Fields, fieldNode, isDeclared, isFields, itemsByElement, shapeOf } from './structure.ts';

/** Fields that nobody owns: identity and bookkeeping of the server. */
const UNOWNED_ROOT: ReadonlySet<string> = new Set(['apiVersion', 'kind']);
const UNOWNED_META: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
]);

/** An object without the fields that nobody owns. `metadata` is dropped when nothing of it is left. */
export function ownable(object: Fields): Fields {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) {
    if (name === 'metadata' && isFields(value)) {
      const meta = Object.fromEntries(Object.entries(value).filter(([field]) => !UNOWNED_META.has(field)));
      if (Object.keys(meta).length > 0) {
        result['metadata'] = meta;
      }
    } else if (!UNOWNED_ROOT.has(name)) {
      result[name] = value;
    }
  }
  return result;
}

/** The fields that an applied configuration names. */
export function fieldsOf(node: SchemaNode | undefined, value: Fields): FieldSet {
  const set = new FieldSet();
  collectMap(node, value, set);
  return set;
}

function collectMap(node: SchemaNode | undefined, value: Fields, set: FieldSet): void {
  for (const [name, field] of Object.entries(value)) {
    const element = `f:${name}`;
    const empty = collect(fieldNode(node, name), field, element, set);
    // A key of a free map is owned itself, besides what is below it.
    if (empty || !isDeclared(node, name)) {
      set.members.add(element);
    }
  }
}

/** Collects below `element`; true when there was nothing below, so that the element itself counts. */
function collect(node: SchemaNode | undefined, value: unknown, element: string, set: FieldSet): boolean {
  const shape = shapeOf(node, value);
  if (shape === 'leaf' || Object.keys(value as object).length === 0) {
    return true;
  }
  const below = set.at(element);
  if (shape === 'map') {
    collectMap(node, value as Fields, below);
    return false;
  }
  for (const [item, content] of itemsByElement(node, value as readonly unknown[], shape)) {
    below.members.add(item);
    if (shape === 'keyed') {
      collect(node?.items, content, item, below);
    }
  }
  return false;
}

/** What changed between two objects. Lists and maps that came or went are named besides what is in them. */
export interface Changes {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Compares two objects field by field, lists as their schema says. */
export function compare(node: SchemaNode | undefined, before: Fields, after: Fields): Changes {
  const changes: Changes = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  compareMaps(node, before, after, changes);
  return changes;
}

function compareMaps(node: SchemaNode | undefined, before: Fields, after: Fields, changes: Changes): void {
  for (const [name, value] of Object.entries(after)) {
    if (value === undefined) {
      continue;
    }
    const old = Object.hasOwn(before, name) ? before[name] : undefined;
    compareValues(fieldNode(node, name), old, value, `f:${name}`, changes);
  }
  for (const [name, old] of Object.entries(before)) {
    if (old !== undefined && (!Object.hasOwn(after, name) || after[name] === undefined)) {
      whole(fieldNode(node, name), old, `f:${name}`, changes.removed);
    }
  }
}

function compareValues(
  node: SchemaNode | undefined,
  before: unknown,
  after: unknown,
  element: string,
  changes: Changes,
): void {
  if (before === after) {
    return;
  }
  if (before === undefined) {
    whole(node, after, element, changes.added);
    return;
  }
  const shape = shapeOf(node, after);
  if (shape === 'leaf' || shapeOf(node, before) !== shape) {
    if (!deepEqual(before, after)) {
      changes.modified.members.add(element);
    }
    return;
  }
  const below: Changes = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  if (shape === 'map') {
    compareMaps(node, before as Fields, after as Fields, below);
  } else {
    const items = itemsByElement(node, after as readonly unknown[], shape);
    const olds = itemsByElement(node, before as readonly unknown[], shape);
    for (const [item, value] of items) {
      compareValues(node?.items, olds.get(item), value, item, below);
    }
    for (const [item, old] of olds) {
      if (!items.has(item)) {
        whole(node?.items, old, item, below.removed);
      }
    }
  }
  for (const kind of ['added', 'modified', 'removed'] as const) {
    if (!below[kind].isEmpty) {
      changes[kind].children.set(element, below[kind]);
    }
  }
}

/** Adds a value that is new or gone with everything below it. `metadata` itself is never new. */
function whole(node: SchemaNode | undefined, value: unknown, element: string, set: FieldSet): void {
  if (element !== 'f:metadata') {
    set.members.add(element);
  }
  const shape = shapeOf(node, value);
  if (shape === 'map') {
    const entries = Object.entries(value as Fields).filter(([, field]) => field !== undefined);
    const below = entries.length > 0 ? set.at(element) : undefined;
    for (const [name, field] of entries) {
      if (below !== undefined) {
        whole(fieldNode(node, name), field, `f:${name}`, below);
      }
    }
  } else if (shape === 'keyed' || shape === 'set') {
    for (const [item, content] of itemsByElement(node, value as readonly unknown[], shape)) {
      whole(shape === 'keyed' ? node?.items : undefined, content, item, set.at(element));
    }
  }
}
