/**
 * Deletes what its owners leave behind (embedded shapes; Kubernetes has its own).
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion
 */
import type { KindRef } from '#api/kind.ts';
import type { KubeObject, OwnerReference } from '#api/meta.ts';
import type { DeleteOptions } from '#machinery/api-client.ts';
import { type Controller, type Source, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { InformerEvent, InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import type { CustomKinds } from '../custom-kinds.ts';
import { type GraphNode, graphKey, OwnerGraph, ownerKey } from './graph.ts';

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

/** The garbage collector over `kinds`. Owners of other kinds are taken to exist. */
export function createGarbageCollector(
  factory: InformerFactory,
  deps: ControllerDeps,
  kinds: readonly KindRef[],
  custom?: CustomKinds,
): Controller {
  const graph = new OwnerGraph(factory, kinds, custom);
  const collector = new GarbageCollector(factory, deps, graph);
  return {
    name: 'garbage-collector',
    workers: 8,
    sources: [
      ...graph.informers.map((informer) =>
        source(informer, (event) => concernedKeys(graph, informer.kind, event)),
      ),
      ...(custom === undefined ? [] : [customSource(graph, custom)]),
    ],
    reconcile: (key) => collector.reconcile(key),
  };
}

/** Objects of custom kinds say themselves what they are. */
function customSource(graph: OwnerGraph, custom: CustomKinds): Source {
  return {
    informer: custom,
    keys: (event) => {
      const { apiVersion = '', kind = '' } = event.object;
      const known = graph.kindOf({ apiVersion, kind });
      return known === undefined ? [] : concernedKeys(graph, known, event);
    },
  };
}

/** Objects to look at after a change: the object, and those above and below it in the ownership graph. */
function concernedKeys(
  graph: OwnerGraph,
  kind: KindRef,
  event: InformerEvent<KubeObject>,
): readonly string[] {
  const { type, object, old } = event;
  if (type === 'deleted') {
    return [...graph.dependentKeys(object.metadata.uid ?? ''), ...graph.ownerKeys(old ?? object)];
  }
  const { ownerReferences, deletionTimestamp, finalizers } = object.metadata;
  const known = old?.metadata;
  if (
    known !== undefined &&
    equal(known.ownerReferences, ownerReferences) &&
    known.deletionTimestamp === deletionTimestamp &&
    equal(known.finalizers, finalizers)
  ) {
    return [];
  }
  const own = (ownerReferences ?? []).length > 0 || isCascading(object) ? [graphKey({ kind, object })] : [];
  const below = isCascading(object) ? graph.dependentKeys(object.metadata.uid ?? '') : [];
  return [...own, ...below, ...(old === undefined ? [] : graph.ownerKeys(old))];
}

class GarbageCollector {
  readonly #factory: InformerFactory;
  readonly #deps: ControllerDeps;
  readonly #graph: OwnerGraph;

  constructor(factory: InformerFactory, deps: ControllerDeps, graph: OwnerGraph) {
    this.#factory = factory;
    this.#deps = deps;
    this.#graph = graph;
  }

  async reconcile(key: string): Promise<undefined> {
    const found = this.#graph.find(key);
    if (found === undefined) {
      return;
    }
    if (waitsFor(found.object, orphanFinalizer)) {
      await this.#orphanDependents(found);
    } else if (waitsFor(found.object, foregroundFinalizer)) {
      await this.#deleteDependents(found);
    } else if (found.object.metadata.deletionTimestamp === undefined) {
      await this.#judge(found);
    }
  }

  /** `orphan`: dependents lose the reference and stay. */
  async #orphanDependents(owner: GraphNode): Promise<void> {
    const { uid } = owner.object.metadata;
    for (const dependent of this.#graph.dependents(owner)) {
      const references = dependent.object.metadata.ownerReferences ?? [];
      await this.#writeReferences(
        dependent,
        references.filter((reference) => reference.uid !== uid),
      );
    }
    await this.#removeFinalizer(owner, orphanFinalizer);
  }

  /** `foregroundDeletion`: dependents go first; those that block hold the owner until they are gone. */
  async #deleteDependents(owner: GraphNode): Promise<void> {
    const { uid } = owner.object.metadata;
    const dependents = this.#graph.dependents(owner);
    for (const dependent of dependents) {
      if (dependent.object.metadata.deletionTimestamp === undefined) {
        await this.#judge(dependent);
      }
    }
    const blocked = dependents.some(({ object }) =>
      object.metadata.ownerReferences?.some(
        (reference) => reference.uid === uid && reference.blockOwnerDeletion === true,
      ),
    );
    if (!blocked) {
      await this.#removeFinalizer(owner, foregroundFinalizer);
    }
  }

  /** Keeps a dependent with an owner that stays, deletes one whose owners are gone or going. */
  async #judge(dependent: GraphNode): Promise<void> {
    const references = dependent.object.metadata.ownerReferences ?? [];
    if (references.length === 0) {
      return;
    }
    const states = await Promise.all(references.map((reference) => this.#stateOf(reference, dependent)));
    const staying = references.filter((_, index) => states[index] === 'staying');
    if (staying.length > 0) {
      if (staying.length < references.length) {
        await this.#writeReferences(dependent, staying);
      }
      return;
    }
    // An owner that waits for this object wants to see its dependents gone first, too.
    const blocks = states.includes('waiting') && this.#graph.dependents(dependent).length > 0;
    await this.#delete(dependent, blocks ? 'Foreground' : policyOf(dependent.object));
  }

  async #stateOf(reference: OwnerReference, dependent: GraphNode): Promise<'staying' | 'waiting' | 'gone'> {
    const kind = this.#graph.kindOf(reference);
    if (kind === undefined) {
      return 'staying';
    }
    if (kind.namespaced && !dependent.kind.namespaced) {
      const message = `owner ${reference.kind} ${reference.name} is namespaced and cannot own a cluster-wide object`;
      this.#warn(dependent, message);
      return 'staying';
    }
    const owner =
      this.#graph.owner(reference, dependent.object) ?? (await this.#askForOwner(reference, kind, dependent));
    if (owner === undefined) {
      return 'gone';
    }
    return waitsFor(owner, foregroundFinalizer) ? 'waiting' : 'staying';
  }

  /** An owner the informers do not know may be newer than they are: only the server's word lets an object be deleted. */
  async #askForOwner(
    reference: OwnerReference,
    kind: KindRef,
    { object }: GraphNode,
  ): Promise<KubeObject | undefined> {
    try {
      const owner = await this.#factory.client.get(kind, ownerKey(reference, kind, object));
      return owner.metadata.uid === reference.uid ? owner : undefined;
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  async #delete(
    { kind, object }: GraphNode,
    propagationPolicy: DeleteOptions['propagationPolicy'],
  ): Promise<void> {
    const { name, namespace, uid } = object.metadata;
    const options: DeleteOptions = {
      ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    this.#deps.log.debug(
      { kind: kind.kind, name, namespace, propagationPolicy },
      'deleting what its owner left',
    );
    await this.#factory.client.delete(kind, { name, namespace }, options).catch(ignoreGone);
  }

  async #writeReferences(
    { kind, object }: GraphNode,
    ownerReferences: readonly OwnerReference[],
  ): Promise<void> {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const body = {
      metadata: {
        uid,
        resourceVersion,
        ownerReferences: ownerReferences.length === 0 ? null : ownerReferences,
      },
    };
    await this.#factory.client.patch(kind, { name, namespace }, { type: 'merge', body }).catch(ignoreGone);
  }

  async #removeFinalizer({ kind, object }: GraphNode, finalizer: string): Promise<void> {
    const { name, namespace, uid, resourceVersion, finalizers = [] } = object.metadata;
    const left = finalizers.filter((one) => one !== finalizer);
    const body = { metadata: { uid, resourceVersion, finalizers: left.length === 0 ? null : left } };
    await this.#factory.client.patch(kind, { name, namespace }, { type: 'merge', body }).catch(ignoreGone);
  }

  #warn({ kind, object }: GraphNode, message: string): void {
    this.#deps.events.event(referable(kind, object), 'Warning', 'OwnerRefInvalidNamespace', message);
  }
}

/** A dependent that has said itself how its own dependents are to be treated is deleted so. */
function policyOf({ metadata }: KubeObject): DeleteOptions['propagationPolicy'] {
  if (metadata.finalizers?.includes(orphanFinalizer) === true) {
    return 'Orphan';
  }
  return metadata.finalizers?.includes(foregroundFinalizer) === true ? 'Foreground' : 'Background';
}

function isCascading(object: KubeObject): boolean {
  return waitsFor(object, foregroundFinalizer) || waitsFor(object, orphanFinalizer);
}

function waitsFor({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(finalizer) === true;
}

function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) {
    throw error;
  }
  return undefined;
}
