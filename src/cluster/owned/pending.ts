import type { KubeObject } from '#api/meta.ts';
import type { Clock } from '#machinery/clock.ts';
import { keyOf } from '#machinery/controller.ts';
import type { Informer } from '#machinery/informer.ts';

/** Milliseconds after which what the informer never showed is believed no more. */
const patience = 30_000;

interface Made<T> {
  readonly owner: string;
  readonly object: T;
  readonly until: number;
}

/**
 * What a loop made and deleted that its informer does not show yet. A pass that looked at the informer alone would make
 * pods a second time, or delete more of them.
 */
export class Pending<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #clock: Clock;
  readonly #made = new Map<string, Made<T>>();
  readonly #deleted = new Map<string, number>();
  #listening = false;

  constructor(informer: Informer<T>, clock: Clock) {
    this.#informer = informer;
    this.#clock = clock;
  }

  /** Remembers an object made for the owner with that UID. */
  made(owner: string, object: T): void {
    const { uid = '' } = object.metadata;
    if (this.#informer.get(object.metadata)?.metadata.uid !== uid) {
      this.#listen();
      this.#made.set(uid, { owner, object, until: this.#clock.now() + patience });
    }
  }

  /** Remembers that an object was deleted. */
  deleted(object: T): void {
    this.#listen();
    this.#deleted.set(object.metadata.uid ?? '', this.#clock.now() + patience);
  }

  /** What the informer shows of an owner, with what was made since and without what was deleted since. */
  view(owner: string, seen: readonly T[]): readonly T[] {
    this.#expire();
    const keys = new Set(seen.map(keyOf));
    const made = [...this.#made.values()].filter(
      (one) => one.owner === owner && !keys.has(keyOf(one.object)),
    );
    return [...seen, ...made.map(({ object }) => object)].filter(
      ({ metadata }) => !this.#deleted.has(metadata.uid ?? ''),
    );
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [uid, { until }] of this.#made) {
      if (until < now) {
        this.#made.delete(uid);
      }
    }
    for (const [uid, until] of this.#deleted) {
      if (until < now) {
        this.#deleted.delete(uid);
      }
    }
  }

  #listen(): void {
    if (this.#listening) {
      return;
    }
    this.#listening = true;
    this.#informer.subscribe(({ type, object: { metadata } }) => {
      const { uid = '' } = metadata;
      this.#made.delete(uid);
      if (type === 'deleted' || metadata.deletionTimestamp !== undefined) {
        this.#deleted.delete(uid);
      }
    });
  }
}
