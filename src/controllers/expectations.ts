import type { KubeObject } from '#api/meta.ts';
import type { Clock } from '#machinery/clock.ts';
import { keyOf } from '#machinery/controller.ts';
import type { Informer } from '#machinery/informer.ts';

/** Milliseconds after which an object never shown is taken for gone: made and deleted while the watch was down. */
const patience = 30_000;

/**
 * Objects that were made and that the informer has not shown yet. A pass that looked at the informer alone would make
 * them a second time.
 */
export class Expectations<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #clock: Clock;
  readonly #made = new Map<string, { readonly object: T; readonly until: number }>();
  #listening = false;

  constructor(informer: Informer<T>, clock: Clock) {
    this.#informer = informer;
    this.#clock = clock;
  }

  /** Remembers an object made for `owner` until the informer has shown it. */
  add(owner: string, object: T): void {
    if (this.#informer.get(object.metadata)?.metadata.uid === object.metadata.uid) {
      return;
    }
    this.#listen();
    this.#made.set(owner, { object, until: this.#clock.now() + patience });
  }

  /** What the informer shows of `owner`, and what was made for it since. */
  complete(owner: string, seen: readonly T[]): readonly T[] {
    const made = this.#made.get(owner);
    if (made === undefined || seen.some((one) => keyOf(one) === keyOf(made.object))) {
      return seen;
    }
    if (made.until < this.#clock.now()) {
      this.#made.delete(owner);
      return seen;
    }
    return [...seen, made.object];
  }

  #listen(): void {
    if (this.#listening) {
      return;
    }
    this.#listening = true;
    // Shown, changed or deleted: from then on the informer knows better.
    this.#informer.subscribe(({ object }) => {
      for (const [owner, made] of this.#made) {
        if (made.object.metadata.uid === object.metadata.uid) {
          this.#made.delete(owner);
        }
      }
    });
  }
}
