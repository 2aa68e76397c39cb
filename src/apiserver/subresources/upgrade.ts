/**
 * Requests that switch protocols: exec, attach and port-forward of pods. The client's connection is joined to the
 * agent's only after the agent answered 101; after any other answer it is closed, so that nothing a client sends behind
 * its request ever reaches an agent under the server's name (CVE-2018-1002105).
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, messageOf } from '#machinery/errors.ts';
import { admitStream } from '../admission/streams.ts';
import { badRequest, failure, noSuchPath, unauthorized } from '../api-errors.ts';
import { attributesOf } from '../auth/attributes.ts';
import { authorize } from '../auth/authorize.ts';
import { impersonate } from '../auth/impersonate.ts';
import { requestInfo } from '../http/request-info.ts';
import type { Pipeline } from '../pipeline.ts';
import { RequestRecord } from '../request-record.ts';
import { type AgentAnswer, askAgent } from './agent-connection.ts';
import { isPodStream, locate } from './pod-location.ts';
import { agentTls, refusalOf } from './pod-log.ts';
import { joinProxy } from './proxy.ts';
import { isProxy } from './proxy-location.ts';

/** Headers of a WebSocket handshake that mean something to the agent. */
const passedHeaders = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'user-agent',
] as const;

/** Answers a request to switch protocols. Never rejects. */
export async function serveUpgrade(
  pipeline: Pipeline,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  let record: RequestRecord | undefined;
  try {
    const info = requestInfo(request.method ?? 'GET', request.url ?? '/');
    record = new RequestRecord(pipeline, request, info);
    await join(pipeline, record, socket, head);
  } catch (error) {
    const refusal = asApiError(error);
    record?.answered(refusal.code);
    if (refusal.code >= 500) {
      pipeline.log.warn({ error: messageOf(error), url: request.url?.split('?', 1)[0] }, 'stream refused');
    }
    refuse(socket, refusal);
  }
}

async function join(pipeline: Pipeline, record: RequestRecord, socket: Duplex, head: Buffer): Promise<void> {
  const { access } = pipeline;
  const { info } = record;
  const request = record.request as IncomingMessage;
  const known = access.userOf(request);
  if (known === undefined) {
    throw unauthorized();
  }
  record.user = known;
  record.impersonated = impersonate(access.authorizers, known, request);
  const user = record.impersonated ?? known;
  const attributes = attributesOf(info);
  record.reason = authorize(access.authorizers, user, attributes).reason;
  const proxied = isProxy(info);
  if (!proxied && (!isPodStream(info) || info.subresource === 'log')) {
    throw noSuchPath();
  }
  // A WebSocket handshake is a GET: who may only look must not run commands by it.
  if (!proxied) {
    authorize(access.authorizers, user, { ...attributes, verb: 'create' });
  }
  record.allowed = true;
  const { annotations } = record;
  await admitStream(pipeline, {
    info,
    user,
    userAgent: String(request.headers['user-agent'] ?? ''),
    warnings: [],
    annotate: (key: string, value: string) => {
      annotations[key] = value;
    },
  });
  if (proxied) {
    const code = await joinProxy(pipeline, pipeline.agentTls, info, request, (pod, early, switched) => {
      socket.write(switched);
      connect(pipeline, socket, early, pod, head);
    });
    record.answered(code);
    return;
  }
  const target = locate(pipeline, info);
  const tls = agentTls(pipeline.agentTls);
  if (!isWebSocket(request)) {
    throw await refusalOfOthers(request, () => askAgent(tls, target, {}));
  }
  const answer = await askAgent(tls, target, handshake(request));
  if (answer.type === 'response') {
    throw await refusalOf(answer.response);
  }
  if (socket.destroyed) {
    answer.socket.destroy();
    return;
  }
  socket.write(switching(answer.response));
  record.answered(101);
  connect(pipeline, socket, head, answer.socket, answer.head);
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * kubectl tries SPDY after a WebSocket was refused, and shows what it is told then: what is wrong with the pod, when
 * anything is.
 */
async function refusalOfOthers(
  { headers }: IncomingMessage,
  ask: () => Promise<AgentAnswer>,
): Promise<ApiError> {
  const answer = await ask();
  if (answer.type === 'response' && ![200, 426].includes(answer.response.statusCode ?? 0)) {
    return refusalOf(answer.response);
  }
  if (answer.type === 'response') answer.response.resume();
  else answer.socket.destroy();
  return /^spdy\//i.test(headers.upgrade ?? '')
    ? badRequest(
        'SPDY is not served; streams are WebSockets (subprotocol v5.channel.k8s.io). Use kubectl 1.31 or later, and do not set KUBECTL_REMOTE_COMMAND_WEBSOCKETS or KUBECTL_PORT_FORWARD_WEBSOCKETS to false',
      )
    : badRequest(`upgrade to ${JSON.stringify(headers.upgrade)} is not served; allowed is websocket`);
}

function handshake({ headers }: IncomingMessage): Record<string, string> {
  const passed = passedHeaders.flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return { connection: 'Upgrade', upgrade: 'websocket', ...Object.fromEntries(passed) };
}

function switching({ headers }: IncomingMessage): string {
  const lines = ['sec-websocket-accept', 'sec-websocket-protocol'].flatMap((name) => {
    const value = headers[name];
    return typeof value === 'string' ? [`${name}: ${value}`] : [];
  });
  return [
    'HTTP/1.1 101 Switching Protocols',
    'upgrade: websocket',
    'connection: Upgrade',
    ...lines,
    '',
    '',
  ].join('\r\n');
}

function connect(pipeline: Pipeline, client: Duplex, early: Buffer, agent: Duplex, head: Buffer): void {
  const end = (): void => {
    client.destroy();
    agent.destroy();
  };
  pipeline.watches.add(end);
  for (const each of [client, agent]) {
    each.on('error', end);
    each.once('close', () => {
      pipeline.watches.delete(end);
      // What is on its way to the other side still arrives.
      client.end();
      agent.end();
    });
  }
  if (head.length > 0) client.write(head);
  if (early.length > 0) agent.write(early);
  client.pipe(agent);
  agent.pipe(client);
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) {
    return error;
  }
  return error instanceof URIError
    ? badRequest(`the path cannot be read: ${error.message}`)
    : failure(
        500,
        'InternalError',
        'Internal error occurred: the stream could not be opened; the log says more',
      );
}

/** Answers and closes: the connection is good for nothing else. */
function refuse(socket: Duplex, { code, status }: ApiError): void {
  const body = JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, ...status });
  socket.end(
    [
      `HTTP/1.1 ${code} ${status.reason ?? 'Refused'}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  );
}
