/** Rows of OVN's northbound database as plain data, and what brings the database to them. */
import type { Value } from '#wire/ovsdb/codec.ts';

/** Names one row of ours; kept in its `external_ids`. */
export interface RowKey {
  /** Table of the northbound schema. */
  readonly table: string;
  /** Unique within the table, stable over restarts. */
  readonly key: string;
}

/** A row that ought to be. Only the columns given are looked at and written. */
export interface NbRow extends RowKey {
  readonly columns: Readonly<Record<string, Value>>;
  /** Columns that point to other rows of ours. */
  readonly references?: Readonly<Record<string, readonly RowKey[]>>;
  /** The row that holds this one, and in which column: `ports` of a `Logical_Switch`. Needed for all but root tables. */
  readonly parent?: RowKey & { readonly column: string };
}

/** What to bring about. Keys in `remove` that are gone, and rows in `put` that are so already, cost nothing. */
export interface NbChanges {
  readonly put: readonly NbRow[];
  readonly remove: readonly RowKey[];
}

/** What was done. */
export interface NbResult {
  readonly transactions: number;
  readonly inserted: number;
  readonly updated: number;
  readonly removed: number;
  /** Rows that could not be brought about; the others were. */
  readonly failures: readonly { readonly row: RowKey; readonly error: Error }[];
}

/** The northbound database. Methods reject when it is not reached within their time limit. */
export interface OvnDriver extends AsyncDisposable {
  /** Brings single rows about, and leaves the rest. */
  apply(changes: NbChanges): Promise<NbResult>;
  /** Makes the rows of ours exactly these: the rest of what bears our tag is removed. */
  replace(rows: readonly NbRow[]): Promise<NbResult>;
  /** Keys of all rows of ours. */
  observe(): Promise<readonly RowKey[]>;
}

/** A key as one string. */
export function rowId({ table, key }: RowKey): string {
  return `${table}/${key}`;
}
