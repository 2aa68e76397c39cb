import type { Entry } from './entry.ts';

/** Called with an event as soon as it is on disk. Must not throw. */
export type Observer = (entry: Entry) => void;

/** Who follows which resource, synchronously. */
export class Observers {
  readonly #byResource = new Map<string, Set<Observer>>();

  /** Returns the way to stop. */
  add(resource: string, observer: Observer): () => void {
    const observers = this.#byResource.get(resource) ?? new Set();
    this.#byResource.set(resource, observers);
    observers.add(observer);
    return () => observers.delete(observer);
  }

  tell(entry: Entry): void {
    for (const observer of this.#byResource.get(entry.resource) ?? []) {
      observer(entry);
    }
  }
}
