/** Turns changes of northbound rows into one minimal OVSDB transaction (pure). */
import { PatchbayError } from '#machinery/errors.ts';
import { byUuid, type OvsdbOperation } from '#wire/ovsdb/transaction.ts';
import { type NbRow, type RowKey, rowId } from './driver.ts';
import type { NbView } from './view.ts';

interface Membership {
  readonly table: string;
  /** UUID, or the name of an insert of this transaction. */
  readonly holder: string;
  readonly column: string;
  readonly insert: string[];
  readonly remove: string[];
}

/** Collects one transaction. Rows that another one points to must be added before it, or be there. */
export class NbPlan {
  inserted = 0;
  updated = 0;
  removed = 0;
  readonly #view: NbView;
  readonly #operations: OvsdbOperation[] = [];
  readonly #names = new Map<string, string>();
  readonly #gone = new Set<string>();
  readonly #deleted = new Set<string>();
  readonly #memberships = new Map<string, Membership>();

  constructor(view: NbView) {
    this.#view = view;
  }

  /** Asks for a row. Throws PatchbayError when its parent is neither there nor asked for before. */
  put(wanted: NbRow): void {
    const row = this.#gone.has(rowId(wanted)) ? undefined : this.#view.find(wanted);
    const columns = this.#view.columnsOf(wanted, (key) => this.#names.get(rowId(key)));
    const holder = this.#holderOf(wanted);
    if (row === undefined) {
      const name = `row${this.#names.size}`;
      this.#names.set(rowId(wanted), name);
      this.#operations.push({ op: 'insert', table: wanted.table, row: columns, name });
      this.inserted += 1;
      this.#attach(wanted, holder, name);
      return;
    }
    const changed = this.#view.differences(row, columns);
    const isElsewhere = this.#attach(wanted, holder, row._uuid);
    if (Object.keys(changed).length > 0) {
      this.#operations.push({ op: 'update', table: wanted.table, where: byUuid(row._uuid), row: changed });
    }
    if (isElsewhere || Object.keys(changed).length > 0) {
      this.updated += 1;
    }
  }

  /** Asks for a row of ours to go. */
  remove(key: RowKey): void {
    const row = this.#gone.has(rowId(key)) ? undefined : this.#view.find(key);
    if (row === undefined) {
      return;
    }
    this.#gone.add(rowId(key));
    this.removed += 1;
    if (this.#view.isRoot(key.table)) {
      this.#deleted.add(row._uuid);
      this.#operations.push({ op: 'delete', table: key.table, where: byUuid(row._uuid) });
      return;
    }
    for (const holder of this.#view.holders(row._uuid)) {
      this.#membership(holder.table, holder.row._uuid, holder.column).remove.push(row._uuid);
    }
  }

  /** The transaction; empty when everything is as it ought to be. */
  finish(): readonly OvsdbOperation[] {
    const live = [...this.#memberships.values()].filter(({ holder }) => !this.#deleted.has(holder));
    const memberships = live.map(
      ({ table, holder, column, insert, remove }): OvsdbOperation => ({
        op: 'mutate',
        table,
        where: byUuid(holder),
        mutations: [
          ...(remove.length === 0 ? [] : [[column, 'delete', remove] as const]),
          ...(insert.length === 0 ? [] : [[column, 'insert', insert] as const]),
        ],
      }),
    );
    return [...this.#operations, ...memberships];
  }

  #holderOf(wanted: NbRow): string | undefined {
    const { parent } = wanted;
    if (parent === undefined) {
      return undefined;
    }
    const row = this.#gone.has(rowId(parent)) ? undefined : this.#view.find(parent);
    const holder = this.#names.get(rowId(parent)) ?? row?._uuid;
    if (holder === undefined) {
      throw new PatchbayError(
        'ParentNotFound',
        `OVN: ${rowId(wanted)} belongs into ${rowId(parent)}, which is not there`,
      );
    }
    return holder;
  }

  /** Puts a row into its parent and out of others; true when it was not only there already. */
  #attach({ parent }: NbRow, holder: string | undefined, member: string): boolean {
    if (parent === undefined || holder === undefined) {
      return false;
    }
    const holders = this.#view.holders(member);
    const others = holders.filter(({ row, column }) => row._uuid !== holder || column !== parent.column);
    for (const other of others) {
      this.#membership(other.table, other.row._uuid, other.column).remove.push(member);
    }
    if (holders.length > others.length) {
      return others.length > 0;
    }
    this.#membership(parent.table, holder, parent.column).insert.push(member);
    return true;
  }

  #membership(table: string, holder: string, column: string): Membership {
    const id = `${holder} ${column}`;
    const known = this.#memberships.get(id);
    if (known !== undefined) {
      return known;
    }
    const membership = { table, holder, column, insert: [], remove: [] };
    this.#memberships.set(id, membership);
    return membership;
  }
}
