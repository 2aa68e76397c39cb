/** One request from its head to its answer: request info, authentication, authorization, then registry or discovery. */
import { ApiError, messageOf, PatchbayError } from '#machinery/errors.ts';
import { StoreError } from '#store/errors.ts';
import { admitStream } from './admission/streams.ts';
import { badRequest, failure, methodNotAllowed, noSuchPath, unauthorized } from './api-errors.ts';
import type { Access } from './auth/access.ts';
import { attributesOf } from './auth/attributes.ts';
import { authorize } from './auth/authorize.ts';
import { impersonate } from './auth/impersonate.ts';
import { mastersGroup } from './auth/user.ts';
import { type HealthCheck, handlePlain, health } from './discovery/handler.ts';
import type { Fairness, Turn } from './fairness/fairness.ts';
import {
  type Answer,
  type PiecesAnswer,
  type StreamAnswer,
  send,
  setWarnings,
  statusAnswer,
} from './http/answer.ts';
import { readBody } from './http/body.ts';
import type { Incoming, Outgoing } from './http/exchange.ts';
import { ClientGone, sendPieces } from './http/pieces.ts';
import { pretty, wantsPretty } from './http/pretty.ts';
import { type RequestInfo, requestInfo } from './http/request-info.ts';
import type { Log } from './log.ts';
import { handleOperation } from './operation/operation.ts';
import type { Call, Services } from './registry/call.ts';
import { handleResource } from './registry/resource-handler.ts';
import { type Recorders, RequestRecord } from './request-record.ts';
import { answerReview, reviewKindOf } from './reviews/reviews.ts';
import type { AgentTls } from './subresources/agent-connection.ts';
import { isPodStream } from './subresources/pod-location.ts';
import { answerLog, refuseWithoutUpgrade } from './subresources/pod-log.ts';
import { answerProxy } from './subresources/proxy.ts';
import { isProxy } from './subresources/proxy-location.ts';

/** What requests are answered with. */
export interface Pipeline extends Services, Recorders {
  readonly access: Access;
  readonly fairness: Fairness;
  readonly checks: readonly HealthCheck[];
  readonly log: Log;
  /** Who this server is to agents; absent: streams of pods are refused. */
  readonly agentTls?: AgentTls | undefined;
  /** Ends of running watches, for shutdown. */
  readonly watches: Set<() => void>;
}

/** What an answer that is made while it is sent counts as, in bytes. */
const longAnswer = 1024 * 1024;
const noBody = Buffer.alloc(0);
const healthPath = /^\/(livez|readyz|healthz)(\/|$)/;

/** Answers a request. Never rejects. */
export async function serve(pipeline: Pipeline, request: Incoming, response: Outgoing): Promise<void> {
  let record: RequestRecord | undefined;
  try {
    const info = readInfo(request);
    if (healthPath.test(info.path)) {
      send(request, response, health(info, pipeline.checks));
      return;
    }
    record = new RequestRecord(pipeline, request, info);
    await authenticated(pipeline, record, response);
  } catch (error) {
    refuse(pipeline, request, response, error, record);
  }
}

async function authenticated(pipeline: Pipeline, record: RequestRecord, response: Outgoing): Promise<void> {
  const { access, fairness } = pipeline;
  const { request, info } = record;
  const known = access.userOf(request);
  if (known === undefined) {
    throw unauthorized();
  }
  record.user = known;
  record.impersonated = impersonate(access.authorizers, known, request);
  const user = record.impersonated ?? known;
  const reads = info.verb === 'get' || info.verb === 'list' || info.verb === 'watch' || info.verb === 'head';
  const body = reads || isProxy(info) ? noBody : await readBody(request);
  await fairness.run(user.name, user.groups.includes(mastersGroup), async (turn) => {
    response.on('close', () => turn.end());
    if (isGone(response)) {
      turn.end();
      record.answered(499);
      return;
    }
    const warnings: string[] = [];
    const call = {
      info,
      user,
      userAgent: String(request.headers['user-agent'] ?? ''),
      warnings,
      annotate: (key: string, value: string) => {
        record.annotations[key] = value;
      },
    };
    const made = reads
      ? await handle(pipeline, record, call, body)
      : await handleWrite(pipeline, record, call, body);
    const answer = wantsPretty(request) ? pretty(made) : made;
    if (isGone(response)) {
      if ('release' in answer) {
        answer.release?.();
      }
      record.answered(499);
      turn.end();
      return;
    }
    turn.work(() => {
      setWarnings(response, warnings);
      if ('stream' in answer) {
        turn.end();
        const ended = record.streaming(answer.code);
        response.on('close', ended);
        answer.stream(response);
        return;
      }
      if ('pieces' in answer) {
        turn.answers(longAnswer);
        sendLong(pipeline, record, response, answer, turn);
      } else {
        turn.answers(answer.body.length);
        send(request, response, answer);
        record.sized(Buffer.byteLength(answer.body));
      }
      record.answered(answer.code);
    });
  });
}

function sendLong(
  { log }: Pipeline,
  record: RequestRecord,
  response: Outgoing,
  answer: PiecesAnswer,
  turn: Turn,
): void {
  const { request } = record;
  sendPieces(request, response, answer, (make) => turn.next(make)).then(
    (bytes) => record.sized(bytes),
    (error: unknown) => {
      if (!(error instanceof ClientGone)) {
        log.error({ err: error, url: request.url?.split('?', 1)[0] }, 'a long answer broke off');
      }
    },
  );
}

/**
 * Handles a write. What it was refused for may be on its way to disk: the refusal is told once that is there, and not at
 * all when it never gets there.
 */
async function handleWrite(
  pipeline: Pipeline,
  record: RequestRecord,
  call: Call,
  body: Buffer,
): ReturnType<typeof handle> {
  try {
    return await handle(pipeline, record, call, body);
  } catch (error) {
    await pipeline.store.settled();
    throw error;
  }
}

async function handle(
  pipeline: Pipeline,
  record: RequestRecord,
  call: Call,
  body: Buffer,
): Promise<Answer | PiecesAnswer | StreamAnswer> {
  const { access, catalog } = pipeline;
  const { info, user } = call;
  record.reason = authorize(access.authorizers, user, attributesOf(info)).reason;
  record.allowed = true;
  const { headers, socket } = record.request;
  if (!info.isResource) {
    return (
      (await handleOperation(pipeline, info, String(headers[':authority'] ?? headers.host ?? ''))) ??
      handlePlain(catalog, info, {
        accept: headers.accept,
        ifNoneMatch: headers['if-none-match'],
        localAddress: `${socket.localAddress ?? ''}:${socket.localPort ?? ''}`,
      })
    );
  }
  if (!catalog.serves(info.group, info.version)) {
    throw noSuchPath();
  }
  if (isProxy(info)) {
    await admitStream(pipeline, call);
    return answerProxy(pipeline, pipeline.agentTls, info, record.request);
  }
  if (info.verb === 'other') {
    throw methodNotAllowed();
  }
  if (isPodStream(info)) {
    return info.subresource === 'log'
      ? answerLog(pipeline, pipeline.agentTls, info)
      : refuseWithoutUpgrade(pipeline, info);
  }
  const { accept, 'content-type': contentType } = headers;
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

/** True when nobody is there any more to be answered. */
function isGone(response: Outgoing): boolean {
  return response.destroyed === true;
}

function readInfo(request: Incoming): RequestInfo {
  try {
    return requestInfo(request.method ?? 'GET', request.url ?? '/');
  } catch (error) {
    throw error instanceof URIError ? badRequest(`the path cannot be read: ${messageOf(error)}`) : error;
  }
}

function refuse(
  { log }: Pipeline,
  request: Incoming,
  response: Outgoing,
  error: unknown,
  record: RequestRecord | undefined,
): void {
  const refusal = apiError(error);
  record?.answered(refusal.code);
  if (refusal.code >= 500) {
    log.error({ err: error, method: request.method, url: request.url?.split('?', 1)[0] }, 'request failed');
  }
  if (response.headersSent) {
    response.end();
    return;
  }
  const answer = statusAnswer(refusal.status);
  send(request, response, wantsPretty(request) ? pretty(answer) : answer);
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
