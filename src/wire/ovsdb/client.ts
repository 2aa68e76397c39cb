import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { JsonRpcConnection, JsonRpcError } from '../json-rpc.ts';
import { type Index, type RowChange, TableCache, type TableView } from './cache.ts';
import { type DatabaseSchema, parseSchema } from './schema.ts';
import { decodeResults, encodeOperation, type OperationResult, type OvsdbOperation } from './transaction.ts';
import { type Transport, transportOf } from './transport.ts';

/** What to keep of a table. */
export interface TableMonitor {
  /** Columns to copy; those that the server's schema lacks are left out. Absent = all. */
  readonly columns?: readonly string[];
  readonly indexes?: Readonly<Record<string, Index>>;
}

/** Settings of a client. */
export interface OvsdbOptions {
  /** Where the server listens: `unix:/path`, or any way to open a stream to it. */
  readonly remote: string | Transport;
  /** `Open_vSwitch`, `OVN_Northbound`, … */
  readonly database: string;
  readonly tables: Readonly<Record<string, TableMonitor>>;
  /** Ends the client for good. */
  readonly signal: AbortSignal;
  /** Told when a connection is lost or cannot be made. */
  readonly onDisconnect?: (reason: Error) => void;
  /** Milliseconds a request, or waiting for a connection to send it on, may take; default 10,000. */
  readonly timeoutMs?: number;
  /** First and longest pause between attempts to connect, milliseconds; default 20 and 2,000. */
  readonly backoffMs?: { readonly first: number; readonly longest: number };
}

const NO_TRANSACTION = '00000000-0000-0000-0000-000000000000';
const MONITOR_ID = 'patchbay';

/**
 * A client of one OVSDB database: keeps an always current copy of the tables it monitors, reconnects by itself and then
 * asks only for what it missed (`monitor_cond_since`), and runs transactions.
 *
 * Our own writes are in the copy when `transact` resolves: ovsdb-server sends pending updates before any answer.
 */
export class OvsdbClient {
  /** Resolves when the copy is complete for the first time; rejects when the client ends before. */
  readonly ready: Promise<void>;
  readonly #options: OvsdbOptions;
  readonly #transport: Transport;
  readonly #tables = new Map<string, TableCache>();
  readonly #subscribers = new Set<(changes: readonly RowChange[]) => void>();
  readonly #waiters = new Set<() => void>();
  #connection: JsonRpcConnection | undefined;
  #schema: DatabaseSchema | undefined;
  #lastTransaction = NO_TRANSACTION;
  /** Updates that came in one read with the monitor's answer, before that was taken in. */
  #early: (() => void)[] = [];

  constructor(options: OvsdbOptions) {
    this.#options = options;
    this.#transport = typeof options.remote === 'string' ? transportOf(options.remote) : options.remote;
    this.ready = this.waitFor(() => this.connected || undefined, Number.POSITIVE_INFINITY).then(
      () => undefined,
    );
    // Whoever does not await `ready` still learns of the end by `transact` and `waitFor`.
    this.ready.catch(() => undefined);
    options.signal.addEventListener('abort', () => this.#connection?.close(ended()), { once: true });
    void this.#run();
  }

  /** True while the copy is complete and current. */
  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /** The server's schema; known once `ready`. */
  get schema(): DatabaseSchema {
    if (this.#schema === undefined) {
      throw new PatchbayError('NotConnected', `database ${this.#options.database} was not reached yet`);
    }
    return this.#schema;
  }

  /** The copy of a monitored table. Empty for a table that the server's schema lacks. */
  table(name: string): TableView {
    const table = this.#tables.get(name);
    if (table !== undefined) {
      return table;
    }
    const monitor = this.#options.tables[name];
    if (monitor === undefined) {
      throw new PatchbayError('InvalidTable', `table ${name} is not monitored`, { retryable: false });
    }
    return new TableCache(name, new Map(), [], monitor.indexes);
  }

  /** Calls `handler` with every batch of changes from now on, the first copy included. Returns the way to stop. */
  subscribe(handler: (changes: readonly RowChange[]) => void): () => void {
    this.#subscribers.add(handler);
    return () => this.#subscribers.delete(handler);
  }

  /**
   * Resolves with the first value other than undefined that `probe` yields, asked now and after every change of the
   * copy. Rejects with `Timeout` after `timeoutMs`, and with `Ended` when the client ends.
   */
  waitFor<T>(probe: () => T | undefined, timeoutMs = this.#timeoutMs): Promise<T> {
    return new Promise((resolve, reject) => {
      const { signal } = this.#options;
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        signal.removeEventListener('abort', onAbort);
        act();
      };
      const check = (): void => {
        const value = probe();
        if (value !== undefined) {
          settle(() => resolve(value));
        }
      };
      const onAbort = (): void => settle(() => reject(ended()));
      const timer = Number.isFinite(timeoutMs)
        ? setTimeout(() => settle(() => reject(this.#timedOut(timeoutMs))), timeoutMs)
        : undefined;
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(check);
      check();
    });
  }

  /**
   * Runs operations as one transaction: all or nothing. While the server is away, waits for it within the time limit.
   * @throws TransactionError when the server refuses; PatchbayError `ConnectionFailed` when the connection was lost
   * before the answer (it may or may not have been done: look at the copy) and `Timeout`.
   */
  async transact(operations: readonly OvsdbOperation[]): Promise<OperationResult[]> {
    const connection = await this.waitFor(() => this.#connection);
    const encoded = operations.map((operation) => encodeOperation(this.schema, operation));
    const answer = await connection.request(
      'transact',
      [this.#options.database, ...encoded],
      this.#timeoutMs,
    );
    return decodeResults(answer, operations.length);
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 10_000;
  }

  async #run(): Promise<void> {
    const { signal, backoffMs = { first: 20, longest: 2_000 } } = this.#options;
    let pause = backoffMs.first;
    while (!signal.aborted) {
      const reason = await this.#session(() => {
        pause = backoffMs.first;
      });
      if (signal.aborted) {
        return;
      }
      this.#options.onDisconnect?.(reason);
      await delay(pause, undefined, { signal }).catch(() => undefined); // Aborted: the loop ends by itself.
      pause = Math.min(pause * 2, backoffMs.longest);
    }
  }

  /** One connection from opening to its end; resolves with the reason of the end. */
  async #session(onConnected: () => void): Promise<Error> {
    let connection: JsonRpcConnection | undefined;
    try {
      connection = new JsonRpcConnection(await this.#transport(), {
        onNotification: (method, params) => this.#notified(method, params),
      });
      if (this.#options.signal.aborted) {
        connection.close(ended());
        return ended();
      }
      await this.#open(connection);
      onConnected();
      return await connection.closed;
    } catch (error) {
      connection?.close();
      return error instanceof Error ? error : new Error(messageOf(error));
    } finally {
      this.#connection = undefined;
    }
  }

  async #open(connection: JsonRpcConnection): Promise<void> {
    const { database } = this.#options;
    this.#early = [];
    const schema = parseSchema(await connection.request('get_schema', [database], this.#timeoutMs));
    const requests = this.#reshape(schema);
    this.#schema = schema;
    const { found, transaction, updates } = await this.#monitor(connection, requests);
    this.#lastTransaction = transaction;
    const changes: RowChange[] = [];
    for (const [name, table] of this.#tables) {
      const update = (updates[name] ?? {}) as Readonly<Record<string, unknown>>;
      changes.push(...(found ? table.apply(update) : table.replace(update)));
    }
    this.#connection = connection;
    this.#publish(changes);
    for (const update of this.#early.splice(0)) {
      update();
    }
  }

  /** Fits the copy to the schema and returns the monitor requests. */
  #reshape(schema: DatabaseSchema): Record<string, unknown> {
    const requests: Record<string, unknown> = {};
    for (const [name, monitor] of Object.entries(this.#options.tables)) {
      const table = schema.tables.get(name);
      if (table === undefined) {
        continue;
      }
      const columns = (monitor.columns ?? [...table.keys()]).filter((column) => table.has(column));
      requests[name] = [{ columns }];
      const cache = this.#tables.get(name);
      if (cache === undefined) {
        this.#tables.set(name, new TableCache(name, table, columns, monitor.indexes));
      } else {
        cache.reshape(table, columns);
      }
    }
    return requests;
  }

  async #monitor(
    connection: JsonRpcConnection,
    requests: Record<string, unknown>,
  ): Promise<{ found: boolean; transaction: string; updates: Readonly<Record<string, unknown>> }> {
    const params = [this.#options.database, MONITOR_ID, requests];
    try {
      const answer = await connection.request(
        'monitor_cond_since',
        [...params, this.#lastTransaction],
        this.#timeoutMs,
      );
      const [found, transaction, updates] = answer as [boolean, string, Readonly<Record<string, unknown>>];
      return { found, transaction, updates };
    } catch (error) {
      if (!(error instanceof JsonRpcError) || !JSON.stringify(error.detail).includes('unknown method')) {
        throw error;
      }
    }
    const updates = await connection.request('monitor_cond', params, this.#timeoutMs);
    return {
      found: false,
      transaction: NO_TRANSACTION,
      updates: updates as Readonly<Record<string, unknown>>,
    };
  }

  #notified(method: string, params: readonly unknown[]): void {
    if (method !== 'update3' && method !== 'update2') {
      return;
    }
    if (this.#connection === undefined) {
      this.#early.push(() => this.#notified(method, params));
      return;
    }
    const [transaction, updates] =
      method === 'update3' ? [String(params[1]), params[2]] : [NO_TRANSACTION, params[1]];
    // Until the update is in, the copy is not what the server says: a failure here must fetch everything again.
    this.#lastTransaction = NO_TRANSACTION;
    const changes: RowChange[] = [];
    for (const [name, update] of Object.entries(updates as Readonly<Record<string, unknown>>)) {
      changes.push(...(this.#tables.get(name)?.apply(update as Readonly<Record<string, unknown>>) ?? []));
    }
    this.#lastTransaction = transaction;
    this.#publish(changes);
  }

  #publish(changes: readonly RowChange[]): void {
    if (changes.length > 0) {
      for (const handler of this.#subscribers) {
        handler(changes);
      }
    }
    for (const check of [...this.#waiters]) {
      check();
    }
  }

  #timedOut(timeoutMs: number): PatchbayError {
    const state = this.connected ? 'connected' : 'not connected';
    return new PatchbayError(
      'Timeout',
      `${this.#options.database} (${state}): nothing within ${timeoutMs} ms`,
    );
  }
}

function ended(): PatchbayError {
  return new PatchbayError('Ended', 'OVSDB client was ended', { retryable: false });
}
