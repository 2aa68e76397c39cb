/** Empties namespaces that are being deleted, then lets them go (embedded shapes; Kubernetes has its own). */
import { type Namespace, namespace } from '#api/core/namespace.ts';
import type { KindRef } from '#api/kind.ts';
import type { Condition, KubeObject } from '#api/meta.ts';
import { type ConditionClaim, setCondition } from '#machinery/conditions.ts';
import { type Controller, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isConflict, isNotFound, messageOf } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { statusPatch } from '#machinery/status-patch.ts';

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
): Controller {
  const namespaces = factory.informer(namespace);
  // Kinds are listed from low to high: owners go first, so that nobody makes their dependents anew.
  const contents = kinds.filter(({ namespaced }) => namespaced).toReversed();
  const isLeaving = (name: string): boolean =>
    namespaces.get({ name })?.metadata.deletionTimestamp !== undefined;
  return {
    name: 'namespace',
    workers: 2,
    sources: [
      source(namespaces, ({ object }) =>
        object.metadata.deletionTimestamp === undefined ? [] : [object.metadata.name],
      ),
      ...contents
        // Events would keep a leaving namespace busy; the last pass deletes them all the same.
        .filter(({ kind }) => kind !== 'Event')
        .map((kind) =>
          source(factory.informer(kind), ({ type, object }) => {
            const name = object.metadata.namespace ?? '';
            return type !== 'updated' && isLeaving(name) ? [name] : [];
          }),
        ),
    ],
    reconcile: (name) => empty(name),
  };

  async function empty(name: string): Promise<ReconcileResult | undefined> {
    const found = namespaces.get({ name });
    const finalizers = found?.spec?.finalizers ?? [];
    if (found?.metadata.deletionTimestamp === undefined || !finalizers.includes(finalizer)) {
      return undefined;
    }
    const failures: string[] = [];
    for (const kind of contents) {
      await deleteAll(kind, name, failures);
    }
    const remainders = await findRemainders(name);
    if (remainders.length === 0 && failures.length === 0) {
      await finalize(found);
      return undefined;
    }
    await report(found, remainders, failures);
    return { requeueAfter: safetyInterval };
  }

  async function deleteAll(kind: KindRef, namespace_: string, failures: string[]): Promise<void> {
    const { items } = await factory.client.list(kind, { namespace: namespace_ });
    for (const { metadata } of items) {
      if (metadata.deletionTimestamp !== undefined) {
        continue;
      }
      try {
        await factory.client.delete(kind, metadata, { propagationPolicy: 'Background' });
      } catch (error) {
        if (!isNotFound(error)) {
          failures.push(`${kind.plural} ${metadata.name}: ${messageOf(error)}`);
        }
      }
    }
  }

  async function findRemainders(name: string): Promise<readonly Remainder[]> {
    const found: Remainder[] = [];
    for (const kind of contents) {
      const { items } = await factory.client.list(kind, { namespace: name });
      if (items.length > 0) {
        found.push({ kind, objects: items });
      }
    }
    return found;
  }

  async function report(
    found: Namespace,
    remainders: readonly Remainder[],
    failures: readonly string[],
  ): Promise<void> {
    const conditions = composeConditions(found.status?.conditions, remainders, failures, deps.clock.now());
    const status = { ...found.status, conditions };
    const patch = statusPatch(found.status, status, { resourceVersion: found.metadata.resourceVersion });
    if (patch !== undefined) {
      const { name } = found.metadata;
      await factory.client.patch(namespace, { name }, patch, { subresource: 'status' }).catch(ignoreGone);
    }
  }

  async function finalize(found: Namespace): Promise<void> {
    const finalizers = (found.spec?.finalizers ?? []).filter((one) => one !== finalizer);
    const object = { ...found, spec: { ...found.spec, finalizers } };
    try {
      await factory.client.update(namespace, object, { subresource: 'finalize' });
    } catch (error) {
      // Somebody wrote it meanwhile: the informer brings the new version and another pass.
      if (isConflict(error)) {
        throw error;
      }
      ignoreGone(error);
    }
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
