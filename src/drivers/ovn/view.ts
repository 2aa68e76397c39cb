/** What the driver reads of the northbound database. */
import type { TableView } from '#wire/ovsdb/cache.ts';
import type { TableMonitor } from '#wire/ovsdb/client.ts';
import { equalValues, type Row, setOf, stringMapOf, type Value } from '#wire/ovsdb/codec.ts';
import type { NbRow, RowKey } from './driver.ts';

/** External ids by which rows are known as ours. */
const TAG = 'patchbay';
const KEY = 'patchbay-key';

/** Tables that rows of ours may live in: columns of strong references to children (OVN removes a child that none holds). */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  Logical_Switch: ['ports', 'acls', 'qos_rules'],
  Logical_Switch_Port: [],
  Logical_Router: ['ports', 'static_routes', 'policies', 'nat'],
  Logical_Router_Port: ['gateway_chassis'],
  Logical_Router_Static_Route: [],
  Logical_Router_Policy: [],
  NAT: [],
  Gateway_Chassis: [],
  DHCP_Options: [],
  Load_Balancer: [],
  ACL: [],
  Address_Set: [],
  Port_Group: ['acls'],
  QoS: [],
};

/** Tables whose rows live without a parent. */
const ROOTS: readonly string[] = [
  'Logical_Switch',
  'Logical_Router',
  'DHCP_Options',
  'Load_Balancer',
  'Address_Set',
  'Port_Group',
];

/** What is copied of the database. */
export const NB_TABLES: Readonly<Record<string, TableMonitor>> = Object.fromEntries(
  Object.entries(TABLES).map(([table, columns]) => [
    table,
    {
      indexes: {
        tag: (row: Row) => [tagOf(row)],
        key: (row: Row) => [`${tagOf(row)} ${stringMapOf(row, 'external_ids')[KEY] ?? ''}`],
        ...Object.fromEntries(
          columns.map((column) => [column, (row: Row) => setOf(row, column).map(String)]),
        ),
      },
    },
  ]),
);

/** Finds rows of ours by key, and compares them with what they ought to be. */
export class NbView {
  readonly tag: string;
  readonly #table: (name: string) => TableView;

  constructor(table: (name: string) => TableView, tag: string) {
    this.#table = table;
    this.tag = tag;
  }

  /** The row of ours with this key. */
  find({ table, key }: RowKey): Row | undefined {
    return this.#table(table).byIndex('key', `${this.tag} ${key}`)[0];
  }

  isRoot(table: string): boolean {
    return ROOTS.includes(table);
  }

  isOurs(row: Row): boolean {
    return tagOf(row) === this.tag;
  }

  /** Keys of all rows of ours. */
  keys(): RowKey[] {
    return Object.keys(TABLES).flatMap((table) =>
      this.#table(table)
        .byIndex('tag', this.tag)
        .map((row) => ({ table, key: keyOf(row) })),
    );
  }

  /** Rows that hold a row, with the column they hold it in. */
  holders(uuid: string): readonly { readonly table: string; readonly column: string; readonly row: Row }[] {
    return Object.entries(TABLES).flatMap(([table, columns]) =>
      columns.flatMap((column) =>
        this.#table(table)
          .byIndex(column, uuid)
          .map((row) => ({ table, column, row })),
      ),
    );
  }

  /** Columns of a row as they ought to be, references as UUIDs; `name` gives those that are not there yet. */
  columnsOf(wanted: NbRow, name: (key: RowKey) => string | undefined): Readonly<Record<string, Value>> {
    const references = Object.entries(wanted.references ?? {}).map(([column, keys]) => [
      column,
      keys.flatMap((key) => name(key) ?? this.find(key)?._uuid ?? []),
    ]);
    const ids = (wanted.columns['external_ids'] ?? {}) as Readonly<Record<string, string>>;
    return {
      ...wanted.columns,
      ...Object.fromEntries(references),
      external_ids: { ...ids, [TAG]: this.tag, [KEY]: wanted.key },
    };
  }

  /** Those columns in which a row is not as it ought to be. */
  differences(row: Row, columns: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> {
    const changed = Object.entries(columns).filter(([column, value]) => {
      const actual = row[column];
      return actual === undefined || !equalValues(actual, value);
    });
    return Object.fromEntries(changed);
  }

  /** True when the database says what the row ought to be. */
  isSatisfied(wanted: NbRow): boolean {
    const row = this.find(wanted);
    if (
      row === undefined ||
      Object.keys(
        this.differences(
          row,
          this.columnsOf(wanted, () => undefined),
        ),
      ).length > 0
    ) {
      return false;
    }
    const { parent } = wanted;
    const holder = parent === undefined ? undefined : this.find(parent);
    return parent === undefined || (holder !== undefined && setOf(holder, parent.column).includes(row._uuid));
  }
}

/** The key of a row of ours. */
export function keyOf(row: Row): string {
  return stringMapOf(row, 'external_ids')[KEY] ?? '';
}

function tagOf(row: Row): string {
  return stringMapOf(row, 'external_ids')[TAG] ?? '';
}
