import { type Pod, pod } from '#api/core/pod.ts';
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { ApiError, messageOf, PatchbayError } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import { ifGone } from './claims.ts';
import type { Pending } from './pending.ts';

/** Most pods that one pass makes or deletes. */
export const burst = 500;

/** Makes and deletes pods of owners of one kind, and tells it in Events. */
export class PodControl<O extends KubeObject> {
  readonly #client: ApiClient;
  readonly #deps: ControllerDeps;
  readonly #kind: KindRef<O>;
  readonly #pending: Pending<Pod>;

  constructor(client: ApiClient, deps: ControllerDeps, kind: KindRef<O>, pending: Pending<Pod>) {
    this.#client = client;
    this.#deps = deps;
    this.#kind = kind;
    this.#pending = pending;
  }

  /**
   * Makes pods in batches of 1, 2, 4, …: when the server refuses one (a quota), the others are not tried.
   * @returns the first failure, to be reported in the owner's status and thrown.
   */
  async createAll(owner: O, pods: readonly Pod[]): Promise<PatchbayError | undefined> {
    for (let start = 0, size = 1; start < pods.length; start += size, size *= 2) {
      const batch = pods.slice(start, start + size);
      const outcomes = await Promise.all(batch.map((one) => this.#create(owner, one)));
      const failure = outcomes.find((one) => one !== undefined);
      if (failure !== undefined) {
        return failure;
      }
    }
    return undefined;
  }

  async #create(owner: O, wanted: Pod): Promise<PatchbayError | undefined> {
    try {
      const made = await this.#client.create(pod, wanted);
      this.#pending.made(owner.metadata.uid ?? '', made);
      this.#tell(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
      return undefined;
    } catch (error) {
      return this.#failure(owner, 'FailedCreate', 'Error creating', error);
    }
  }

  /** Deletes pods, all at once. @returns the first failure. */
  async deleteAll(owner: O, pods: readonly Pod[]): Promise<PatchbayError | undefined> {
    const outcomes = await Promise.all(pods.map((one) => this.#delete(owner, one)));
    return outcomes.find((one) => one !== undefined);
  }

  async #delete(owner: O, one: Pod): Promise<PatchbayError | undefined> {
    const { uid, name } = one.metadata;
    try {
      await this.#client
        .delete(pod, one.metadata, uid === undefined ? {} : { preconditions: { uid } })
        .catch((error: unknown) => ifGone(error, undefined));
      this.#pending.deleted(one);
      this.#tell(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
      return undefined;
    } catch (error) {
      return this.#failure(owner, 'FailedDelete', 'Error deleting', error);
    }
  }

  #failure(owner: O, reason: string, what: string, error: unknown): PatchbayError | undefined {
    if (!(error instanceof PatchbayError)) {
      throw error;
    }
    if (isNamespaceLeaving(error)) {
      return undefined;
    }
    this.#tell(owner, 'Warning', reason, `${what}: ${messageOf(error)}`);
    // Retried whatever the refusal: a quota may have room later.
    return new PatchbayError(reason, error.message, { cause: error });
  }

  #tell(owner: O, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#deps.events.event(referable(this.#kind, owner), type, reason, message);
  }
}

/** Whether the server refused because the namespace is being deleted: nothing to do then. */
export function isNamespaceLeaving(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true
  );
}
