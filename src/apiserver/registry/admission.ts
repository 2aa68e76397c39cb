/** What an object goes through before it is stored: schema, the kind's own rules, warnings, owners of fields. */
import type { AdmissionRequest, KindDefinition, KindRef } from '#api/kind.ts';
import { apiVersionOf } from '#api/kind.ts';
import type { KubeObject, ObjectMeta } from '#api/meta.ts';
import { explainUnknownField } from '#api/unknown-field.ts';
import { badRequest, invalid } from '../api-errors.ts';
import { restrictNode } from '../auth/restrict-node.ts';
import { updateManagedFields } from '../patch/apply/apply.ts';
import { processObject } from '../schema/process.ts';
import type { Call, Services } from './call.ts';
import { keyOf, resourceOf } from './catalog.ts';
import { type ApiObject, objectOf } from './objects.ts';
import type { WriteOptions } from './write-options.ts';

/** An object on its way into the store. */
export interface Candidate {
  readonly kind: KindDefinition;
  readonly object: ApiObject;
  /** The stored object, on update. */
  readonly old?: ApiObject | undefined;
  readonly subresource?: string | undefined;
  /** Keys that occur twice in the body. */
  readonly duplicates?: readonly string[] | undefined;
}

/** Causes after which an object does not have the shape that rules of its kind rely on. */
const shapeless: ReadonlySet<string> = new Set(['FieldValueTypeInvalid', 'FieldValueRequired']);

/**
 * Defaults, prunes, and judges. Returns the object as it may be stored.
 * Throws 422 with every cause, 400 for unknown fields when the client wants that, 403 for what is not the client's.
 */
export function admit(
  services: Services,
  call: Call,
  candidate: Candidate,
  options: WriteOptions,
): ApiObject {
  const { kind, old, subresource } = candidate;
  const operation = old === undefined ? 'CREATE' : 'UPDATE';
  const { fieldValidation } = options;
  const processed = processObject(kind, candidate.object, { operation, old, fieldValidation, subresource });
  reportFields(call, candidate, processed.unknownFields, fieldValidation);
  const name = candidate.object.metadata.name ?? '';
  if (processed.causes.some((cause) => shapeless.has(cause.type))) {
    throw invalid(kind, name, processed.causes);
  }
  let request = admissionRequest(services, call, candidate, processed.object);
  if (kind.mutate !== undefined) {
    request = { ...request, object: kind.mutate(request) };
  }
  const causes = [...processed.causes, ...(kind.validate?.(request) ?? [])];
  if (causes.length > 0) {
    throw invalid(kind, name, causes);
  }
  const object = request.object as ApiObject;
  restrictNode(call.user, kind, object, old);
  call.warnings.push(...(kind.warn?.(request) ?? []));
  return object;
}

function admissionRequest(
  { store }: Services,
  call: Call,
  { old, subresource }: Candidate,
  object: KubeObject,
): AdmissionRequest {
  return {
    object,
    ...(old === undefined ? {} : { old }),
    operation: old === undefined ? 'CREATE' : 'UPDATE',
    ...(subresource === undefined ? {} : { subresource }),
    user: call.user,
    lookup: (kind: KindRef, name: string, namespace = '') => {
      const entry = store.head(keyOf(kind, namespace, name));
      return entry === undefined ? undefined : objectOf(entry);
    },
    list: (kind: KindRef, namespace?: string) =>
      [...store.list({ resource: resourceOf(kind), namespace })].map(objectOf),
  };
}

/** The words are kube-apiserver's; kinds of our own get a remedy after them. */
function reportFields(
  call: Call,
  { kind, duplicates = [] }: Candidate,
  unknown: readonly string[],
  level: WriteOptions['fieldValidation'],
): void {
  if (level === 'Ignore' || unknown.length + duplicates.length === 0) {
    return;
  }
  const faults = [
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...unknown.map((path) => {
      const remedy = kind.builtin === true ? undefined : explainUnknownField(kind.schema, path);
      return `unknown field ${JSON.stringify(path)}${remedy === undefined ? '' : ` (${remedy})`}`;
    }),
  ];
  if (level === 'Strict') {
    throw badRequest(`strict decoding error: ${faults.join(', ')}`);
  }
  call.warnings.push(...faults);
}

/** The object with `metadata.managedFields` of an ordinary write. */
export function withOwners(candidate: Candidate, options: WriteOptions, now: Date): ApiObject {
  const { kind, object, old, subresource } = candidate;
  const managedFields = updateManagedFields({
    before: old,
    after: object,
    manager: options.fieldManager,
    schema: kind.schema,
    apiVersion: apiVersionOf(kind),
    subresource,
    now,
  });
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: managedFields === undefined ? metadata : { ...metadata, managedFields } };
}

/** `metadata` without fields that are undefined, which JSON would drop and comparisons would see. */
export function compactMetadata(metadata: ObjectMeta): ObjectMeta {
  return Object.fromEntries(
    Object.entries(metadata).filter(([, value]) => value !== undefined),
  ) as unknown as ObjectMeta;
}
