/**
 * What is used in namespaces that have quotas: stored objects, and writes that were let through and are on their way to disk.
 * Nothing waits between the question and the reservation, so parallel writes cannot pass together where only one fits.
 */
import { type Amount, minus, plus, zero } from '#api/amount.ts';
import type { Pod } from '#api/core/pod.ts';
import type { Amounts } from '#api/core/pod-resources.ts';
import type { ResourceQuota } from '#api/core/resource-quota.ts';
import type { KubeObject } from '#api/meta.ts';
import type { Clock } from '#machinery/clock.ts';
import type { Store } from '#store/store.ts';
import { objectOf } from '../../registry/objects.ts';
import { counted, isInScopes, isScoped, usageOf } from './usage.ts';

/** A version of an object and what it uses. */
interface Used {
  readonly object: KubeObject;
  readonly usage: Amounts;
}

/** Objects of one resource in one namespace. */
interface Shelf {
  readonly byName: Map<string, Used>;
  readonly total: Map<string, Amount>;
  /** Versions that are not on disk yet. */
  readonly reserved: Map<string, Used>;
}

export class UsageTracker {
  readonly #store: Store;
  readonly #clock: Clock;
  /** By resource, then namespace. Resources are followed from when a quota first counts them. */
  readonly #shelves = new Map<string, Map<string, Shelf>>();
  /** Called when something changed in a namespace whose objects are counted. */
  readonly #changed: (namespace: string) => void;

  constructor(store: Store, clock: Clock, changed: (namespace: string) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** What a quota counts now, by the names in its `spec.hard`. */
  used(quota: ResourceQuota): Amounts {
    const names = Object.keys(quota.spec?.hard ?? {});
    const { namespace = '' } = quota.metadata;
    const sums = new Map<string, Map<string, Amount>>();
    for (const resource of new Set(names.map(counted))) {
      sums.set(resource, this.#sum(quota, this.#shelf(resource, namespace), resource));
    }
    return new Map(names.map((name) => [name, sums.get(counted(name))?.get(name) ?? zero]));
  }

  /** Counts a version that is about to be written, until it is on disk or was not written after all. */
  reserve(resource: string, namespace: string, name: string, object: KubeObject): void {
    const { reserved } = this.#shelf(resource, namespace);
    const used: Used = { object, usage: usageOf(resource, object, this.#clock.now()) };
    reserved.set(name, used);
    // The write is handed to the store in this turn and committed in the next: by the one after, it is settled.
    setImmediate(() => {
      setImmediate(() => {
        if (reserved.get(name) === used) {
          reserved.delete(name);
        }
      });
    });
  }

  /** Forgets namespaces without quotas. */
  keepOnly(namespaces: ReadonlySet<string>): void {
    for (const shelves of this.#shelves.values()) {
      for (const namespace of shelves.keys()) {
        if (!namespaces.has(namespace)) {
          shelves.delete(namespace);
        }
      }
    }
  }

  #sum(quota: ResourceQuota, shelf: Shelf, resource: string): Map<string, Amount> {
    const scoped = isScoped(quota);
    if (scoped && resource !== 'pods') {
      return new Map();
    }
    const now = this.#clock.now();
    const counts = ({ object }: Used) => !scoped || isInScopes(quota, object as Pod);
    const sum = scoped ? new Map<string, Amount>() : new Map(shelf.total);
    if (scoped) {
      for (const used of shelf.byName.values()) {
        if (counts(used)) {
          add(sum, usageOf(resource, used.object, now));
        }
      }
    }
    for (const [name, used] of shelf.reserved) {
      const before = shelf.byName.get(name);
      if (before !== undefined && counts(before)) {
        subtract(sum, before.usage);
      }
      if (counts(used)) {
        add(sum, used.usage);
      }
    }
    return sum;
  }

  #shelf(resource: string, namespace: string): Shelf {
    let shelves = this.#shelves.get(resource);
    if (shelves === undefined) {
      shelves = new Map();
      this.#shelves.set(resource, shelves);
      this.#follow(resource, shelves);
    }
    let shelf = shelves.get(namespace);
    if (shelf === undefined) {
      shelf = { byName: new Map(), total: new Map(), reserved: new Map() };
      for (const entry of this.#store.list({ resource, namespace })) {
        this.#put(shelf, resource, entry.name, objectOf(entry));
      }
      shelves.set(namespace, shelf);
    }
    return shelf;
  }

  #follow(resource: string, shelves: ReadonlyMap<string, Shelf>): void {
    this.#store.observe(resource, (entry) => {
      const shelf = shelves.get(entry.namespace);
      if (shelf !== undefined) {
        shelf.reserved.delete(entry.name);
        this.#put(shelf, resource, entry.name, entry.deleted ? undefined : objectOf(entry));
        this.#changed(entry.namespace);
      }
    });
  }

  #put({ byName, total }: Shelf, resource: string, name: string, object: KubeObject | undefined): void {
    const before = byName.get(name);
    if (before !== undefined) {
      subtract(total, before.usage);
      byName.delete(name);
    }
    if (object !== undefined) {
      const usage = usageOf(resource, object, this.#clock.now());
      add(total, usage);
      byName.set(name, { object, usage });
    }
  }
}

function add(sum: Map<string, Amount>, usage: Amounts): void {
  for (const [name, amount] of usage) {
    sum.set(name, plus(sum.get(name) ?? zero, amount));
  }
}

function subtract(sum: Map<string, Amount>, usage: Amounts): void {
  for (const [name, amount] of usage) {
    const left = minus(sum.get(name) ?? zero, amount);
    if (left.nano === 0n) {
      sum.delete(name);
    } else {
      sum.set(name, left);
    }
  }
}
