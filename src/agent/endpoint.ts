/** The agent's HTTPS endpoint: commands in guests and what there is, for administrators with a client certificate. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { GuestExecOptions, GuestExecResult } from '#drivers/guest/driver.ts';
import { parseReachRequest, type ReachRequest } from '#drivers/reach/program.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Log } from '#machinery/log.ts';
import type { PodStreams } from './streams/streams.ts';

/** What the endpoint serves. */
export interface EndpointBackend {
  /** UID of a VMI that runs on this node. */
  findVmi(namespace: string, name: string): string | undefined;
  exec(uid: string, argv: readonly string[], options: GuestExecOptions): Promise<GuestExecResult>;
  sandboxes(): readonly SandboxEntry[];
  /** Measures reachability from a pod's network namespace; undefined when no such pod is on this node. */
  reach(namespace: string, name: string, request: ReachRequest): Promise<GuestExecResult> | undefined;
  vmis(): Promise<readonly VmiEntry[]>;
}

/** A sandbox of a pod. */
export interface SandboxEntry {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly netns: string;
}

/** A guest. */
export interface VmiEntry {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly netns: string;
  readonly status: string;
  readonly pid: number;
  readonly agentConnected: boolean;
  readonly serialLog: string;
}

/** How it listens. */
export interface EndpointOptions {
  /** Absent: every address of the node. */
  readonly host?: string;
  readonly port: number;
  /** Files. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly log: Log;
  /** Streams of pods; absent: none are served. */
  readonly streams?: PodStreams;
}

/** Organisation of client certificates that may use the endpoint. */
const adminGroup = 'system:masters';
const maxBody = 1024 * 1024;
/** Clients keep connections for seconds between requests; those that change something are not sent twice when one was cut. */
const keepAliveMs = 180_000;

/** A running endpoint. */
export interface Endpoint extends AsyncDisposable {
  readonly port: number;
}

/** Listens; rejects when the port is taken. */
export async function startEndpoint(backend: EndpointBackend, options: EndpointOptions): Promise<Endpoint> {
  const { cert, key, ca } = options.tls;
  const server = https.createServer(
    {
      cert: readFileSync(cert),
      key: readFileSync(key),
      ca: readFileSync(ca),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    },
    (request, response) => {
      serve(backend, options.streams, request, response).catch((error: unknown) => {
        options.log.warn({ error: messageOf(error), path: request.url }, 'request failed');
        answer(response, 500, { message: messageOf(error) });
      });
    },
  );
  server.keepAliveTimeout = keepAliveMs;
  server.on('upgrade', (request, socket, head) => {
    if (options.streams === undefined || !isAdmin(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    options.streams.upgrade(request, socket, head);
  });
  server.on('tlsClientError', (error) => options.log.debug({ error: error.message }, 'client refused'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      options.streams?.close();
      await closed;
    },
  };
}

function isAdmin(request: IncomingMessage): boolean {
  const organisation = (request.socket as TLSSocket).getPeerCertificate().subject?.O;
  return [organisation].flat().includes(adminGroup);
}

async function serve(
  backend: EndpointBackend,
  streams: PodStreams | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isAdmin(request)) {
    answer(response, 403, { message: `only clients of ${adminGroup} may use this endpoint` });
    return;
  }
  const path = new URL(request.url ?? '/', 'https://node').pathname;
  const exec = /^\/vmis\/([^/]+)\/([^/]+)\/guest-exec$/.exec(path);
  if (exec !== null) {
    await serveExec(backend, request, response, exec[1] ?? '', exec[2] ?? '');
    return;
  }
  const reach = /^\/pods\/([^/]+)\/([^/]+)\/reach$/.exec(path);
  if (reach !== null && request.method === 'POST') {
    await serveReach(backend, request, response, reach[1] ?? '', reach[2] ?? '');
    return;
  }
  if (request.method === 'GET' && (await streams?.answer(request, response)) === true) {
    return;
  }
  if (request.method !== 'GET') {
    answer(response, 405, { message: `${request.method} is not allowed here` });
  } else if (path === '/sandboxes') {
    answer(response, 200, { items: backend.sandboxes() });
  } else if (path === '/vmis') {
    answer(response, 200, { items: await backend.vmis() });
  } else if (path === '/healthz') {
    answer(response, 200, { status: 'ok' });
  } else {
    answer(response, 404, {
      message: `there is no ${path}; there are /vmis, /sandboxes, /vmis/NAMESPACE/NAME/guest-exec, /pods/NAMESPACE/NAME/reach`,
    });
  }
}

async function serveExec(
  backend: EndpointBackend,
  request: IncomingMessage,
  response: ServerResponse,
  namespace: string,
  name: string,
): Promise<void> {
  if (request.method !== 'POST') {
    answer(response, 405, { message: 'guest-exec is a POST' });
    return;
  }
  const uid = backend.findVmi(decodeURIComponent(namespace), decodeURIComponent(name));
  if (uid === undefined) {
    answer(response, 404, { message: `no VirtualMachineInstance ${namespace}/${name} runs on this node` });
    return;
  }
  try {
    const { argv, input, timeoutMs } = parseExec(await readBody(request));
    const result = await backend.exec(uid, argv, {
      ...(input !== undefined && { input }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
    answer(response, 200, result);
  } catch (error) {
    answerFailure(response, error);
  }
}

async function serveReach(
  backend: EndpointBackend,
  request: IncomingMessage,
  response: ServerResponse,
  namespace: string,
  name: string,
): Promise<void> {
  try {
    const wanted = parseReachRequest(parseBody(await readBody(request)));
    const result = backend.reach(decodeURIComponent(namespace), decodeURIComponent(name), wanted);
    if (result === undefined) {
      answer(response, 404, { message: `no Pod ${namespace}/${name} is on this node` });
    } else {
      answer(response, 200, await result);
    }
  } catch (error) {
    answerFailure(response, error);
  }
}

function answerFailure(response: ServerResponse, error: unknown): void {
  const reason = error instanceof PatchbayError ? error.reason : 'InternalError';
  answer(response, codes[reason] ?? 500, { reason, message: messageOf(error) });
}

const codes: Readonly<Record<string, number>> = {
  InvalidRequest: 400,
  GuestAgentNotConnected: 503,
  GuestAgentTimeout: 504,
  GuestAgentProtocol: 502,
};

function parseExec(text: string): {
  argv: readonly string[];
  input: string | undefined;
  timeoutMs: number | undefined;
} {
  const refuse = (why: string): PatchbayError =>
    new PatchbayError('InvalidRequest', why, { retryable: false });
  const body = parseBody(text);
  const fields = new Map<string, unknown>(
    typeof body === 'object' && body !== null ? Object.entries(body) : [],
  );
  const argv = fields.get('argv');
  const input = fields.get('input');
  const timeoutMs = fields.get('timeoutMs');
  if (!Array.isArray(argv) || argv.length === 0 || !argv.every((word) => typeof word === 'string')) {
    throw refuse('argv must be a list of texts, such as ["ping", "-c", "1", "10.0.2.1"]');
  }
  if (input !== undefined && typeof input !== 'string') {
    throw refuse('input must be a text');
  }
  if (timeoutMs !== undefined && (typeof timeoutMs !== 'number' || timeoutMs <= 0 || timeoutMs > 600_000)) {
    throw refuse('timeoutMs must be a number from 1 to 600000');
  }
  return { argv, input, timeoutMs };
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PatchbayError('InvalidRequest', 'the body is no JSON', { cause, retryable: false });
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > maxBody) {
      throw new PatchbayError('InvalidRequest', `the body is larger than ${maxBody} bytes`, {
        retryable: false,
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString();
}

function answer(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}
