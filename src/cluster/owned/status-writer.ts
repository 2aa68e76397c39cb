import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient, Patch } from '#machinery/api-client.ts';
import { keyOf } from '#machinery/controller.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { ifGone } from './claims.ts';

interface Written<T> {
  /** Version that the informer showed when the object was written. */
  readonly seen: string | undefined;
  readonly object: T;
}

/** Writes the status of one kind's objects, and knows what it wrote before the informer shows it. */
export class StatusWriter<T extends KubeObject & { readonly status?: unknown }> {
  readonly #client: ApiClient;
  readonly #kind: KindRef<T>;
  readonly #always: boolean;
  readonly #written = new Map<string, Written<T>>();

  /** `always`: every write is fenced by the version read, as counts must be that only grow. */
  constructor(client: ApiClient, kind: KindRef<T>, always = false) {
    this.#client = client;
    this.#always = always;
    this.#kind = kind;
  }

  /** The object as it was written last, while the informer still shows the version before. */
  current(seen: T): T {
    const key = keyOf(seen);
    const written = this.#written.get(key);
    if (
      written?.seen === seen.metadata.resourceVersion &&
      written?.object.metadata.uid === seen.metadata.uid
    ) {
      return written?.object ?? seen;
    }
    this.#written.delete(key);
    return seen;
  }

  /** Forgets an object that is gone. */
  forget(key: string): void {
    this.#written.delete(key);
  }

  /**
   * Writes the status, and annotations with it, when they changed. `seen` is what the informer showed, `current` what
   * {@link current} made of it. Throws a conflict when somebody else wrote a list first.
   */
  async write(
    seen: T,
    current: T,
    status: T['status'],
    annotations?: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { resourceVersion } = current.metadata;
    const metadata = annotations === undefined ? undefined : { annotations };
    const patch = statusPatch(current.status, status, { resourceVersion, metadata });
    if (patch === undefined) {
      return;
    }
    const object = await this.#client
      .patch(this.#kind, current.metadata, this.#always ? fenced(patch, resourceVersion) : patch, {
        subresource: 'status',
      })
      .catch((error: unknown) => ifGone(error, undefined));
    if (object !== undefined) {
      this.#written.set(keyOf(seen), { seen: seen.metadata.resourceVersion, object });
    }
  }
}

function fenced(patch: Patch, resourceVersion: string | undefined): Patch {
  const body = patch.body as { readonly metadata?: object };
  return { type: 'merge', body: { ...body, metadata: { ...body.metadata, resourceVersion } } };
}
