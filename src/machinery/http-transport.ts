/** Requests to an API server over kept-alive connections; knows HTTP and TLS, no kinds. */
import type * as http from 'node:http';
import * as https from 'node:https';
import type { ClientMetrics } from './client-metrics.ts';
import { ApiError, PatchbayError, type StatusBody } from './errors.ts';
import { httpModule } from './http-module.ts';
import type { Connection } from './kubeconfig.ts';

/** One request. */
export interface TransportRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds until the answer must be whole; 0 = until its head must be there only (watches). */
  readonly timeoutMs: number;
  readonly watch?: boolean;
}

/** Longest wait for the head of a watch's answer, in milliseconds. */
const watchHeadTimeout = 30_000;

/** Sends requests to one server. */
export class HttpTransport {
  readonly #base: URL;
  readonly #agent: http.Agent;
  readonly #watchAgent: http.Agent;
  readonly #request: typeof http.request;
  readonly #token: string | undefined;
  readonly #metrics: ClientMetrics | undefined;

  constructor(connection: Connection, metrics?: ClientMetrics) {
    this.#metrics = metrics;
    this.#base = new URL(connection.server);
    this.#token = connection.token;
    const tls = {
      ...(connection.ca === undefined ? {} : { ca: connection.ca }),
      ...(connection.cert === undefined ? {} : { cert: connection.cert }),
      ...(connection.key === undefined ? {} : { key: connection.key }),
      ...(connection.serverName === undefined ? {} : { servername: connection.serverName }),
      rejectUnauthorized: connection.insecure !== true,
    };
    const secure = this.#base.protocol === 'https:';
    const agent = (options: http.AgentOptions): http.Agent =>
      secure ? new https.Agent({ ...options, ...tls }) : new httpModule.Agent(options);
    // Watches hold their connections for minutes and must not use up those of short requests.
    this.#agent = agent({ keepAlive: true, maxSockets: 16, scheduling: 'lifo' });
    this.#watchAgent = agent({ keepAlive: true, keepAliveMsecs: 15_000 });
    this.#request = secure ? https.request : httpModule.request;
  }

  /**
   * Sends a request and resolves with the head of a 2xx answer. A read that met a connection the server had closed
   * meanwhile is sent again once.
   * @throws ApiError for other answers, PatchbayError `ConnectionFailed` when there is none.
   */
  async send(request: TransportRequest): Promise<http.IncomingMessage> {
    const answer = await this.#once(request);
    const code = answer.statusCode ?? 0;
    if (code >= 200 && code < 300) {
      return answer;
    }
    throw new ApiError(statusOf(code, await readText(answer), answer.headers['retry-after']));
  }

  close(): void {
    this.#agent.destroy();
    this.#watchAgent.destroy();
  }

  async #once(request: TransportRequest): Promise<http.IncomingMessage> {
    try {
      return await this.#attempt(request);
    } catch (error) {
      if (error instanceof StaleConnection && request.method === 'GET') {
        return this.#attempt(request);
      }
      throw error;
    }
  }

  #attempt(request: TransportRequest): Promise<http.IncomingMessage> {
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const what = `${request.method} ${this.#base.origin}${request.path}`;
    const began = performance.now();
    let counted = false;
    const count = (code: number | '<error>'): void => {
      if (!counted) {
        this.#metrics?.answered(this.#base.host, request.method, code, (performance.now() - began) / 1000);
      }
      // An answer may still break off.
      counted = true;
    };
    return new Promise((resolve, reject) => {
      const outgoing = this.#request(this.#base, {
        method: request.method,
        path: `${this.#base.pathname.replace(/\/$/, '')}${request.path}`,
        agent: request.watch === true ? this.#watchAgent : this.#agent,
        headers: this.#headers(request, body),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const stopTimer = deadline(outgoing, request);
      outgoing.once('response', (answer) => {
        count(answer.statusCode ?? 0);
        answer.once('close', stopTimer);
        if (request.timeoutMs === 0) {
          stopTimer();
        }
        resolve(answer);
      });
      outgoing.once('error', (cause) => {
        count('<error>');
        stopTimer();
        reject(connectionError(what, cause, outgoing.reusedSocket));
      });
      outgoing.end(body);
    });
  }

  #headers(request: TransportRequest, body: Buffer | undefined): http.OutgoingHttpHeaders {
    return {
      accept: 'application/json',
      'user-agent': 'patchbay',
      ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      ...(body === undefined
        ? {}
        : { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }),
    };
  }
}

/** The body of an answer as text. */
export async function readText(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
  } catch (cause) {
    throw connectionError('reading the answer', cause, false);
  }
  return Buffer.concat(chunks).toString('utf8');
}

class StaleConnection extends PatchbayError {}

/** A failure to reach the server, or to hear it out. */
export function connectionError(what: string, cause: unknown, reused: boolean): PatchbayError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const stale = reused && (code === 'ECONNRESET' || code === 'EPIPE');
  const type = stale ? StaleConnection : PatchbayError;
  return new type('ConnectionFailed', `${what}: the API server was not reached`, { cause });
}

function deadline(outgoing: http.ClientRequest, request: TransportRequest): () => void {
  const ms = request.timeoutMs === 0 ? watchHeadTimeout : request.timeoutMs;
  const timer = setTimeout(() => outgoing.destroy(new Error(`no answer within ${ms} ms`)), ms);
  return () => clearTimeout(timer);
}

function statusOf(code: number, text: string, retryAfter: string | undefined): StatusBody {
  const seconds = Number(retryAfter);
  const details =
    retryAfter !== undefined && Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : undefined;
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status') {
      const status = body as StatusBody;
      return { ...status, code: status.code ?? code, details: { ...details, ...status.details } };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) {
      throw error;
    }
  }
  return {
    status: 'Failure',
    code,
    reason: httpModule.STATUS_CODES[code]?.replaceAll(' ', '') ?? 'Unknown',
    message: `the server answered ${code}: ${text.slice(0, 500)}`,
    ...(details === undefined ? {} : { details }),
  };
}
