/** Serves what the definitions in the store say, and empties and removes those that are being deleted. */
import {
  type CustomResourceDefinition,
  customResourceDefinition,
} from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import type { KindDefinition } from '#api/kind.ts';
import { ApiError } from '#machinery/errors.ts';
import type { Entry } from '#store/entry.ts';
import type { Subscription } from '#store/subscription.ts';
import { qualified } from '../api-errors.ts';
import { internalCall, internalOptions } from '../internal-call.ts';
import type { Log } from '../log.ts';
import { deepEqual } from '../patch/equal.ts';
import type { Services } from '../registry/call.ts';
import { deleteCollection } from '../registry/delete-collection.ts';
import { type ApiObject, objectOf } from '../registry/objects.ts';
import { update } from '../registry/update.ts';
import { namingStatus, withCondition } from './names.ts';
import { definitionResource, kindsOf, markTerminating } from './served.ts';
import { cleanupFinalizer } from './strategy.ts';
import { compareVersions } from './version-order.ts';

/** A definition and what is served for it. */
interface Known {
  readonly entry: Entry;
  readonly definition: CustomResourceDefinition;
  readonly kinds: readonly KindDefinition[];
}

const plainDelete = {
  dryRun: false,
  gracePeriodSeconds: undefined,
  propagationPolicy: undefined,
  preconditions: {},
};

/** Runs from `start` to `close`. */
export class CustomKinds {
  readonly #services: Services;
  readonly #log: Log;
  #known = new Map<string, Known>();
  #definitions: Subscription | undefined;
  /** Watches over the instances of definitions that are being deleted, by name. */
  readonly #emptying = new Map<string, Subscription>();
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(services: Services, log: Log) {
    this.#services = services;
    this.#log = log;
  }

  start(): void {
    const { store } = this.#services;
    this.#definitions = store.subscribe(definitionResource, store.revision, () => this.#wake());
    this.sync();
    this.#tidy();
  }

  /** Resolves when nothing is written any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#definitions?.close();
    for (const subscription of this.#emptying.values()) {
      subscription.close();
    }
    await this.#running;
  }

  /** Brings the catalog to what the store has now, so that whoever wrote a definition finds its kind served. */
  sync(): void {
    const { store, catalog } = this.#services;
    const before = this.#known;
    const entries = [...store.list({ resource: definitionResource })];
    if (entries.length === before.size && entries.every((entry) => before.get(entry.name)?.entry === entry)) {
      return;
    }
    this.#known = new Map(entries.map((entry) => [entry.name, this.#learn(entry, before.get(entry.name))]));
    const kinds = [...this.#known.values()].flatMap((known) => known.kinds);
    catalog.serve(kinds.toSorted((a, b) => compareVersions(a.version, b.version)));
  }

  #learn(entry: Entry, before: Known | undefined): Known {
    const definition = objectOf(entry) as unknown as CustomResourceDefinition;
    const kinds = this.#kindsFor(entry, definition, before);
    if (definition.metadata.deletionTimestamp !== undefined) {
      kinds.forEach(markTerminating);
    }
    return { entry, definition, kinds };
  }

  #kindsFor(
    entry: Entry,
    definition: CustomResourceDefinition,
    before: Known | undefined,
  ): readonly KindDefinition[] {
    const { spec, status } = definition;
    const resource = { group: spec.group, plural: spec.names.plural };
    const established = status?.conditions?.some(
      ({ type, status: is }) => type === 'Established' && is === 'True',
    );
    if (established !== true || this.#services.catalog.isCompiledIn(resource)) {
      return [];
    }
    const same =
      before !== undefined &&
      before.kinds.length > 0 &&
      before.definition.metadata.uid === definition.metadata.uid &&
      deepEqual(before.definition.spec, spec) &&
      deepEqual(before.definition.status?.acceptedNames, status?.acceptedNames);
    return same ? before.kinds : kindsOf(definition, entry.revision);
  }

  #wake(): void {
    this.#definitions?.read(Number.MAX_SAFE_INTEGER);
    this.sync();
    this.#tidy();
  }

  /** One pass at a time over what has to be written about definitions. */
  #tidy(): void {
    this.#running = this.#running.then(async () => {
      for (const { definition } of this.#known.values()) {
        if (!this.#closed) {
          await this.#tidyOne(definition).catch((error: unknown) => this.#report(definition, error));
        }
      }
    });
  }

  #report({ metadata }: CustomResourceDefinition, error: unknown): void {
    const missing = error instanceof ApiError && error.code === 404;
    if (!missing && !this.#closed) {
      this.#log.error({ err: error, definition: metadata.name }, 'cannot finish with a definition');
    }
  }

  async #tidyOne(definition: CustomResourceDefinition): Promise<void> {
    const { metadata, spec, status } = definition;
    if (metadata.deletionTimestamp !== undefined) {
      if (metadata.finalizers?.includes(cleanupFinalizer) === true) {
        await this.#empty(definition);
      }
      return;
    }
    if (!deepEqual(spec.names, status?.acceptedNames)) {
      await this.#settleNames(metadata.name);
    }
  }

  /** Names that were taken may be free now. */
  async #settleNames(name: string): Promise<void> {
    await this.#change(name, 'status', (live) => {
      const others = [...this.#known.values()]
        .map((known) => known.definition)
        .filter(({ metadata }) => metadata.name !== name);
      return { ...live, status: namingStatus(live, others, this.#services.clock.now()) };
    });
  }

  /** Deletes the instances; the last one gone, the finalizer goes and the definition with it. */
  async #empty(definition: CustomResourceDefinition): Promise<void> {
    const { store, catalog } = this.#services;
    const { name } = definition.metadata;
    const { group, names, scope } = definition.spec;
    const resource = qualified({ group, plural: names.plural });
    await store.settled();
    if (!catalog.isCompiledIn({ group, plural: names.plural }) && store.count(resource) > 0) {
      await this.#say(name, 'True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
      this.#watchInstances(name, resource);
      const [kind] = this.#known.get(name)?.kinds ?? kindsOf(definition, 0);
      if (kind !== undefined && (scope === 'Namespaced') === kind.namespaced) {
        const alive = [...store.list({ resource })].filter(
          (entry) => objectOf(entry).metadata.deletionTimestamp === undefined,
        );
        await deleteCollection(this.#services, kind, alive, plainDelete);
      }
      if (store.count(resource) > 0) {
        return;
      }
    }
    this.#emptying.get(name)?.close();
    this.#emptying.delete(name);
    await this.#change(name, undefined, (live) => {
      const finalizers = (live.metadata.finalizers ?? []).filter((each) => each !== cleanupFinalizer);
      return { ...live, metadata: { ...live.metadata, finalizers } };
    });
  }

  /** Instances with finalizers of their own take their time. */
  #watchInstances(name: string, resource: string): void {
    const { store } = this.#services;
    if (!this.#emptying.has(name)) {
      const subscription = store.subscribe(resource, store.revision, () => {
        subscription.read(Number.MAX_SAFE_INTEGER);
        if (store.count(resource) === 0) {
          this.#tidy();
        }
      });
      this.#emptying.set(name, subscription);
    }
  }

  async #say(name: string, status: 'True' | 'False', reason: string, message: string): Promise<void> {
    const claim = { type: 'Terminating', status, reason, message };
    await this.#change(name, 'status', (live) => ({
      ...live,
      status: {
        ...live.status,
        conditions: withCondition(live.status?.conditions ?? [], claim, this.#services.clock.now()),
      },
    }));
  }

  async #change(
    name: string,
    subresource: 'status' | undefined,
    next: (live: CustomResourceDefinition) => CustomResourceDefinition,
  ): Promise<void> {
    const kind: KindDefinition = customResourceDefinition;
    const change = (live: ApiObject) => ({
      object: next(live as unknown as CustomResourceDefinition) as unknown as ApiObject,
    });
    const place = { kind, namespace: '', name, subresource };
    await update(
      this.#services,
      internalCall('PUT', definitionPath),
      { ...place, next: change },
      internalOptions,
    );
  }
}

const definitionPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
