/** One listening address: HTTP/1.1 and HTTP/2 over TLS, and its end without waiting for idle clients. */

import type { IncomingMessage } from 'node:http';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PatchbayError } from '#machinery/errors.ts';
import type { Log } from '../log.ts';
import { type Incoming, type Outgoing, outgoing } from './exchange.ts';
import { SilentConnections } from './silent.ts';
import { limitUpload } from './upload-limit.ts';

/** PEM. `ca` signs the clients' certificates. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Where to listen. */
export interface ListenerAddress {
  readonly host: string;
  readonly port: number;
}

/** One listening address. */
export interface Listener {
  readonly url: string;
  /** Stops taking connections, closes idle ones at once and busy ones when they are done, and cuts those left after `ms`. */
  stop(ms: number): Promise<void>;
}

/** What is done with requests. Must not throw. */
export interface Handlers {
  serve(request: Incoming, response: Outgoing): void;
  /** A request of HTTP/1.1 that wants to switch protocols; nobody else reads its connection any more. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

const keepAliveMs = 180_000;
/** How long a client may take to hear that its connection ends. */
const goodbyeMs = 500;

/** Listens. Rejects with PatchbayError `ListenFailed`. */
export async function listen(
  handlers: Handlers,
  tls: ListenerTls,
  { host, port }: ListenerAddress,
  log: Log,
): Promise<Listener> {
  const connections = new Connections();
  const server = createSecureServer(
    {
      cert: tls.cert,
      key: tls.key,
      ca: tls.ca,
      allowHTTP1: true,
      requestCert: true,
      // Who has no certificate may have a token, or ask whether the server is well; everything else answers 401.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: 10_000,
      settings: { maxConcurrentStreams: 250 },
    },
    (request, response) => {
      const out = outgoing(response);
      connections.begin(request, out);
      limitUpload(request, out);
      handlers.serve(request, out);
    },
  );
  Object.assign(server, { keepAliveTimeout: keepAliveMs, headersTimeout: 30_000, requestTimeout: 0 });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    connections.upgraded(socket);
    if (isSwitch(request)) {
      handlers.upgrade(request, socket, head);
    } else {
      // What a client may offer besides HTTP is none of our business: answered like any other request.
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    }
  });
  connections.follow(server, log);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new PatchbayError('ListenFailed', `cannot listen on ${host}:${port}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  return { url: `https://${shown}:${address.port}`, stop: (ms) => connections.stop(server, ms) };
}

/** Streams of pods ask for these; HTTP/2 over an upgrade is offered only without TLS. */
function isSwitch({ headers }: IncomingMessage): boolean {
  return /^(websocket|spdy\/)/i.test(headers.upgrade ?? '');
}

/**
 * Has Node read an HTTP/1.1 connection as a stream instead of straight from TLS. A server pauses reading while an answer
 * above the high-water mark leaves; what TLS had decrypted already would still reach the paused parser, which then fails
 * (HPE_PAUSED) and the connection with it: a client that sent a big body right after a big answer saw ECONNRESET.
 */
function readByStream(socket: Socket): void {
  socket.on('data', () => undefined);
}

/** Says goodbye, so that a client does not send its next request into a connection that is gone; waits for it a moment only. */
function finish(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), goodbyeMs);
  socket.once('close', () => clearTimeout(timer));
}

/** Open connections and how many requests each is busy with. */
class Connections {
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #busy = new Map<Socket, number>();
  /** As they were accepted: below TLS, which may not be there yet. */
  readonly #raw = new Set<Socket>();
  readonly #silent = new SilentConnections();
  #stopping = false;

  follow(server: Http2SecureServer, log: Log): void {
    server.on('session', (session) => {
      this.#sessions.add(session);
      this.#silent.add(session);
      session.once('stream', () => this.#silent.delete(session));
      session.once('close', () => {
        this.#sessions.delete(session);
        this.#silent.delete(session);
      });
      session.on('error', (error) => log.warn({ err: error }, 'HTTP/2 session failed'));
    });
    server.on('connection', (socket: Socket) => {
      this.#raw.add(socket);
      socket.once('close', () => this.#raw.delete(socket));
    });
    server.on('secureConnection', (socket) => {
      if (this.#stopping) {
        socket.destroy();
        return;
      }
      socket.setNoDelay(true);
      if (socket.alpnProtocol !== 'h2') {
        readByStream(socket);
        this.#silent.add(socket);
      }
      this.#busy.set(socket, 0);
      socket.once('close', () => {
        this.#busy.delete(socket);
        this.#silent.delete(socket);
      });
    });
  }

  /** Node hands it out and tells of no request. */
  upgraded(socket: Duplex): void {
    this.#silent.delete(socket);
  }

  /** Over HTTP/1.1; sessions of HTTP/2 count their own streams. */
  begin(request: Incoming, response: Outgoing): void {
    if ('stream' in request) {
      return;
    }
    const { socket } = request;
    this.#silent.delete(socket);
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1);
    response.on('close', () => {
      const left = (this.#busy.get(socket) ?? 1) - 1;
      if (!socket.destroyed) {
        this.#busy.set(socket, left);
      }
      if (this.#stopping && left === 0) {
        finish(socket);
      }
    });
  }

  stop(server: Http2SecureServer, ms: number): Promise<void> {
    this.#stopping = true;
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        for (const socket of this.#raw) {
          socket.destroy();
        }
      }, ms);
      server.close(() => {
        clearTimeout(cut);
        resolve();
      });
      for (const session of this.#sessions) {
        session.close();
      }
      const ofSessions = new Set([...this.#sessions].map(({ socket }) => socket.remotePort));
      for (const [socket, requests] of this.#busy) {
        // A client that keeps its connection for later learns so at once; its next request opens another one.
        if (requests === 0 && !ofSessions.has(socket.remotePort)) {
          finish(socket);
        }
      }
      const secured = new Set([...this.#busy.keys()].map(({ remotePort }) => remotePort));
      for (const socket of this.#raw) {
        if (!secured.has(socket.remotePort)) {
          socket.destroy();
        }
      }
    });
  }
}
