import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Operation } from '#node-state/resource.ts';
import type { OvsdbClient } from '#wire/ovsdb/client.ts';
import { TransactionError } from '#wire/ovsdb/transaction.ts';
import type { OvsResource } from './driver.ts';
import { OvsPlan } from './plan.ts';
import type { OvsView } from './view.ts';

/** An operation on what this driver makes. */
export type OvsOperation = Operation<OvsResource>;

/** Writes batches of operations to the database and waits for ovs-vswitchd where it has to act. */
export class OvsWriter {
  readonly #client: OvsdbClient;
  readonly #view: OvsView;
  readonly #timeoutMs: number;

  /** @param timeoutMs milliseconds that ovs-vswitchd may take over a batch */
  constructor(client: OvsdbClient, view: OvsView, timeoutMs: number) {
    this.#client = client;
    this.#view = view;
    this.#timeoutMs = timeoutMs;
  }

  /** All in one transaction; when the database refuses it, one by one, so that only the culprits fail. */
  async transact(
    operations: readonly OvsOperation[],
    errors: Map<OvsOperation, Error>,
    isAwaited = false,
  ): Promise<void> {
    const plan = new OvsPlan(this.#view);
    plan.isAwaited = isAwaited;
    for (const operation of operations) {
      try {
        plan.add(operation);
      } catch (error) {
        errors.set(operation, toError(error));
      }
    }
    const planned = operations.filter((operation) => !errors.has(operation));
    const transaction = plan.finish();
    if (transaction.length === 0) {
      return;
    }
    try {
      const results = await this.#client.transact(transaction);
      if (results.some((result, i) => result.count === 0 && transaction[i]?.op !== 'wait')) {
        throw new PatchbayError(
          'Conflict',
          'a row was removed from the Open vSwitch database at the same time',
        );
      }
    } catch (error) {
      if (error instanceof TransactionError && planned.length > 1) {
        for (const operation of planned) {
          await this.transact([operation], errors, isAwaited);
        }
        return;
      }
      for (const operation of planned) {
        errors.set(operation, toError(error));
      }
      return;
    }
    if (plan.isAwaited) {
      await this.#acknowledged();
    }
  }

  /** Waits until ovs-vswitchd has taken in what is in the database now. */
  async #acknowledged(): Promise<void> {
    const number = (column: string): number => Number(this.#view.root()?.[column] ?? 0);
    const wanted = number('next_cfg');
    const timeoutMs = this.#timeoutMs;
    try {
      await this.#client.waitFor(() => number('cur_cfg') >= wanted || undefined, timeoutMs);
    } catch (cause) {
      throw new PatchbayError(
        'SwitchNotAnswering',
        `ovs-vswitchd did not take in a change within ${timeoutMs} ms; is it running? (ovs-appctl -t ovs-vswitchd version)`,
        { cause },
      );
    }
  }
}

/** Anything thrown as an error. */
export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
