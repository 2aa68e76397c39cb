/** `pods/log`: what the agent has, passed on as it comes. */
import type { IncomingMessage } from 'node:http';
import type { ApiError, StatusBody } from '#machinery/errors.ts';
import { badRequest, failure, methodNotAllowed } from '../api-errors.ts';
import type { StreamAnswer } from '../http/answer.ts';
import type { Outgoing } from '../http/exchange.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Services } from '../registry/call.ts';
import { type AgentTls, askAgent } from './agent-connection.ts';
import { locate } from './pod-location.ts';

/** Answers `GET pods/NAME/log`. Throws what the agent refused with. */
export async function answerLog(
  services: Services,
  tls: AgentTls | undefined,
  info: RequestInfo,
): Promise<StreamAnswer> {
  if (info.verb !== 'get') {
    throw methodNotAllowed();
  }
  const answer = await askAgent(agentTls(tls), locate(services, info), {});
  if (answer.type === 'upgraded') {
    answer.socket.destroy();
    throw failure(502, 'InternalError', 'Internal error occurred: the agent switched protocols unasked');
  }
  if (answer.response.statusCode !== 200) {
    throw await refusalOf(answer.response);
  }
  return {
    stream: (response) => passOn(answer.response, response),
    release: () => answer.response.destroy(),
  };
}

/** An exec, attach or port-forward that does not switch protocols. Throws 404 or 400. */
export function refuseWithoutUpgrade(services: Services, info: RequestInfo): never {
  locate(services, info);
  throw badRequest('Upgrade request required');
}

/** Throws 501 when the server was started without a certificate for agents. */
export function agentTls(tls: AgentTls | undefined): AgentTls {
  if (tls === undefined) {
    throw failure(501, 'NotImplemented', 'this API server has no certificate to reach agents with');
  }
  return tls;
}

/** The Status in an agent's refusal. */
export async function refusalOf(response: IncomingMessage): Promise<ApiError> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= 64 * 1024) chunks.push(chunk);
  }
  const code = response.statusCode ?? 500;
  const text = Buffer.concat(chunks).toString();
  try {
    const { message, reason } = JSON.parse(text) as StatusBody;
    return failure(code, reason ?? 'InternalError', message ?? text);
  } catch {
    return failure(code, 'InternalError', text.slice(0, 1024));
  }
}

function passOn(from: IncomingMessage, to: Outgoing): void {
  to.statusCode = 200;
  to.setHeader('content-type', 'text/plain');
  to.setHeader('cache-control', 'no-cache, private');
  to.flushHeaders?.();
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  to.on('close', () => from.destroy());
  from.once('end', () => to.end());
  from.once('error', () => to.end());
}
