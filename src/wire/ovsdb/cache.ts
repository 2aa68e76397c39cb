import { PatchbayError } from '#machinery/errors.ts';
import {
  applyDifference,
  columnOf,
  decodeValue,
  defaultOf,
  equalValues,
  type Row,
  type Value,
} from './codec.ts';
import type { TableSchema } from './schema.ts';

/** A row that came (`row` only), changed (both) or went (`old` only). */
export interface RowChange {
  readonly table: string;
  readonly uuid: string;
  readonly old?: Row;
  readonly row?: Row;
}

/** Yields the values under which a row is found again; called once per version of a row. */
export type Index = (row: Row) => readonly string[];

/** Read-only view of one table's monitored rows. */
export interface TableView {
  readonly size: number;
  get(uuid: string): Row | undefined;
  rows(): Iterable<Row>;
  /** Rows for which the index yields `value`. */
  byIndex(index: string, value: string): readonly Row[];
  /** The one row of tables such as `Open_vSwitch` and `NB_Global`. */
  single(): Row | undefined;
}

/** The monitored rows of one table, with indexes. */
export class TableCache implements TableView {
  readonly name: string;
  #schema: TableSchema;
  #columns: readonly string[];
  readonly #rows = new Map<string, Row>();
  readonly #indexes: ReadonlyMap<string, { readonly of: Index; readonly rows: Map<string, Set<string>> }>;

  constructor(
    name: string,
    schema: TableSchema,
    columns: readonly string[],
    indexes: Readonly<Record<string, Index>> = {},
  ) {
    this.name = name;
    this.#schema = schema;
    this.#columns = columns;
    this.#indexes = new Map(Object.entries(indexes).map(([key, of]) => [key, { of, rows: new Map() }]));
  }

  get size(): number {
    return this.#rows.size;
  }

  get(uuid: string): Row | undefined {
    return this.#rows.get(uuid);
  }

  rows(): Iterable<Row> {
    return this.#rows.values();
  }

  single(): Row | undefined {
    return this.#rows.values().next().value;
  }

  byIndex(index: string, value: string): readonly Row[] {
    const found = this.#indexes.get(index);
    if (found === undefined) {
      throw new PatchbayError('UnknownIndex', `table ${this.name} has no index ${index}`, {
        retryable: false,
      });
    }
    const rows: Row[] = [];
    for (const uuid of found.rows.get(value) ?? []) {
      const row = this.#rows.get(uuid);
      if (row !== undefined) {
        rows.push(row);
      }
    }
    return rows;
  }

  /** Takes over the schema of a server that may have been upgraded while we were away. */
  reshape(schema: TableSchema, columns: readonly string[]): void {
    this.#schema = schema;
    this.#columns = columns;
  }

  /** Applies one `table-update2`; a row that says what is known already is no change. */
  apply(update: Readonly<Record<string, unknown>>): RowChange[] {
    const changes: RowChange[] = [];
    for (const [uuid, change] of Object.entries(update)) {
      const done = this.#set(uuid, this.#next(uuid, change as Readonly<Record<string, unknown>>));
      if (done !== undefined) {
        changes.push(done);
      }
    }
    return changes;
  }

  /** Makes the table hold exactly the `initial` rows of an update, and tells only what differs. */
  replace(update: Readonly<Record<string, unknown>>): RowChange[] {
    const gone = [...this.#rows.keys()].filter((uuid) => !Object.hasOwn(update, uuid));
    const removed = gone.map((uuid) => this.#set(uuid, undefined)).filter((change) => change !== undefined);
    return [...removed, ...this.apply(update)];
  }

  #next(uuid: string, change: Readonly<Record<string, unknown>>): Row | undefined {
    const whole = change['initial'] ?? change['insert'];
    if (whole !== undefined) {
      const given = whole as Readonly<Record<string, unknown>>;
      return this.#row(uuid, (column) => {
        const type = columnOf(this.#schema, this.name, column);
        return Object.hasOwn(given, column) ? decodeValue(type, given[column]) : defaultOf(type);
      });
    }
    if (!Object.hasOwn(change, 'modify')) {
      return undefined; // `delete`
    }
    const old = this.#rows.get(uuid);
    if (old === undefined) {
      throw new PatchbayError('ProtocolError', `OVSDB: ${this.name} ${uuid} is modified but was never sent`);
    }
    const given = change['modify'] as Readonly<Record<string, unknown>>;
    return this.#row(uuid, (column) => {
      const type = columnOf(this.#schema, this.name, column);
      const value = old[column] ?? defaultOf(type);
      return Object.hasOwn(given, column) ? applyDifference(type, value, given[column]) : value;
    });
  }

  #row(uuid: string, value: (column: string) => Value): Row {
    return Object.freeze({ ...Object.fromEntries(this.#columns.map((c) => [c, value(c)])), _uuid: uuid });
  }

  #set(uuid: string, row: Row | undefined): RowChange | undefined {
    const old = this.#rows.get(uuid);
    if (old === undefined && row === undefined) {
      return undefined;
    }
    if (old !== undefined && row !== undefined && this.#same(old, row)) {
      return undefined;
    }
    this.#reindex(uuid, old, row);
    if (row === undefined) {
      this.#rows.delete(uuid);
    } else {
      this.#rows.set(uuid, row);
    }
    return {
      table: this.name,
      uuid,
      ...(old === undefined ? {} : { old }),
      ...(row === undefined ? {} : { row }),
    };
  }

  #same(old: Row, row: Row): boolean {
    return this.#columns.every((column) => {
      const [a, b] = [old[column], row[column]];
      return a !== undefined && b !== undefined && equalValues(a, b);
    });
  }

  #reindex(uuid: string, old: Row | undefined, row: Row | undefined): void {
    for (const index of this.#indexes.values()) {
      for (const value of old === undefined ? [] : index.of(old)) {
        const rows = index.rows.get(value);
        rows?.delete(uuid);
        if (rows?.size === 0) {
          index.rows.delete(value);
        }
      }
      for (const value of row === undefined ? [] : index.of(row)) {
        const rows = index.rows.get(value);
        if (rows === undefined) {
          index.rows.set(value, new Set([uuid]));
        } else {
          rows.add(uuid);
        }
      }
    }
  }
}
