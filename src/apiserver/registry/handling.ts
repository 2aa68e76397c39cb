/** What the handlers of requests for objects are given, and what they take from it. */
import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import { badRequest } from '../api-errors.ts';
import type { Form } from '../http/accept.ts';
import type { Answer, PiecesAnswer, StreamAnswer } from '../http/answer.ts';
import { decodeBody } from '../http/body.ts';
import { decodeFault } from '../schema/go-decode.ts';
import type { Call, Services } from './call.ts';
import { isRecord, readObject } from './metadata.ts';
import type { ApiObject } from './objects.ts';

/** The parts of a request that handlers need besides the call. */
export interface ResourceRequest {
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
  readonly body: Buffer;
  /** Takes a running watch into account, so that the server can end it. Returns what to call when it ended. */
  readonly track: (end: () => void) => () => void;
}

export interface Handling {
  readonly services: Services;
  readonly call: Call;
  readonly kind: KindDefinition;
  readonly request: ResourceRequest;
  readonly form: Form;
  readonly now: Date;
}

export type Handler = (handling: Handling) => Reply | Promise<Reply>;

export type Reply = Answer | PiecesAnswer | StreamAnswer;

export function placeOf({ call, kind }: Handling): { readonly namespace: string; readonly name: string } {
  return { namespace: kind.namespaced ? call.info.namespace : '', name: call.info.name };
}

export function subresourceOf({ call }: Handling): string | undefined {
  return call.info.subresource === '' ? undefined : call.info.subresource;
}

/** The object in the body. Throws 400 when it is of another kind than the path. */
export function bodyOf({ kind, request }: Handling): {
  readonly object: ApiObject;
  readonly duplicates: readonly string[];
} {
  const { value, duplicates } = decodeBody(request.body, request.contentType);
  requireReadable(kind, value);
  const object = readObject(kind.kind, value);
  const wanted = apiVersionOf(kind);
  const { apiVersion = wanted, kind: given = kind.kind } = object;
  if (given !== kind.kind) {
    throw badRequest(
      `${given} in version ${JSON.stringify(apiVersion)} cannot be handled as a ${kind.kind}: kind does not match the path`,
    );
  }
  if (apiVersion !== wanted) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`,
    );
  }
  return { object, duplicates };
}

/** Throws 400 when Go could not read the body as the kind, in its words. Bodies of other kinds are refused for that. */
function requireReadable(kind: KindDefinition, value: unknown): void {
  const given = isRecord(value) ? (value['kind'] ?? kind.kind) : undefined;
  const fault = kind.builtin && given === kind.kind ? decodeFault(kind, value) : undefined;
  if (fault !== undefined) {
    throw badRequest(
      `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${fault}`,
    );
  }
}

export function checkPlace(
  kind: KindDefinition,
  place: { readonly namespace: string; readonly name: string },
  { metadata }: ApiObject,
): void {
  if (metadata.name !== place.name) {
    throw badRequest(
      `the name of the object (${metadata.name ?? ''}) does not match the name on the URL (${place.name})`,
    );
  }
  if (kind.namespaced && (metadata.namespace ?? place.namespace) !== place.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}
