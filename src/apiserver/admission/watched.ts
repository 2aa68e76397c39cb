import type { KubeObject } from '#api/meta.ts';
import type { Store } from '#store/store.ts';
import { listed } from './stored.ts';

/** What is made of all objects of a resource: made when first asked for, and again after one of them was written. */
export class Watched<T extends KubeObject, V> {
  readonly #make: (objects: readonly T[]) => V;
  readonly #store: Store;
  readonly #resource: string;
  #made: V | undefined;

  /** `make` gets the objects in order of their names. */
  constructor(store: Store, resource: string, make: (objects: readonly T[]) => V) {
    this.#store = store;
    this.#resource = resource;
    this.#make = make;
    store.observe(resource, () => {
      this.#made = undefined;
    });
  }

  get value(): V {
    this.#made ??= this.#make(listed<T>(this.#store, this.#resource));
    return this.#made;
  }
}
