import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { RowChange } from '#wire/ovsdb/cache.ts';
import { OvsdbClient } from '#wire/ovsdb/client.ts';
import type { Row } from '#wire/ovsdb/codec.ts';
import { TransactionError } from '#wire/ovsdb/transaction.ts';
import type { Transport } from '#wire/ovsdb/transport.ts';
import { type NbChanges, type NbResult, type NbRow, type OvnDriver, type RowKey, rowId } from './driver.ts';
import { NbPlan } from './plan.ts';
import { keyOf, NB_TABLES, NbView } from './view.ts';

/** Settings of the driver. */
export interface OvnOptions {
  /** The northbound database: `unix:/…/nb.sock`. */
  readonly nb: string | Transport;
  /** Value of `external_ids:patchbay` of every row of ours. */
  readonly tag: string;
  /** Told when somebody else changed or removed a row of ours: it is time for `replace`. */
  readonly onChange?: () => void;
  /** Told when the database is away. */
  readonly onError?: (error: Error) => void;
  /** Rows per transaction; default 2,000: northd computes anew for each. */
  readonly batchSize?: number;
}

type Step = { readonly put: NbRow } | { readonly remove: RowKey };

/** Connects to the northbound database in the background; calls wait for it within their time limit. */
export function openOvn(options: OvnOptions): OvnDriver {
  return new RealOvn(options);
}

class RealOvn implements OvnDriver {
  readonly #options: OvnOptions;
  readonly #client: OvsdbClient;
  readonly #view: NbView;
  readonly #end = new AbortController();
  /** What was asked for last, by id: rows that say otherwise were changed by others. */
  readonly #asked = new Map<string, NbRow>();
  #queue: Promise<unknown> = Promise.resolve();
  #isApplying = false;
  #unseen: RowChange[] = [];

  constructor(options: OvnOptions) {
    this.#options = options;
    this.#client = new OvsdbClient({
      remote: options.nb,
      database: 'OVN_Northbound',
      tables: NB_TABLES,
      signal: this.#end.signal,
      onDisconnect: (error) => options.onError?.(error),
    });
    this.#view = new NbView((name) => this.#client.table(name), options.tag);
    this.#client.subscribe((changes) => this.#noticed(changes));
  }

  apply(changes: NbChanges): Promise<NbResult> {
    return this.#serially(() => this.#apply(changes));
  }

  replace(rows: readonly NbRow[]): Promise<NbResult> {
    return this.#serially(async () => {
      await this.#client.waitFor(() => this.#client.connected || undefined);
      const wanted = new Set(rows.map(rowId));
      const remove = this.#view.keys().filter((key) => !wanted.has(rowId(key)));
      for (const id of [...this.#asked.keys()].filter((asked) => !wanted.has(asked))) {
        this.#asked.delete(id);
      }
      return this.#apply({ put: rows, remove });
    });
  }

  async observe(): Promise<readonly RowKey[]> {
    await this.#client.waitFor(() => this.#client.connected || undefined);
    return this.#view.keys();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#queue;
  }

  async #apply({ put, remove }: NbChanges): Promise<NbResult> {
    await this.#client.waitFor(() => this.#client.connected || undefined);
    for (const row of put) {
      this.#asked.set(rowId(row), row);
    }
    for (const key of remove) {
      this.#asked.delete(rowId(key));
    }
    const steps: Step[] = [
      ...remove.map((key) => ({ remove: key })),
      ...put.toSorted((a, b) => depthOf(a) - depthOf(b)).map((row) => ({ put: row })),
    ];
    const total = {
      transactions: 0,
      inserted: 0,
      updated: 0,
      removed: 0,
      failures: [] as NbResult['failures'][number][],
    };
    this.#isApplying = true;
    try {
      const size = this.#options.batchSize ?? 2000;
      for (let at = 0; at < steps.length; at += size) {
        await this.#transact(steps.slice(at, at + size), total);
      }
    } finally {
      this.#isApplying = false;
      this.#noticed(this.#unseen.splice(0));
    }
    return total;
  }

  /** One transaction; when the database refuses it, halves of it, so that only the culprits fail. */
  async #transact(
    steps: readonly Step[],
    total: { -readonly [K in keyof NbResult]: NbResult[K] },
  ): Promise<void> {
    const plan = new NbPlan(this.#view);
    const planned: Step[] = [];
    for (const step of steps) {
      try {
        if ('put' in step) {
          plan.put(step.put);
        } else {
          plan.remove(step.remove);
        }
        planned.push(step);
      } catch (error) {
        total.failures = [...total.failures, failureOf(step, error)];
      }
    }
    const operations = plan.finish();
    if (operations.length === 0) {
      return;
    }
    try {
      const results = await this.#client.transact(operations);
      if (results.some(({ count }) => count === 0)) {
        throw new PatchbayError(
          'Conflict',
          'a row was removed from the northbound database at the same time',
        );
      }
      total.transactions += 1;
      total.inserted += plan.inserted;
      total.updated += plan.updated;
      total.removed += plan.removed;
    } catch (error) {
      if (error instanceof TransactionError && planned.length > 1) {
        const half = Math.ceil(planned.length / 2);
        await this.#transact(planned.slice(0, half), total);
        await this.#transact(planned.slice(half), total);
        return;
      }
      if (!(error instanceof TransactionError)) {
        throw error;
      }
      total.failures = [...total.failures, ...planned.map((step) => failureOf(step, error))];
    }
  }

  #noticed(changes: readonly RowChange[]): void {
    if (this.#isApplying) {
      this.#unseen.push(...changes);
      return;
    }
    if (changes.some((change) => this.#isForeign(change))) {
      this.#options.onChange?.();
    }
  }

  /** True for a change of a row of ours that we did not ask for. */
  #isForeign({ table, old, row }: RowChange): boolean {
    return [old, row].some((version: Row | undefined) => {
      if (version === undefined || !this.#view.isOurs(version)) {
        return false;
      }
      const asked = this.#asked.get(rowId({ table, key: keyOf(version) }));
      return asked !== undefined && !this.#view.isSatisfied(asked);
    });
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task);
    this.#queue = done.then(
      () => undefined,
      () => undefined, // The caller has the error.
    );
    return done;
  }
}

/** A row is put after those it belongs into and points to: roots, what they hold, groups of those, what groups hold. */
function depthOf({ parent, references }: NbRow): number {
  if (parent === undefined) {
    return references === undefined ? 0 : 2;
  }
  return parent.table === 'Port_Group' ? 3 : 1;
}

function failureOf(step: Step, error: unknown): NbResult['failures'][number] {
  const { table, key } = 'put' in step ? step.put : step.remove;
  return { row: { table, key }, error: error instanceof Error ? error : new Error(messageOf(error)) };
}
