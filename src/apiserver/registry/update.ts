import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import type { ObjectMeta } from '#api/meta.ts';
import type { Entry } from '#store/entry.ts';
import { StoreError } from '#store/errors.ts';
import { conflict, invalid, notFound, timedOut } from '../api-errors.ts';
import { isStoredSo, objectViewer, stored, textViewer } from '../crd/view.ts';
import { deepEqual } from '../patch/equal.ts';
import { cause } from '../schema/causes.ts';
import { admit, compactMetadata, withOwners } from './admission.ts';
import type { Call, Services } from './call.ts';
import { hasGeneration, keyOf } from './catalog.ts';
import { isRecord } from './metadata.ts';
import { type ApiObject, encoder } from './objects.ts';
import { withWantedResources } from './pod-resize.ts';
import { strategyOf } from './strategies.ts';
import type { WriteOptions } from './write-options.ts';

/** How long a write may take, with all its attempts, in milliseconds (apiserver `endpoints/handlers`, `requestTimeoutUpperBound`). */
const patience = 34_000;

/** What is changed, and how. */
export interface Change {
  readonly kind: KindDefinition;
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: string | undefined;
  /** What the client wants, given what is stored. */
  readonly next: (live: ApiObject) => Wanted;
  /** An update without `resourceVersion` is refused where the kind demands one. */
  readonly replaces?: boolean;
  /** Labels and annotations may change together with the status. */
  readonly statusWithMetadata?: boolean;
}

/** An object that a client wants stored. */
export interface Wanted {
  readonly object: ApiObject;
  readonly duplicates?: readonly string[];
  /** `metadata.managedFields` is final already (server-side apply). */
  readonly owned?: boolean;
}

/**
 * Changes an object and returns its text once it is on disk; nothing is written when nothing changes. Whoever writes in
 * between makes it start again with what is stored then, as often as that happens (apiserver `storage/etcd3/store.go`,
 * `GuaranteedUpdate`): only what the client expects (`resourceVersion`, `uid`) is a reason for 409. Throws 404, 409, 422 or
 * 504.
 */
export async function update(
  services: Services,
  call: Call,
  change: Change,
  options: WriteOptions,
): Promise<string> {
  const began = performance.now();
  for (;;) {
    const entry = services.store.head(keyOf(change.kind, change.namespace, change.name));
    if (entry === undefined) {
      await services.store.settled();
      throw notFound(change.kind, change.name);
    }
    try {
      return await updateOnce(services, call, change, options, entry);
    } catch (error) {
      if (!(error instanceof StoreError) || !['Conflict', 'NotFound'].includes(error.reason)) {
        throw error;
      }
      if (performance.now() - began > patience) {
        throw timedOut();
      }
    }
  }
}

async function updateOnce(
  services: Services,
  call: Call,
  change: Change,
  options: WriteOptions,
  entry: Entry,
): Promise<string> {
  const { store, clock } = services;
  const { kind, subresource } = change;
  const old = objectViewer(kind)(entry);
  const wanted = change.next(old);
  checkPreconditions(change, wanted.object, old);
  const prepared = prepare(change, wanted.object, old);
  const candidate = { kind, object: prepared, old, subresource, duplicates: wanted.duplicates };
  const admitting = admit(services, call, candidate, options);
  const admitted = admitting instanceof Promise ? await admitting : admitting;
  const counted = withGeneration(kind, admitted, old);
  const now = new Date(clock.now());
  const object =
    wanted.owned === true ? counted : withOwners({ kind, object: counted, old, subresource }, options, now);
  const view = textViewer(kind);
  if (isSame(object, old) && isStoredSo(kind, entry)) {
    await store.settled();
    return view(entry);
  }
  if (options.dryRun) {
    return encoder(object)(entry.revision);
  }
  const encode = encoder(stored(kind, object));
  const write = { key: entry, expected: entry.revision, encode };
  return view(await (isFinished(kind, object) ? store.delete(write) : store.put(write)));
}

function checkPreconditions(change: Change, object: ApiObject, old: ApiObject): void {
  const { kind, name } = change;
  const { uid, resourceVersion } = object.metadata;
  if (uid !== undefined && uid !== '' && uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict(kind, name, why);
  }
  const given = resourceVersion ?? '';
  if (given === '' || given === '0') {
    if (change.replaces === true && strategyOf(kind).unconditionalUpdate !== true) {
      throw invalid(kind, name, [
        cause('FieldValueInvalid', 'metadata.resourceVersion', 'must be specified for an update', 0),
      ]);
    }
  } else if (given !== old.metadata.resourceVersion) {
    throw conflict(kind, name);
  }
}

/** The object with what clients cannot change taken from the stored one. */
function prepare(change: Change, wanted: ApiObject, old: ApiObject): ApiObject {
  const { kind, subresource } = change;
  const metadata = fixedMetadata(wanted.metadata, old.metadata);
  if (subresource === 'status') {
    const kept = change.statusWithMetadata === true || kind.builtin;
    const { labels, annotations, managedFields } = metadata;
    const changed = kept ? { labels, annotations, managedFields } : { managedFields };
    return withField(
      { ...old, metadata: compactMetadata({ ...old.metadata, ...changed }) },
      'status',
      wanted['status'],
    );
  }
  if (subresource === 'finalize' || subresource === 'ephemeralcontainers') {
    return prepareList(subresource, { ...wanted, metadata }, old);
  }
  if (subresource === 'resize') {
    return withWantedResources(wanted, metadata, old);
  }
  if (subresource === 'approval') {
    const status = isRecord(wanted['status']) ? wanted['status'] : {};
    const before = isRecord(old['status']) ? old['status'] : {};
    return withField({ ...old, metadata }, 'status', { ...before, conditions: status['conditions'] ?? [] });
  }
  if (subresource === 'binding') {
    return { ...wanted, metadata };
  }
  const object: ApiObject = { ...wanted, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
  const kept = kind.subresources?.status === true ? withField(object, 'status', old['status']) : object;
  return strategyOf(kind).prepareUpdate?.(kept, old) ?? kept;
}

/** One list below `spec` is all that these subresources change. */
function prepareList(
  subresource: 'finalize' | 'ephemeralcontainers',
  wanted: ApiObject,
  old: ApiObject,
): ApiObject {
  const spec = isRecord(old['spec']) ? old['spec'] : {};
  const given = isRecord(wanted['spec']) ? wanted['spec'] : {};
  if (subresource === 'finalize') {
    return { ...old, spec: { ...spec, finalizers: given['finalizers'] ?? [] } };
  }
  const { ephemeralContainers: _, ...others } = spec;
  const { ephemeralContainers } = given;
  const { managedFields } = wanted.metadata;
  return {
    ...old,
    metadata: compactMetadata({ ...old.metadata, managedFields }),
    spec: ephemeralContainers === undefined ? others : { ...others, ephemeralContainers },
  };
}

function withField(object: ApiObject, field: string, value: unknown): ApiObject {
  const { [field]: _, ...others } = object;
  return value === undefined ? (others as ApiObject) : ({ ...others, [field]: value } as ApiObject);
}

function fixedMetadata(wanted: ObjectMeta, old: ObjectMeta): ObjectMeta {
  return compactMetadata({
    ...wanted,
    name: old.name,
    namespace: old.namespace,
    uid: old.uid,
    resourceVersion: old.resourceVersion,
    generation: old.generation,
    creationTimestamp: old.creationTimestamp,
    deletionTimestamp: old.deletionTimestamp,
    deletionGracePeriodSeconds: old.deletionGracePeriodSeconds,
    generateName: wanted.generateName ?? old.generateName,
    managedFields: wanted.managedFields ?? old.managedFields,
  });
}

function withGeneration(kind: KindDefinition, object: ApiObject, old: ApiObject): ApiObject {
  if (!hasGeneration(kind) || deepEqual(contentOf(kind, object), contentOf(kind, old))) {
    return object;
  }
  return { ...object, metadata: { ...object.metadata, generation: (old.metadata.generation ?? 0) + 1 } };
}

function contentOf(kind: KindDefinition, object: ApiObject): unknown {
  const { apiVersion: _v, kind: _k, metadata: _m, status, ...content } = object;
  return kind.subresources?.status === true ? content : { ...content, status };
}

/** True when a write would change nothing but the times in `managedFields`. */
function isSame(object: ApiObject, old: ApiObject): boolean {
  return deepEqual(withoutTimes(object), withoutTimes(old));
}

function withoutTimes(object: ApiObject): ApiObject {
  const { managedFields, ...metadata } = object.metadata;
  const owners = managedFields?.map((owner) => ({ ...(owner as object), time: undefined }));
  return { ...object, metadata: { ...metadata, ...(owners === undefined ? {} : { managedFields: owners }) } };
}

/** True when an object that is being deleted has nothing left to wait for: the update removes it. */
function isFinished(kind: KindDefinition, object: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (
    deletionTimestamp === undefined ||
    (finalizers ?? []).length > 0 ||
    (deletionGracePeriodSeconds ?? 0) > 0
  ) {
    return false;
  }
  return kind.group !== '' || kind.plural !== 'namespaces' || namespaceFinalizers(object).length === 0;
}

/** `spec.finalizers` of a namespace. */
export function namespaceFinalizers(object: ApiObject): readonly unknown[] {
  const finalizers = isRecord(object['spec']) ? object['spec']['finalizers'] : undefined;
  return Array.isArray(finalizers) ? finalizers : [];
}
