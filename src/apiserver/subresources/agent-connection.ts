/** Connections to agents: TLS both ways, by the cluster's authority. */
import type { request as httpRequest, IncomingMessage } from 'node:http';
import https from 'node:https';
import { PatchbayError } from '#machinery/errors.ts';
import { failure } from '../api-errors.ts';
import type { AgentTarget } from './pod-location.ts';

/** PEM: who we are to agents, and who signed theirs. */
export interface AgentTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Milliseconds until an agent must have answered with a head. */
const headMs = 30_000;

/** What an agent answered: an ordinary response, or a stream it switched to. */
export type AgentAnswer =
  | { readonly type: 'response'; readonly response: IncomingMessage }
  | {
      readonly type: 'upgraded';
      readonly response: IncomingMessage;
      readonly socket: import('node:stream').Duplex;
      readonly head: Buffer;
    };

/** Asks an agent. Rejects with 502 or 503 when it is not reached. */
export function askAgent(
  tls: AgentTls,
  target: AgentTarget,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<AgentAnswer> {
  const { host, port, path } = target;
  return new Promise((resolve, reject) => {
    const request: ReturnType<typeof httpRequest> = https.request({
      host,
      port,
      path,
      method: 'GET',
      headers,
      cert: tls.cert,
      key: tls.key,
      ca: tls.ca,
      agent: false,
      ...(signal !== undefined && { signal }),
    });
    request.setTimeout(headMs, () =>
      request.destroy(new PatchbayError('Timeout', `no answer within ${headMs} ms`)),
    );
    request.once('response', (response) => {
      request.setTimeout(0);
      resolve({ type: 'response', response });
    });
    request.once('upgrade', (response, socket, head) => {
      socket.setTimeout(0);
      resolve({ type: 'upgraded', response, socket, head });
    });
    request.once('error', (cause) => {
      const message = `error dialing backend: dial tcp ${host}:${port}: ${cause.message}`;
      reject(failure(500, 'InternalError', `Internal error occurred: ${message}`));
    });
    request.end();
  });
}
