/** The part of the agent's endpoint that API servers use: kubelet's paths for logs, commands and ports. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ContainerDriver } from '#drivers/pod/driver.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Log } from '#machinery/log.ts';
import { channelProtocols } from '#wire/websocket-channels.ts';
import { podOf, runningRun, type StreamBackend, streamCodes } from './pod-target.ts';
import { readCommand, serveAttach, serveExec } from './serve-command.ts';
import { serveConnect } from './serve-connect.ts';
import { serveLog } from './serve-log.ts';
import { portForwardProtocol, servePorts } from './serve-ports.ts';

/** What is served. */
export interface StreamsOptions {
  readonly backend: StreamBackend;
  readonly driver: ContainerDriver;
  readonly log: Log;
}

/** Streams of pods of this node. */
export class PodStreams {
  readonly #options: StreamsOptions;
  readonly #connections = new Set<Duplex>();
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: 4 * 1024 * 1024,
    perMessageDeflate: false,
    handleProtocols: (offered) => channelProtocols.find((one) => offered.has(one)) ?? false,
  });

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#server.on('headers', (headers, request) => {
      if (isPortForward(request)) headers.push(`Sec-WebSocket-Protocol: ${portForwardProtocol}`);
    });
  }

  /** Answers a request when it is one of these; false for all others. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = urlOf(request);
    const parts = partsOf(url, 'containerLogs', 3);
    if (parts === undefined) {
      return this.#demandUpgrade(request, response, url);
    }
    const [namespace = '', pod = '', container = ''] = parts;
    const { backend, driver } = this.#options;
    try {
      await serveLog(backend, driver, [namespace, pod, container], url.searchParams, response);
    } catch (error) {
      if (response.headersSent) {
        response.destroy();
        return true;
      }
      const { code, body } = refusalOf(error);
      response.writeHead(code, { 'content-type': 'application/json' }).end(body);
    }
    return true;
  }

  /** What is wrong with a stream asked for without an upgrade: 426 when nothing else is. */
  #demandUpgrade(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
    if (!/^\/(exec|attach|portForward)\//.test(url.pathname)) {
      return false;
    }
    let refusal: Refusal = { code: 426, body: '{"message":"Upgrade request required"}' };
    try {
      this.#route(request);
    } catch (error) {
      const { code, body } = refusalOf(error);
      if (!(error instanceof ProtocolError)) refusal = { code, body };
    }
    response.writeHead(refusal.code, { 'content-type': 'application/json' }).end(refusal.body);
    return true;
  }

  /** Answers a request to switch to a WebSocket; others are refused. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    try {
      if (request.headers.upgrade?.toLowerCase() === 'tcp') {
        this.#connect(request, socket, head);
        return;
      }
      const serve = this.#route(request);
      if (isPortForward(request)) {
        // Its name has a slash, which no token may have: strict libraries refuse the handshake for it.
        delete request.headers['sec-websocket-protocol'];
      }
      this.#server.handleUpgrade(request, socket, head, (client) => {
        client.on('error', (error) => this.#options.log.debug({ error: error.message }, 'stream failed'));
        serve(client);
      });
    } catch (error) {
      refuse(socket, refusalOf(error));
    }
  }

  /** Joins a connection of the API server to a port of a pod. @throws PatchbayError `NotFound`, `BadRequest` */
  #connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [namespace = '', name = '', given = ''] = partsOf(urlOf(request), 'podConnect', 3) ?? [];
    const { backend, driver } = this.#options;
    const pod = podOf(backend, namespace, name);
    const port = Number(given);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new PatchbayError('BadRequest', `port ${JSON.stringify(given)} is no port`, { retryable: false });
    }
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
    serveConnect({ driver, netns: backend.netns(pod), pod, port }, socket, head).catch((error: unknown) => {
      refuse(socket, refusalOf(error));
    });
  }

  /** Ends all streams: commands and forwarded connections go with the agent, containers stay. */
  close(): void {
    for (const socket of this.#connections) socket.destroy();
    for (const client of this.#server.clients) client.terminate();
  }

  #route(request: IncomingMessage): (client: WebSocket) => void {
    const { backend, driver, log } = this.#options;
    const url = urlOf(request);
    const ports = partsOf(url, 'portForward', 2);
    if (ports !== undefined) {
      const [namespace = '', name = ''] = ports;
      const pod = podOf(backend, namespace, name);
      demand(request, [portForwardProtocol]);
      return (client) => servePorts(driver, backend.netns(pod), client);
    }
    for (const [word, serve] of [['exec', serveExec] as const, ['attach', serveAttach] as const]) {
      const [namespace = '', name = '', container = ''] = partsOf(url, word, 3) ?? [];
      if (container === '') continue;
      const view = runningRun(backend, podOf(backend, namespace, name), container);
      const query = readCommand(url.searchParams);
      if (word === 'exec' && query.argv.length === 0) {
        throw new PatchbayError('BadRequest', 'you must specify at least 1 command for the container');
      }
      demand(request, channelProtocols);
      return (client) => {
        serve(driver, view, query, client).catch((error: unknown) => {
          log.warn({ error: messageOf(error) }, 'stream failed');
          client.close(1011);
        });
      };
    }
    throw new PatchbayError('NotFound', `there is no ${url.pathname}`, { retryable: false });
  }
}

/** @throws PatchbayError `BadRequest` when the client offers none of the subprotocols */
function demand({ headers }: IncomingMessage, served: readonly string[]): void {
  const offered = String(headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((one) => one.trim());
  if (!served.some((one) => offered.includes(one))) {
    throw new ProtocolError(offered, served);
  }
}

/** Client and node have no subprotocol in common. */
class ProtocolError extends PatchbayError {
  constructor(offered: readonly string[], served: readonly string[]) {
    super(
      'BadRequest',
      `unable to negotiate a protocol: the client offers [${offered.join(' ')}], this node serves [${served.join(' ')}]`,
      { retryable: false },
    );
  }
}

function isPortForward(request: IncomingMessage): boolean {
  return partsOf(urlOf(request), 'portForward', 2) !== undefined;
}

function urlOf(request: IncomingMessage): URL {
  return new URL(request.url ?? '/', 'https://node');
}

function partsOf(url: URL, word: string, count: number): readonly string[] | undefined {
  const [, first, ...rest] = url.pathname.split('/');
  return first === word && rest.length === count ? rest.map(decodeURIComponent) : undefined;
}

interface Refusal {
  readonly code: number;
  readonly body: string;
}

function refusalOf(error: unknown): Refusal {
  const reason = error instanceof PatchbayError ? error.reason : 'InternalError';
  const code = streamCodes[reason] ?? 500;
  return { code, body: JSON.stringify({ status: 'Failure', reason, code, message: messageOf(error) }) };
}

function refuse(socket: Duplex, { code, body }: Refusal): void {
  const head = [
    `HTTP/1.1 ${code} Refused`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
