/** Values of OVSDB columns between their wire form (RFC 7047 section 5.1) and plain JavaScript. */
import { PatchbayError } from '#machinery/errors.ts';
import { type AtomType, type ColumnType, isScalar, type TableSchema } from './schema.ts';

/** One value; a UUID is its text. */
export type Atom = string | number | boolean;
/** A map column; integer keys are written in decimal. */
export type ValueMap = Readonly<Record<string, Atom>>;
/** What a column holds: a scalar, a set (sorted; an optional value is a set of none or one), or a map. */
export type Value = Atom | readonly Atom[] | ValueMap;

/** A row as the cache holds it: every monitored column, and its UUID. Frozen. */
export interface Row {
  readonly _uuid: string;
  readonly [column: string]: Value;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What a column holds when an insert does not name it (RFC 7047 section 5.2.1). */
export function defaultOf(type: ColumnType): Value {
  if (type.value !== undefined) {
    return {};
  }
  if (!isScalar(type)) {
    return type.min === 0 ? [] : [defaultAtom(type.key)];
  }
  return defaultAtom(type.key);
}

/** Reads a column's wire form. Throws PatchbayError `ProtocolError` when it does not fit the type. */
export function decodeValue(type: ColumnType, json: unknown): Value {
  if (type.value !== undefined) {
    return Object.fromEntries(decodePairs(type.key, type.value, json));
  }
  if (isScalar(type)) {
    return decodeAtom(type.key, json);
  }
  return decodeSet(type.key, json).sort(compareAtoms);
}

/**
 * Writes a value in wire form. A string in a UUID column that is no UUID is taken as the name that an insert of the
 * same transaction bears (`named-uuid`).
 */
export function encodeValue(type: ColumnType, value: Value): unknown {
  if (type.value !== undefined) {
    return encodeMap(type.key, type.value, value);
  }
  if (Array.isArray(value)) {
    return ['set', value.map((atom: Atom) => encodeAtom(type.key, atom))];
  }
  if (typeof value === 'object') {
    throw new PatchbayError('InvalidValue', 'OVSDB: a map was given for a column that is none', {
      retryable: false,
    });
  }
  return encodeAtom(type.key, value);
}

/** Applies the `modify` form of update2 (ovsdb-server(7) section 4.1.14) to a column's old value. */
export function applyDifference(type: ColumnType, old: Value, json: unknown): Value {
  if (type.max === 1) {
    return decodeValue(type, json);
  }
  if (type.value !== undefined) {
    const map = new Map(Object.entries(old as ValueMap));
    for (const [key, value] of decodePairs(type.key, type.value, json)) {
      if (map.get(key) === value) {
        map.delete(key);
      } else {
        map.set(key, value);
      }
    }
    return Object.fromEntries(map);
  }
  const set = new Set(Array.isArray(old) ? (old as readonly Atom[]) : [old as Atom]);
  for (const atom of decodeSet(type.key, json)) {
    if (!set.delete(atom)) {
      set.add(atom);
    }
  }
  return [...set].sort(compareAtoms);
}

/** Encodes the named columns of a row; throws PatchbayError `InvalidColumn` for one the table does not have. */
export function encodeColumns(
  table: TableSchema,
  name: string,
  columns: Readonly<Record<string, Value>>,
): unknown {
  return Object.fromEntries(
    Object.entries(columns).map(([column, value]) => [
      column,
      encodeValue(columnOf(table, name, column), value),
    ]),
  );
}

/** Type of a column; `_uuid` is one too. */
export function columnOf(table: TableSchema, name: string, column: string): ColumnType {
  const type = column === '_uuid' ? ({ key: 'uuid', min: 1, max: 1 } as const) : table.get(column);
  if (type === undefined) {
    throw new PatchbayError(
      'InvalidColumn',
      `OVSDB table ${name} has no column ${column} in this server's schema`,
      {
        retryable: false,
      },
    );
  }
  return type;
}

/** True when two values say the same: sets in any order, maps by content. */
export function equalValues(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') {
    return a === b;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) {
      return false;
    }
    const set = new Set<Atom>(b);
    return a.every((atom: Atom) => set.has(atom));
  }
  const [mapA, mapB] = [a as ValueMap, b as ValueMap];
  const keys = Object.keys(mapA);
  return (
    keys.length === Object.keys(mapB).length &&
    keys.every((key) => Object.hasOwn(mapB, key) && mapA[key] === mapB[key])
  );
}

/** A string column of a row, `''` when it is absent. */
export function stringOf(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : '';
}

/** A set column of a row. */
export function setOf(row: Row, column: string): readonly Atom[] {
  const value = row[column];
  return Array.isArray(value) ? (value as readonly Atom[]) : [];
}

/** The value of an optional column. */
export function optionalOf(row: Row, column: string): Atom | undefined {
  return setOf(row, column)[0];
}

/** A map of strings of a row. */
export function stringMapOf(row: Row, column: string): Readonly<Record<string, string>> {
  const value = row[column];
  return typeof value === 'object' && !Array.isArray(value)
    ? (value as Readonly<Record<string, string>>)
    : {};
}

function decodeSet(key: AtomType, json: unknown): Atom[] {
  const list: readonly unknown[] = Array.isArray(json) && json[0] === 'set' ? listOf(json[1]) : [json];
  return list.map((atom) => decodeAtom(key, atom));
}

function decodePairs(key: AtomType, value: AtomType, json: unknown): [string, Atom][] {
  if (!Array.isArray(json) || json[0] !== 'map') {
    throw new PatchbayError('ProtocolError', `OVSDB: no map: ${JSON.stringify(json)}`);
  }
  return listOf(json[1]).map((pair) => {
    const [k, v] = listOf(pair);
    return [String(decodeAtom(key, k)), decodeAtom(value, v)];
  });
}

function listOf(json: unknown): readonly unknown[] {
  if (!Array.isArray(json)) {
    throw new PatchbayError('ProtocolError', `OVSDB: no list: ${JSON.stringify(json)}`);
  }
  return json;
}

function decodeAtom(type: AtomType, json: unknown): Atom {
  const plain = type === 'uuid' && Array.isArray(json) && json[0] === 'uuid' ? json[1] : json;
  const expected =
    type === 'integer' || type === 'real' ? 'number' : type === 'boolean' ? 'boolean' : 'string';
  if (typeof plain !== expected) {
    throw new PatchbayError('ProtocolError', `OVSDB: no ${type}: ${JSON.stringify(json)}`);
  }
  return plain as Atom;
}

function encodeMap(key: AtomType, value: AtomType, map: Value): unknown {
  if (Array.isArray(map)) {
    // A set of keys: what the `delete` mutator of a map takes.
    return ['set', map.map((atom: Atom) => encodeAtom(key, atom))];
  }
  return [
    'map',
    Object.entries(map).map(([k, v]) => [
      encodeAtom(key, key === 'integer' ? Number(k) : k),
      encodeAtom(value, v),
    ]),
  ];
}

function encodeAtom(type: AtomType, atom: Atom): unknown {
  if (type !== 'uuid') {
    return atom;
  }
  return [UUID.test(String(atom)) ? 'uuid' : 'named-uuid', atom];
}

function defaultAtom(type: AtomType): Atom {
  switch (type) {
    case 'integer':
    case 'real':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return '';
    case 'uuid':
      return '00000000-0000-0000-0000-000000000000';
  }
}

function compareAtoms(a: Atom, b: Atom): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
