import { isDeepStrictEqual } from 'node:util';
import { PatchbayError } from '#machinery/errors.ts';
import { type NbChanges, type NbResult, type NbRow, type OvnDriver, type RowKey, rowId } from './driver.ts';

/** The northbound database in memory. */
export class FakeOvn implements OvnDriver {
  /** Every write so far, oldest first. */
  readonly results: NbResult[] = [];
  /** Set to make the next calls fail as when the database is away. */
  failure: Error | undefined;
  readonly #rows = new Map<string, NbRow>();

  async apply(changes: NbChanges): Promise<NbResult> {
    if (this.failure !== undefined) {
      throw this.failure;
    }
    const result = {
      transactions: 0,
      inserted: 0,
      updated: 0,
      removed: 0,
      failures: [] as NbResult['failures'][number][],
    };
    for (const key of changes.remove) {
      result.removed += this.#remove(rowId(key));
    }
    for (const row of changes.put.toSorted(
      (a, b) => Number(a.parent !== undefined) - Number(b.parent !== undefined),
    )) {
      const { table, key, parent } = row;
      if (parent !== undefined && !this.#rows.has(rowId(parent))) {
        const error = new PatchbayError(
          'ParentNotFound',
          `OVN: ${rowId(row)} belongs into ${rowId(parent)}, which is not there`,
        );
        result.failures.push({ row: { table, key }, error });
        continue;
      }
      const old = this.#rows.get(rowId(row));
      if (!isDeepStrictEqual(old, row)) {
        result[old === undefined ? 'inserted' : 'updated'] += 1;
        this.#rows.set(rowId(row), row);
      }
    }
    result.transactions = result.inserted + result.updated + result.removed > 0 ? 1 : 0;
    if (result.transactions > 0) {
      this.results.push(result);
    }
    return result;
  }

  async replace(rows: readonly NbRow[]): Promise<NbResult> {
    const wanted = new Set(rows.map(rowId));
    return this.apply({
      put: rows,
      remove: [...this.#rows.values()].filter((row) => !wanted.has(rowId(row))),
    });
  }

  async observe(): Promise<readonly RowKey[]> {
    return [...this.#rows.values()].map(({ table, key }) => ({ table, key }));
  }

  /** A row as it was put last. */
  row(table: string, key: string): NbRow | undefined {
    return this.#rows.get(rowId({ table, key }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#rows.clear();
  }

  #remove(id: string): number {
    if (!this.#rows.delete(id)) {
      return 0;
    }
    const children = [...this.#rows].filter(([, { parent }]) => parent !== undefined && rowId(parent) === id);
    for (const [child] of children) {
      this.#remove(child);
    }
    return 1;
  }
}
