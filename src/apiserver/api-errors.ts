/** Refusals in kube-apiserver's words (apimachinery `api/errors`). */
import type { KindRef } from '#api/kind.ts';
import type { Cause } from '#api/meta.ts';
import { ApiError, type StatusBody } from '#machinery/errors.ts';
import { causeMessage, invalidStatus } from './schema/causes.ts';

type Details = NonNullable<StatusBody['details']>;
type Named = Pick<KindRef, 'group' | 'plural'>;

/** A `Status` of a failure. */
export function failure(
  code: number,
  reason: string | undefined,
  message: string,
  details?: Details,
): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  });
}

/** `configmaps`, `virtualmachines.kubevirt.io`. */
export function qualified(kind: Named): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}

function detailsOf(kind: Named, name: string): Details {
  return { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural };
}

export function notFound(kind: Named, name: string): ApiError {
  return failure(404, 'NotFound', `${qualified(kind)} "${name}" not found`, detailsOf(kind, name));
}

export function alreadyExists(kind: Named, name: string): ApiError {
  return failure(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`, detailsOf(kind, name));
}

/** `why` is the part behind the colon. */
export function conflict(kind: Named, name: string, why: string = staleObject): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`;
  return failure(409, 'Conflict', message, detailsOf(kind, name));
}

const staleObject =
  'the object has been modified; please apply your changes to the latest version and try again';

export function badRequest(message: string): ApiError {
  return failure(400, 'BadRequest', message);
}

export function invalid(
  kind: Pick<KindRef, 'group' | 'kind'>,
  name: string,
  causes: readonly Cause[],
): ApiError {
  return new ApiError(invalidStatus(kind, name, causes));
}

/** Refused query options, as `metav1.ListOptions` validation words it. */
export function invalidOptions(kind: string, cause: Cause): ApiError {
  const text = `${cause.field}: ${causeMessage(cause)}`;
  return failure(422, 'Invalid', `${kind}.meta.k8s.io "" is invalid: ${text}`, {
    group: 'meta.k8s.io',
    kind,
    causes: [{ reason: cause.type, message: causeMessage(cause), field: cause.field }],
  });
}

export function forbidden(kind: Named, name: string, why: string): ApiError {
  const object = name === '' ? qualified(kind) : `${qualified(kind)} "${name}"`;
  return failure(403, 'Forbidden', `${object} is forbidden: ${why}`, detailsOf(kind, name));
}

/** What was asked for was compacted. `continueToken` lets a list go on, inconsistently. */
export function gone(message: string, continueToken?: string): ApiError {
  const { status } = failure(410, 'Expired', message);
  return continueToken === undefined
    ? new ApiError(status)
    : new ApiError({ ...status, metadata: { continue: continueToken } });
}

/** A resource version from the future: the caller talked to a server with newer data, or made it up. */
export function tooLargeVersion(wanted: number, current: number): ApiError {
  return failure(504, 'Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** A write that others kept from being done in time. */
export function timedOut(): ApiError {
  const why = 'request did not complete within requested timeout - context deadline exceeded';
  return failure(504, 'Timeout', `Timeout: ${why}`, {});
}

export function methodNotAllowed(): ApiError {
  return failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
}

/** A path that is served by nothing. */
export function noSuchPath(): ApiError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function notAcceptable(allowed: readonly string[]): ApiError {
  const message = `only the following media types are accepted: ${allowed.join(', ')}`;
  return failure(406, 'NotAcceptable', message);
}

export function unsupportedMediaType(allowed: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${allowed.join(', ')}`;
  return failure(415, 'UnsupportedMediaType', message);
}

export function tooLarge(limit: number): ApiError {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);
}

export function unauthorized(): ApiError {
  return failure(401, 'Unauthorized', 'Unauthorized');
}

/** The answer to a deletion that is done. */
export function deletedStatus(kind: Named, name: string, uid: string | undefined): StatusBody {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...detailsOf(kind, name), ...(uid === undefined ? {} : { uid }) },
  };
}
