/** What an object goes through before it is stored: schema, the kind's own rules, warnings, owners of fields. */
import type { AdmissionRequest, KindDefinition, KindRef } from '#api/kind.ts';
import { apiVersionOf } from '#api/kind.ts';
import type { Cause, KubeObject, ObjectMeta } from '#api/meta.ts';
import { explainUnknownField } from '#api/unknown-field.ts';
import { reviewOf } from '../admission/attributes.ts';
import { chain, type Maybe, runMutating, runValidating } from '../admission/plugin.ts';
import { badRequest, invalid } from '../api-errors.ts';
import { customVersionOf } from '../crd/served.ts';
import { updateManagedFields } from '../patch/apply/apply.ts';
import { processObject } from '../schema/process.ts';
import type { Call, Services } from './call.ts';
import { keyOf, resourceOf } from './catalog.ts';
import { type ApiObject, objectOf } from './objects.ts';
import { strategyOf } from './strategies.ts';
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

/** An object with its defaults, before it is judged. */
interface Draft {
  readonly request: AdmissionRequest;
  readonly causes: readonly Cause[];
}

/**
 * Defaults, prunes, and judges. Returns the object as it may be stored: at once, unless a plug-in waits for somebody.
 * Throws 422 with every cause, 400 for unknown fields when the client wants that, 403 for what is not the client's.
 */
export function admit(
  services: Services,
  call: Call,
  candidate: Candidate,
  options: WriteOptions,
): Maybe<ApiObject> {
  const drafted = draft(services, call, candidate, options.fieldValidation);
  const before = drafted.request.object as ApiObject;
  const review = reviewOf(services, call, { ...candidate, object: before }, options.dryRun);
  if (review === undefined) {
    return judge(services, call, candidate, drafted);
  }
  const { plugins, attributes, shown } = review;
  return chain(runMutating(plugins, attributes), (mutated) => {
    const changed = mutated !== undefined && mutated !== attributes.object && shown(before) === before;
    const object = changed ? confined(candidate, before, mutated) : before;
    const final = changed ? draft(services, call, { ...candidate, object }, 'Ignore') : drafted;
    const judged = judge(services, call, candidate, final);
    return chain(runValidating(plugins, { ...attributes, object: shown(judged) }), () => judged);
  });
}

function draft(
  services: Services,
  call: Call,
  candidate: Candidate,
  fieldValidation: WriteOptions['fieldValidation'],
): Draft {
  const { kind, old, subresource } = candidate;
  const operation = old === undefined ? 'CREATE' : 'UPDATE';
  const processed = processObject(kind, candidate.object, { operation, old, fieldValidation, subresource });
  reportFields(call, candidate, processed.unknownFields, fieldValidation);
  const { causes } = processed;
  let request = admissionRequest(services, call, candidate, processed.object);
  if (causes.some((cause) => cause.type === 'FieldValueTypeInvalid')) {
    throw invalid(kind, candidate.object.metadata.name ?? '', causes);
  }
  if (!causes.some((cause) => shapeless.has(cause.type))) {
    for (const mutate of [kind.mutate?.bind(kind), strategyOf(kind).mutate]) {
      request =
        mutate === undefined ? request : { ...request, object: mutate(request, services.clock.now()) };
    }
  }
  return { request, causes };
}

function judge(services: Services, call: Call, candidate: Candidate, { request, causes }: Draft): ApiObject {
  const { kind, old } = candidate;
  const strategy = strategyOf(kind);
  const all = causes.some((cause) => shapeless.has(cause.type))
    ? causes
    : [...causes, ...(kind.validate?.(request) ?? []), ...(strategy.validate?.(request) ?? [])];
  if (all.length > 0) {
    throw invalid(kind, candidate.object.metadata.name ?? '', all);
  }
  const object = request.object as ApiObject;
  services.access.guard(call, kind, object, old);
  call.warnings.push(...(kind.warn?.(request) ?? []), ...(strategy.warn?.(request) ?? []));
  return object;
}

/** What a plug-in made of an object, without what nobody may change here. */
function confined({ kind, subresource }: Candidate, before: ApiObject, after: ApiObject): ApiObject {
  const { labels, annotations, ownerReferences, finalizers } = after.metadata;
  const metadata = compactMetadata({
    ...before.metadata,
    labels,
    annotations,
    ownerReferences,
    finalizers,
  });
  const { status, ...content } = after;
  if (subresource === 'status') {
    return { ...before, metadata, ...(status === undefined ? {} : { status }) };
  }
  const own = kind.subresources?.status === true ? before['status'] : status;
  return {
    ...content,
    apiVersion: before.apiVersion,
    kind: before.kind,
    metadata,
    ...(own === undefined ? {} : { status: own }),
  };
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

/** The words are kube-apiserver's; kinds of our own, not those that users bring, get a remedy after them. */
function reportFields(
  call: Call,
  { kind, duplicates = [] }: Candidate,
  unknown: readonly string[],
  level: WriteOptions['fieldValidation'],
): void {
  if (level === 'Ignore' || unknown.length + duplicates.length === 0) {
    return;
  }
  const isOurs = !kind.builtin && customVersionOf(kind) === undefined;
  const faults = [
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...unknown.map((path) => {
      const remedy = isOurs ? explainUnknownField(kind.schema, path) : undefined;
      return `unknown field ${JSON.stringify(path)}${remedy === undefined ? '' : ` (${remedy})`}`;
    }),
  ];
  if (level === 'Strict') {
    const { kind: word, version } = kind;
    throw badRequest(
      `${word} in version ${JSON.stringify(version)} cannot be handled as a ${word}: strict decoding error: ${faults.join(', ')}`,
    );
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
