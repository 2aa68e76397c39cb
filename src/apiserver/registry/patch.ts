import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import { ApiError, type StatusBody } from '#machinery/errors.ts';
import { badRequest, failure, invalidOptions, notFound, unsupportedMediaType } from '../api-errors.ts';
import { bodyText, type Decoded, decodeJson, decodeYaml, mediaType } from '../http/body.ts';
import { conflictStatus, serverSideApply } from '../patch/apply/apply.ts';
import { applyJsonPatch } from '../patch/json.ts';
import { applyMergePatch } from '../patch/merge.ts';
import { applyStrategicMergePatch } from '../patch/strategic.ts';
import { cause } from '../schema/causes.ts';
import { conversionFault, decodeFault, goText } from '../schema/go-decode.ts';
import type { Call, Services } from './call.ts';
import { keyOf } from './catalog.ts';
import { create } from './create.ts';
import { isRecord, readObject } from './metadata.ts';
import type { ApiObject } from './objects.ts';
import { update, type Wanted } from './update.ts';
import type { WriteOptions } from './write-options.ts';

const jsonPatch = 'application/json-patch+json';
const mergePatch = 'application/merge-patch+json';
const strategicPatch = 'application/strategic-merge-patch+json';
const applyPatch = 'application/apply-patch+yaml';

/** A patch as it came. */
export interface PatchRequest {
  readonly kind: KindDefinition;
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: string | undefined;
  readonly body: Buffer;
  readonly contentType: string | undefined;
}

/** The text of an object, and whether it was created. */
export interface Patched {
  readonly text: string;
  readonly created: boolean;
}

/** Applies any kind of patch. Throws 400, 404, 409, 415 or 422. */
export async function patch(
  services: Services,
  call: Call,
  request: PatchRequest,
  options: WriteOptions,
): Promise<Patched> {
  const type = mediaType(request.contentType);
  if (type === applyPatch) {
    return apply(services, call, request, options);
  }
  if (call.info.query.has('force')) {
    const why = 'may not be specified for non-apply patch';
    throw invalidOptions('PatchOptions', cause('FieldValueForbidden', 'force', why));
  }
  // What is no patch is refused for that, whatever its body is.
  const known = type === jsonPatch || type === mergePatch || type === strategicPatch;
  const decoded = known ? decodeJson(bodyText(request.body)) : { value: undefined, duplicates: [] };
  const change = patcher(request.kind, type, decoded);
  const text = await update(
    services,
    call,
    {
      ...request,
      statusWithMetadata: true,
      next: (live) => ({ object: change(live), duplicates: type === jsonPatch ? [] : decoded.duplicates }),
    },
    options,
  );
  return { text, created: false };
}

/** What a patch other than server-side apply makes of an object. Throws 400 or 415. */
export function changeOf(
  kind: KindDefinition,
  body: Buffer,
  contentType: string | undefined,
): (live: ApiObject) => ApiObject {
  return patcher(kind, mediaType(contentType), decodeJson(bodyText(body)));
}

function patcher(kind: KindDefinition, type: string, { value }: Decoded): (live: ApiObject) => ApiObject {
  const read = (object: unknown, live: ApiObject, convert = false) => {
    if (kind.builtin) {
      requireReadable(kind, object, convert ? value : undefined);
    }
    return keepIdentity(readObject(kind.kind, object), live);
  };
  switch (type) {
    case jsonPatch:
      return (live) => read(applyJsonPatch(live, value), live);
    case mergePatch:
      requirePatchObject(value);
      return (live) => read(applyMergePatch(live, value), live);
    case strategicPatch:
      if (!kind.builtin) {
        throw unsupportedMediaType([jsonPatch, mergePatch, applyPatch]);
      }
      requirePatchObject(value);
      return (live) => read(applyStrategicMergePatch(live, value, kind.schema), live, true);
    default:
      throw unsupportedMediaType([
        jsonPatch,
        mergePatch,
        ...(kind.builtin ? [strategicPatch] : []),
        applyPatch,
      ]);
  }
}

/** Throws 422 when Go could not read what a patch made as the kind; `strategic` is the patch when it was such a one. */
function requireReadable(kind: KindDefinition, object: unknown, strategic: unknown): void {
  const fault = strategic === undefined ? decodeFault(kind, object) : conversionFault(kind, object);
  if (fault !== undefined) {
    const shown = strategic === undefined ? JSON.stringify(object) : goText(strategic);
    const message = `Invalid value: ${JSON.stringify(shown)}: ${fault}`;
    const causes = [{ reason: 'FieldValueInvalid', message, field: 'patch' }];
    throw failure(422, 'Invalid', ` "" is invalid: patch: ${message}`, { causes });
  }
}

function requirePatchObject(value: unknown): void {
  if (!isRecord(value)) {
    throw badRequest('error decoding patch: a patch must be an object');
  }
}

/** A patch cannot move an object to another name, namespace or kind. Throws 400 when it tries. */
function keepIdentity(object: ApiObject, live: ApiObject): ApiObject {
  const { name, namespace } = object.metadata;
  if (name !== live.metadata.name) {
    throw badRequest(
      `the name of the object (${name}) does not match the name on the URL (${live.metadata.name})`,
    );
  }
  if (namespace !== live.metadata.namespace) {
    throw badRequest('the namespace of the object does not match the namespace on the URL');
  }
  if (object.apiVersion !== live.apiVersion || object.kind !== live.kind) {
    throw badRequest('a patch cannot change apiVersion or kind');
  }
  return object;
}

async function apply(
  services: Services,
  call: Call,
  request: PatchRequest,
  options: WriteOptions,
): Promise<Patched> {
  const { kind, namespace, name, subresource } = request;
  if ((call.info.query.get('fieldManager') ?? '') === '') {
    const why = 'is required for apply patch';
    throw invalidOptions('PatchOptions', cause('FieldValueRequired', 'fieldManager', why));
  }
  const decoded = decodeYaml(bodyText(request.body));
  const applied = readApplied(request, decoded.value);
  const merge = (live: ApiObject | undefined): Wanted => {
    const result = serverSideApply({
      live,
      applied,
      manager: options.fieldManager,
      force: options.force,
      schema: kind.schema,
      subresource,
      apiVersion: apiVersionOf(kind),
      now: new Date(services.clock.now()),
    });
    if (result.conflicts.length > 0) {
      throw new ApiError(conflictStatus(result.conflicts));
    }
    const object = readObject(kind.kind, result.object);
    return { object, duplicates: decoded.duplicates, owned: true };
  };
  const isStored = () => services.store.head(keyOf(kind, namespace, name)) !== undefined;
  for (;;) {
    const created = !isStored();
    if (created && (subresource !== undefined || (applied.metadata.uid ?? '') !== '')) {
      throw subresource === undefined ? uidConflict(kind, name) : notFound(kind, name);
    }
    try {
      const text = created
        ? await create(services, call, { kind, namespace, ...merge(undefined) }, options)
        : await update(services, call, { ...request, statusWithMetadata: true, next: merge }, options);
      return { text, created };
    } catch (error) {
      // Whoever creates or deletes the object in between makes this the other of both.
      if (
        !(error instanceof ApiError) ||
        !overtaken.has(error.status.reason ?? '') ||
        created !== isStored()
      ) {
        throw error;
      }
    }
  }
}

const overtaken: ReadonlySet<string> = new Set(['AlreadyExists', 'NotFound']);

function uidConflict(kind: KindDefinition, name: string): ApiError {
  const group = kind.group === '' ? {} : { group: kind.group };
  const why = 'uid mismatch: the provided object specified uid, and no existing object was found';
  const details: StatusBody['details'] = { name, ...group, kind: kind.plural };
  return failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${kind.plural} "${name}": ${why}`,
    details,
  );
}

function readApplied({ kind, namespace, name }: PatchRequest, value: unknown): ApiObject {
  const given = readObject(kind.kind, value);
  const { metadata } = given;
  if (given.apiVersion !== apiVersionOf(kind) || given.kind !== kind.kind) {
    const got = `${given.apiVersion ?? ''}, Kind=${given.kind ?? ''}`;
    throw badRequest(
      `apply wants an object of ${apiVersionOf(kind)}, Kind=${kind.kind}, not of ${got}: set apiVersion and kind`,
    );
  }
  if (metadata.managedFields !== undefined && metadata.managedFields.length > 0) {
    throw badRequest('metadata.managedFields must be nil');
  }
  if (metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  if (kind.namespaced && metadata.namespace !== undefined && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  return { ...given, metadata: { ...metadata, name, ...(kind.namespaced ? { namespace } : {}) } };
}
