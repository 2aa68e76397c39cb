/** One request from its head to its answer: request info, authentication, authorization, then registry or discovery. */
import { ApiError, messageOf, PatchbayError } from '#machinery/errors.ts';
import { StoreError } from '#store/errors.ts';
import { badRequest, failure, methodNotAllowed, noSuchPath, unauthorized } from './api-errors.ts';
import type { Access } from './auth/access.ts';
import { attributesOf } from './auth/attributes.ts';
import { authorize } from './auth/authorize.ts';
import { impersonate } from './auth/impersonate.ts';
import { type HealthCheck, handlePlain, health } from './discovery/handler.ts';
import { type Answer, type StreamAnswer, send, setWarnings, statusAnswer } from './http/answer.ts';
import { readBody } from './http/body.ts';
import type { Incoming, Outgoing } from './http/exchange.ts';
import { type RequestInfo, requestInfo } from './http/request-info.ts';
import type { Log } from './log.ts';
import type { Services } from './registry/call.ts';
import { handleResource } from './registry/resource-handler.ts';
import { answerReview, reviewKindOf } from './reviews/reviews.ts';

/** What requests are answered with. */
export interface Pipeline extends Services {
  readonly access: Access;
  readonly checks: readonly HealthCheck[];
  readonly log: Log;
  /** Ends of running watches, for shutdown. */
  readonly watches: Set<() => void>;
}

const healthPath = /^\/(livez|readyz|healthz)(\/|$)/;

/** Answers a request. Never rejects. */
export async function serve(pipeline: Pipeline, request: Incoming, response: Outgoing): Promise<void> {
  const warnings: string[] = [];
  try {
    const answer = await handle(pipeline, request, warnings);
    if (response.destroyed === true) {
      return;
    }
    setWarnings(response, warnings);
    if ('stream' in answer) {
      answer.stream(response);
    } else {
      send(request, response, answer);
    }
  } catch (error) {
    refuse(pipeline, request, response, error);
  }
}

async function handle(
  pipeline: Pipeline,
  request: Incoming,
  warnings: string[],
): Promise<Answer | StreamAnswer> {
  const info = readInfo(request);
  if (healthPath.test(info.path)) {
    return health(info, pipeline.checks);
  }
  const { access } = pipeline;
  const known = access.userOf(request);
  if (known === undefined) {
    throw unauthorized();
  }
  const user = impersonate(access.authorizers, known, request) ?? known;
  authorize(access.authorizers, user, attributesOf(info));
  if (!info.isResource) {
    return handlePlain(pipeline.catalog, info, {
      accept: request.headers.accept,
      ifNoneMatch: request.headers['if-none-match'],
      localAddress: `${request.socket.localAddress ?? ''}:${request.socket.localPort ?? ''}`,
    });
  }
  if (!pipeline.catalog.serves(info.group, info.version)) {
    throw noSuchPath();
  }
  if (info.verb === 'other') {
    throw methodNotAllowed();
  }
  const reads = info.verb === 'get' || info.verb === 'list' || info.verb === 'watch';
  const userAgent = String(request.headers['user-agent'] ?? '');
  const call = { info, user, userAgent, warnings };
  const { accept, 'content-type': contentType } = request.headers;
  const body = reads ? Buffer.alloc(0) : await readBody(request);
  const review = reviewKindOf(call);
  if (review !== undefined) {
    return answerReview(pipeline, call, review, { accept, contentType, body });
  }
  return handleResource(pipeline, call, {
    accept,
    contentType,
    body,
    track: (end) => {
      pipeline.watches.add(end);
      return () => pipeline.watches.delete(end);
    },
  });
}

function readInfo(request: Incoming): RequestInfo {
  try {
    return requestInfo(request.method ?? 'GET', request.url ?? '/');
  } catch (error) {
    throw error instanceof URIError ? badRequest(`the path cannot be read: ${messageOf(error)}`) : error;
  }
}

function refuse({ log }: Pipeline, request: Incoming, response: Outgoing, error: unknown): void {
  const refusal = apiError(error);
  if (refusal.code >= 500) {
    log.error({ err: error, method: request.method, url: request.url?.split('?', 1)[0] }, 'request failed');
  }
  if (response.headersSent) {
    response.end();
    return;
  }
  send(request, response, statusAnswer(refusal.status));
}

/** Any error as the Status that clients get. What is not meant for them is not told. */
function apiError(error: unknown): ApiError {
  if (error instanceof ApiError) {
    return error;
  }
  if (error instanceof StoreError) {
    return failure(
      error.reason === 'StorageFull' ? 507 : 500,
      'InternalError',
      `Internal error occurred: ${error.message}`,
    );
  }
  if (error instanceof PatchbayError) {
    return fromReason(error);
  }
  return failure(
    500,
    'InternalError',
    'Internal error occurred: the server met a condition that it did not expect; its log says more',
  );
}

function fromReason(error: PatchbayError): ApiError {
  switch (error.reason) {
    case 'BadRequest':
      return badRequest(error.message);
    case 'RequestEntityTooLarge':
      return failure(413, 'RequestEntityTooLarge', error.message);
    case 'Invalid':
      // Upstream says no more than this; kubectl would print a cause instead of the message.
      return failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
    case 'UnsupportedMediaType':
      return failure(415, 'UnsupportedMediaType', error.message);
    default:
      return failure(500, 'InternalError', `Internal error occurred: ${error.message}`);
  }
}
