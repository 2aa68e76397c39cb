import type { KindDefinition } from '#api/kind.ts';
import { timestamp } from '#machinery/clock.ts';
import type { Entry } from '#store/entry.ts';
import { StoreError } from '#store/errors.ts';
import { admitDeletion } from '../admission/attributes.ts';
import { conflict, deletedStatus, notFound } from '../api-errors.ts';
import { objectViewer, stored, textViewer } from '../crd/view.ts';
import type { Call, Services } from './call.ts';
import { hasGeneration, keyOf } from './catalog.ts';
import type { DeleteOptions } from './delete-options.ts';
import { isRecord } from './metadata.ts';
import { requireMortal } from './namespaces.ts';
import { type ApiObject, encoder } from './objects.ts';
import { strategyOf } from './strategies.ts';
import { namespaceFinalizers } from './update.ts';

const defaultPodGrace = 30;

/**
 * Deletes for a client (`call`) or for the server itself. The answer's text: a Status when the object is gone, else the object
 * that is being deleted. Whoever writes in between makes it start again with what is stored then, as often as that happens
 * (apiserver `storage/etcd3/store.go`); only preconditions are a reason for 409.
 */
export async function remove(
  services: Services,
  kind: KindDefinition,
  place: { readonly namespace: string; readonly name: string },
  options: DeleteOptions,
  call?: Call,
): Promise<string> {
  for (;;) {
    const entry = services.store.head(keyOf(kind, place.namespace, place.name));
    if (entry === undefined) {
      await services.store.settled();
      throw notFound(kind, place.name);
    }
    try {
      return await removeEntry(services, kind, entry, options, call);
    } catch (error) {
      if (!(error instanceof StoreError) || !['Conflict', 'NotFound'].includes(error.reason)) {
        throw error;
      }
    }
  }
}

async function removeEntry(
  services: Services,
  kind: KindDefinition,
  entry: Entry,
  options: DeleteOptions,
  call: Call | undefined,
): Promise<string> {
  const { store, clock } = services;
  const object = objectViewer(kind)(entry);
  checkPreconditions(kind, object, options);
  if (call !== undefined) {
    requireMortal(kind, object.metadata.name ?? '');
  }
  const asked = call === undefined ? undefined : admitDeletion(services, call, kind, object, options);
  if (asked instanceof Promise) {
    await asked;
  }
  const grace = graceOf(kind, object, options);
  const prepared =
    object.metadata.deletionTimestamp === undefined
      ? (strategyOf(kind).prepareDelete?.(object, clock.now()) ?? object)
      : object;
  const marked = withFinalizers(prepared, options);
  const waits = isWaiting(kind, marked) || grace > 0;
  const result = waits ? markDeleted(kind, marked, grace, clock.now()) : marked;
  const view = textViewer(kind);
  const unchanged = waits && isAlreadyMarked(object, marked, grace);
  if (unchanged) {
    await store.settled();
    return view(entry);
  }
  const gone = JSON.stringify(deletedStatus(kind, object.metadata.name, object.metadata.uid));
  if (options.dryRun) {
    return waits ? encoder(result)(entry.revision) : gone;
  }
  const write = { key: entry, expected: entry.revision, encode: encoder(stored(kind, result)) };
  if (waits) {
    return view(await store.put(write));
  }
  await store.delete(write);
  return gone;
}

function checkPreconditions(kind: KindDefinition, object: ApiObject, { preconditions }: DeleteOptions): void {
  const { name, uid, resourceVersion } = object.metadata;
  if (preconditions.uid !== undefined && preconditions.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`;
    throw conflict(kind, name, why);
  }
  if (preconditions.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(kind, name, `Precondition failed: ${why}`);
  }
}

/** Seconds that the object has to end by itself: pods on a node only, as nobody else would finish them. */
function graceOf(kind: KindDefinition, object: ApiObject, options: DeleteOptions): number {
  if (kind.group !== '' || kind.plural !== 'pods') {
    return 0;
  }
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const status = isRecord(object['status']) ? object['status'] : {};
  const ended = status['phase'] === 'Succeeded' || status['phase'] === 'Failed';
  if (ended || typeof spec['nodeName'] !== 'string' || spec['nodeName'] === '') {
    return 0;
  }
  const own = spec['terminationGracePeriodSeconds'];
  const wanted = options.gracePeriodSeconds ?? (typeof own === 'number' ? own : defaultPodGrace);
  const grace = wanted < 0 ? 1 : wanted;
  const current = object.metadata.deletionGracePeriodSeconds;
  // A second deletion can only hurry.
  return object.metadata.deletionTimestamp === undefined || current === undefined
    ? grace
    : Math.min(grace, current);
}

function withFinalizers(object: ApiObject, { propagationPolicy }: DeleteOptions): ApiObject {
  if (propagationPolicy === undefined) {
    return object;
  }
  const own = { Foreground: 'foregroundDeletion', Orphan: 'orphan', Background: undefined }[
    propagationPolicy
  ];
  const before = object.metadata.finalizers ?? [];
  const kept = before.filter((each) => each !== 'foregroundDeletion' && each !== 'orphan');
  const finalizers = own === undefined ? kept : [...kept, own];
  const same = finalizers.length === before.length && finalizers.every((each) => before.includes(each));
  if (same) {
    return object;
  }
  const { finalizers: _, ...metadata } = object.metadata;
  return { ...object, metadata: finalizers.length === 0 ? metadata : { ...metadata, finalizers } };
}

function isWaiting(kind: KindDefinition, object: ApiObject): boolean {
  const namespace = kind.group === '' && kind.plural === 'namespaces';
  return (
    (object.metadata.finalizers ?? []).length > 0 || (namespace && namespaceFinalizers(object).length > 0)
  );
}

function isAlreadyMarked(object: ApiObject, marked: ApiObject, grace: number): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  return object === marked && deletionTimestamp !== undefined && (deletionGracePeriodSeconds ?? 0) === grace;
}

function markDeleted(kind: KindDefinition, object: ApiObject, grace: number, now: number): ApiObject {
  const { metadata } = object;
  const first = metadata.deletionTimestamp === undefined;
  const since = first
    ? now
    : Date.parse(metadata.deletionTimestamp ?? '') - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  const counted = first && hasGeneration(kind) ? { generation: (metadata.generation ?? 0) + 1 } : {};
  const marked: ApiObject = {
    ...object,
    metadata: {
      ...metadata,
      ...counted,
      deletionTimestamp: timestamp(since + grace * 1000),
      deletionGracePeriodSeconds: grace,
    },
  };
  if (kind.group !== '' || kind.plural !== 'namespaces') {
    return marked;
  }
  const { deletionGracePeriodSeconds: _, ...namespaceMetadata } = marked.metadata;
  const status = isRecord(object['status']) ? object['status'] : {};
  return { ...marked, metadata: namespaceMetadata, status: { ...status, phase: 'Terminating' } };
}
