/** Operations of a `transact` request (RFC 7047 section 5.2) and what came of them. */
import { PatchbayError } from '#machinery/errors.ts';
import { columnOf, encodeColumns, encodeValue, type Value } from './codec.ts';
import type { DatabaseSchema, TableSchema } from './schema.ts';

/** `[column, function, value]`; several must all hold. */
export type Condition = readonly [
  string,
  '==' | '!=' | '<' | '<=' | '>' | '>=' | 'includes' | 'excludes',
  Value,
];
/** `[column, mutator, value]`. `insert` keeps map keys that are there; `delete` of a map takes pairs or a set of keys. */
export type Mutation = readonly [string, '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete', Value];
/** Columns to write. */
export type Columns = Readonly<Record<string, Value>>;

/** One operation. `name` of an insert may stand in UUID columns of the same transaction. */
export type OvsdbOperation =
  | { readonly op: 'insert'; readonly table: string; readonly row: Columns; readonly name?: string }
  | {
      readonly op: 'update';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly row: Columns;
    }
  | {
      readonly op: 'mutate';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly mutations: readonly Mutation[];
    }
  | { readonly op: 'delete'; readonly table: string; readonly where: readonly Condition[] }
  | {
      readonly op: 'select';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns: readonly string[];
    }
  | {
      readonly op: 'wait';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns: readonly string[];
      readonly until: '==' | '!=';
      readonly rows: readonly Columns[];
      /** Milliseconds; 0 = must hold now. */
      readonly timeout: number;
    }
  | { readonly op: 'comment'; readonly comment: string };

/** What one operation answered. */
export interface OperationResult {
  /** UUID of an inserted row. */
  readonly uuid?: string;
  /** Rows that an update, mutate or delete met. */
  readonly count?: number;
  /** Rows of a select, in wire form. */
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
}

/** The database's refusal of a transaction; nothing of it was done. */
export class TransactionError extends PatchbayError {
  /** The server's error, such as `constraint violation`, `referential integrity violation`, `timed out`. */
  readonly error: string;
  /** Position of the operation that failed; the number of operations when the commit itself did. */
  readonly index: number;

  constructor(error: string, details: string, index: number) {
    super(
      'TransactionRefused',
      `OVSDB refused operation ${index}: ${error}${details === '' ? '' : `: ${details}`}`,
    );
    this.name = 'TransactionError';
    this.error = error;
    this.index = index;
  }
}

/** The condition that names one row. */
export function byUuid(uuid: string): readonly Condition[] {
  return [['_uuid', '==', uuid]];
}

/** Writes an operation in wire form. Throws PatchbayError for tables and columns that the schema lacks. */
export function encodeOperation(schema: DatabaseSchema, operation: OvsdbOperation): unknown {
  if (operation.op === 'comment') {
    return operation;
  }
  const { table: name } = operation;
  const table = schema.tables.get(name);
  if (table === undefined) {
    throw new PatchbayError(
      'InvalidTable',
      `database ${schema.name} ${schema.version} has no table ${name}`,
      {
        retryable: false,
      },
    );
  }
  const where =
    'where' in operation ? { where: operation.where.map((c) => encodeTriple(table, name, c)) } : {};
  switch (operation.op) {
    case 'insert':
      return {
        op: 'insert',
        table: name,
        row: encodeColumns(table, name, operation.row),
        ...(operation.name === undefined ? {} : { 'uuid-name': operation.name }),
      };
    case 'update':
      return { op: 'update', table: name, ...where, row: encodeColumns(table, name, operation.row) };
    case 'mutate':
      return {
        op: 'mutate',
        table: name,
        ...where,
        mutations: operation.mutations.map((m) => encodeTriple(table, name, m)),
      };
    case 'delete':
      return { op: 'delete', table: name, ...where };
    case 'select':
      return { op: 'select', table: name, ...where, columns: operation.columns };
    case 'wait':
      return {
        op: 'wait',
        table: name,
        ...where,
        columns: operation.columns,
        until: operation.until,
        rows: operation.rows.map((row) => encodeColumns(table, name, row)),
        timeout: operation.timeout,
      };
  }
}

/** Reads the answer of `transact`. Throws TransactionError when any operation, or the commit, failed. */
export function decodeResults(answer: unknown, operations: number): OperationResult[] {
  if (!Array.isArray(answer)) {
    throw new PatchbayError('ProtocolError', 'OVSDB: answer of transact is no list');
  }
  const results = answer as readonly (Readonly<Record<string, unknown>> | null)[];
  results.forEach((result, index) => {
    if (result !== null && typeof result['error'] === 'string') {
      throw new TransactionError(result['error'], String(result['details'] ?? ''), index);
    }
  });
  return results.slice(0, operations).map((result) => {
    const uuid = result?.['uuid'];
    const count = result?.['count'];
    const rows = result?.['rows'];
    return {
      ...(Array.isArray(uuid) ? { uuid: String(uuid[1]) } : {}),
      ...(typeof count === 'number' ? { count } : {}),
      ...(Array.isArray(rows) ? { rows: rows as Readonly<Record<string, unknown>>[] } : {}),
    };
  });
}

function encodeTriple(
  table: TableSchema,
  name: string,
  [column, verb, value]: Condition | Mutation,
): unknown {
  const type = columnOf(table, name, column);
  // Functions and mutators take sets also of scalars' type, and arithmetic takes a bare number for a set of numbers.
  const arithmetic = typeof value === 'number' && verb.endsWith('=') && verb !== '==' && verb !== '!=';
  return [column, verb, arithmetic ? value : encodeValue(type, value)];
}
