import { PatchbayError } from '#machinery/errors.ts';

/** Basic types of RFC 7047 section 3.2. */
export type AtomType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';

/** Type of a column: a scalar (min = max = 1), a set, or a map (has `value`). */
export interface ColumnType {
  readonly key: AtomType;
  readonly value?: AtomType;
  readonly min: 0 | 1;
  /** `Infinity` for "unlimited". */
  readonly max: number;
}

/** Columns of a table by name, without `_uuid` and `_version`. */
export type TableSchema = ReadonlyMap<string, ColumnType>;

/** A database's schema, as far as a client needs it. */
export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

/** Parses the answer of `get_schema` (or a `.ovsschema` file). Throws PatchbayError `ProtocolError`. */
export function parseSchema(json: unknown): DatabaseSchema {
  const root = objectOf(json, 'schema');
  const tables = new Map<string, TableSchema>();
  for (const [name, table] of Object.entries(objectOf(root['tables'], 'tables'))) {
    const columns = new Map<string, ColumnType>();
    for (const [column, schema] of Object.entries(
      objectOf(objectOf(table, name)['columns'], `${name}.columns`),
    )) {
      columns.set(column, parseColumnType(objectOf(schema, column)['type'], `${name}.${column}`));
    }
    tables.set(name, columns);
  }
  return { name: String(root['name']), version: String(root['version'] ?? ''), tables };
}

/** True for a column that holds exactly one value. */
export function isScalar(type: ColumnType): boolean {
  return type.value === undefined && type.min === 1 && type.max === 1;
}

function parseColumnType(json: unknown, path: string): ColumnType {
  if (typeof json === 'string') {
    return { key: atomTypeOf(json, path), min: 1, max: 1 };
  }
  const type = objectOf(json, path);
  const max = type['max'] ?? 1;
  const base = {
    key: parseBaseType(type['key'], path),
    min: type['min'] === 0 ? (0 as const) : (1 as const),
    max: max === 'unlimited' ? Number.POSITIVE_INFINITY : Number(max),
  };
  return type['value'] === undefined ? base : { ...base, value: parseBaseType(type['value'], path) };
}

function parseBaseType(json: unknown, path: string): AtomType {
  return atomTypeOf(typeof json === 'string' ? json : objectOf(json, path)['type'], path);
}

function atomTypeOf(name: unknown, path: string): AtomType {
  switch (name) {
    case 'integer':
    case 'real':
    case 'boolean':
    case 'string':
    case 'uuid':
      return name;
    default:
      throw new PatchbayError(
        'ProtocolError',
        `OVSDB schema: ${path} has unknown type ${JSON.stringify(name)}`,
      );
  }
}

function objectOf(json: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new PatchbayError('ProtocolError', `OVSDB schema: ${path} is no object`);
  }
  return json as Readonly<Record<string, unknown>>;
}
