/** Empties namespaces that are being deleted, then lets them go (embedded shapes; Kubernetes has its own). */
import { type Namespace, namespace } from '#api/core/namespace.ts';
import type { KindRef } from '#api/kind.ts';
import type { Condition, KubeObject } from '#api/meta.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type ConditionClaim, setCondition } from '#machinery/conditions.ts';
import { type Controller, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound, messageOf } from '#machinery/errors.ts';
import type { Informer, InformerEvent, InformerFactory } from '#machinery/informer.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import type { CustomKinds } from './custom-kinds.ts';

/** What is left of a namespace's contents after a pass. */
export interface Remainder {
  readonly kind: KindRef;
  readonly objects: readonly KubeObject[];
}

const finalizer = 'kubernetes';
/** Milliseconds after which a namespace that waits for others is looked at again, should an event be missed. */
const safetyInterval = 15_000;

/** The namespace controller over every namespaced kind. */
export function createNamespaceController(
  factory: InformerFactory,
  deps: ControllerDeps,
  kinds: readonly KindRef[],
  custom?: CustomKinds,
): Controller {
  const namespaces = factory.informer(namespace);
  // Kinds are listed from low to high: owners go first, so that nobody makes their dependents anew.
  const known = kinds.filter(({ namespaced }) => namespaced).toReversed();
  const contents = () => [...(custom?.kinds ?? []).filter(({ namespaced }) => namespaced), ...known];
  const loop = new NamespaceLoop(factory, deps, namespaces, contents);
  const isLeaving = (name: string): boolean =>
    namespaces.get({ name })?.metadata.deletionTimestamp !== undefined;
  const emptied = ({ type, object }: InformerEvent<KubeObject>): readonly string[] => {
    const name = object.metadata.namespace ?? '';
    return type !== 'updated' && isLeaving(name) ? [name] : [];
  };
  return {
    name: 'namespace',
    workers: 2,
    sources: [
      source(namespaces, ({ object }) =>
        object.metadata.deletionTimestamp === undefined ? [] : [object.metadata.name],
      ),
      ...(custom === undefined ? [] : [{ informer: custom, keys: emptied }]),
      ...known
        // Events would keep a leaving namespace busy; the last pass deletes them all the same.
        .filter(({ kind }) => kind !== 'Event')
        .map((kind) => source(factory.metadataInformer(kind), emptied)),
    ],
    reconcile: (name) => loop.reconcile(name),
  };
}

class NamespaceLoop {
  readonly #client: ApiClient;
  readonly #deps: ControllerDeps;
  readonly #namespaces: Informer<Namespace>;
  readonly #contents: () => readonly KindRef[];

  constructor(
    factory: InformerFactory,
    deps: ControllerDeps,
    namespaces: Informer<Namespace>,
    contents: () => readonly KindRef[],
  ) {
    this.#client = factory.client;
    this.#deps = deps;
    this.#namespaces = namespaces;
    this.#contents = contents;
  }

  async reconcile(name: string): Promise<ReconcileResult | undefined> {
    const found = this.#namespaces.get({ name });
    const finalizers = found?.spec?.finalizers ?? [];
    if (found?.metadata.deletionTimestamp === undefined || !finalizers.includes(finalizer)) {
      return undefined;
    }
    const failures: string[] = [];
    for (const kind of this.#contents()) {
      await this.#deleteAll(kind, name, failures);
    }
    const remainders = await this.#findRemainders(name);
    if (remainders.length === 0 && failures.length === 0) {
      await this.#finalize(found);
      return undefined;
    }
    await this.#report(found, remainders, failures);
    return { requeueAfter: safetyInterval };
  }

  async #deleteAll(kind: KindRef, namespace_: string, failures: string[]): Promise<void> {
    const { items } = await this.#client.list(kind, { namespace: namespace_ });
    for (const { metadata } of items) {
      if (metadata.deletionTimestamp !== undefined) {
        continue;
      }
      try {
        await this.#client.delete(kind, metadata, { propagationPolicy: 'Background' });
      } catch (error) {
        if (!isNotFound(error)) {
          failures.push(`${kind.plural} ${metadata.name}: ${messageOf(error)}`);
        }
      }
    }
  }

  async #findRemainders(name: string): Promise<readonly Remainder[]> {
    const found: Remainder[] = [];
    for (const kind of this.#contents()) {
      const { items } = await this.#client.list(kind, { namespace: name });
      if (items.length > 0) {
        found.push({ kind, objects: items });
      }
    }
    return found;
  }

  async #report(
    found: Namespace,
    remainders: readonly Remainder[],
    failures: readonly string[],
  ): Promise<void> {
    const now = this.#deps.clock.now();
    const conditions = composeConditions(found.status?.conditions, remainders, failures, now);
    const status = { ...found.status, conditions };
    const patch = statusPatch(found.status, status, { resourceVersion: found.metadata.resourceVersion });
    if (patch !== undefined) {
      const { name } = found.metadata;
      await this.#client.patch(namespace, { name }, patch, { subresource: 'status' }).catch(ignoreGone);
    }
  }

  async #finalize(found: Namespace): Promise<void> {
    const finalizers = (found.spec?.finalizers ?? []).filter((one) => one !== finalizer);
    const object = { ...found, spec: { ...found.spec, finalizers } };
    await this.#client.update(namespace, object, { subresource: 'finalize' }).catch(ignoreGone);
  }
}

/** Upstream's conditions of a namespace that is being deleted. Pure. */
export function composeConditions(
  known: readonly Condition[] | undefined,
  remainders: readonly Remainder[],
  failures: readonly string[],
  now: number,
): readonly Condition[] {
  const count = remainders.map(
    ({ kind, objects }) =>
      `${kind.plural}.${kind.group} has ${objects.length} resource instances (${objects
        .slice(0, 3)
        .map(({ metadata }) => metadata.name)
        .join(', ')})`,
  );
  const holders = new Map<string, number>();
  for (const { metadata } of remainders.flatMap(({ objects }) => objects)) {
    for (const one of metadata.finalizers ?? []) {
      holders.set(one, (holders.get(one) ?? 0) + 1);
    }
  }
  const held = [...holders].map(([name, number]) => `${name} in ${number} resource instances`);
  const claims: readonly ConditionClaim[] = [
    claim(
      'NamespaceDeletionContentFailure',
      failures.length > 0,
      ['ContentDeletionFailed', failures.join('; ')],
      ['ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
    ),
    claim(
      'NamespaceContentRemaining',
      count.length > 0,
      ['SomeResourcesRemain', `Some resources are remaining: ${count.join(', ')}`],
      ['ContentRemoved', 'All content successfully removed'],
    ),
    claim(
      'NamespaceFinalizersRemaining',
      held.length > 0,
      ['SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${held.join(', ')}`],
      ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
    ),
  ];
  return claims.reduce((list, one) => setCondition(list, one, now), known ?? []);
}

type Words = readonly [reason: string, message: string];

function claim(type: string, holds: boolean, yes: Words, no: Words): ConditionClaim {
  const [reason, message] = holds ? yes : no;
  return { type, status: holds ? 'True' : 'False', reason, message };
}

function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) {
    throw error;
  }
  return undefined;
}
