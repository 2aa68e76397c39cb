/** The embedded API server: one store, one catalog of kinds, some addresses. */
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { pino } from 'pino';
import type { KindDefinition } from '#api/kind.ts';
import { type Clock, systemClock } from '#machinery/clock.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { Store } from '#store/store.ts';
import { admissionPlugins } from './admission/plugins.ts';
import { ensureSystemPriorities } from './admission/pods/priority.ts';
import { Access } from './auth/access.ts';
import type { Authorizer } from './auth/authorize.ts';
import { RoleAggregation } from './auth/rbac/aggregation.ts';
import { reconcileDefaultRoles } from './auth/rbac/reconcile.ts';
import { loadSigningKey } from './auth/tokens/signing-key.ts';
import { compactor } from './compactor.ts';
import { CustomKinds } from './crd/custom-kinds.ts';
import { ensureDefaults } from './defaults.ts';
import { outgoing } from './http/exchange.ts';
import type { Log } from './log.ts';
import { type Pipeline, serve } from './pipeline.ts';
import { Catalog } from './registry/catalog.ts';
import { reviewKinds } from './reviews/reviews.ts';

export interface ApiServerOptions {
  readonly kinds: readonly KindDefinition[];
  /** The store; what else the server keeps is beside it: the key that signs tokens (`sa.key`). */
  readonly storePath: string;
  /** Every address listens on its own; port 0 picks one. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** PEM. `ca` signs the clients' certificates. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly clock?: Clock;
  /** Default: pino on standard output, level info. */
  readonly log?: Log;
  /** Asked after the own ones (masters, node, roles). */
  readonly authorizers?: readonly Authorizer[];
}

export interface ApiServer {
  /** `https://HOST:PORT`, in the order of `listen`. */
  readonly urls: readonly string[];
  /** Ends watches, lets running requests finish, commits and closes the store. */
  close(): Promise<void>;
}

/** Longest wait for running requests at shutdown, in milliseconds. */
const drainMs = 5_000;
const keepAliveMs = 180_000;

/** Opens the store and listens. Rejects with `StoreError` or `PatchbayError` (`ListenFailed`); then nothing is left open. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const log: Log = options.log ?? pino({ name: 'apiserver' });
  const clock = options.clock ?? systemClock;
  const store = new Store({ path: options.storePath });
  const servers: Listener[] = [];
  try {
    const catalog = new Catalog([...options.kinds, ...reviewKinds]);
    const access = new Access({
      store,
      clock,
      key: loadSigningKey(path.join(path.dirname(options.storePath), 'sa.key')),
      ...(options.authorizers === undefined ? {} : { authorizers: options.authorizers }),
    });
    const custom = new CustomKinds({ store, catalog, clock, access }, log);
    const pipeline: Pipeline = {
      onDefinition: () => custom.sync(),
      store,
      catalog,
      clock,
      log,
      watches: new Set(),
      checks: [
        ['ping', () => undefined],
        ['store', () => store.failure?.message],
      ],
      access,
      plugins: admissionPlugins({ store, catalog }),
    };
    await Promise.all([
      ensureDefaults(pipeline),
      ensureSystemPriorities(pipeline),
      reconcileDefaultRoles(pipeline),
    ]);
    const aggregation = new RoleAggregation(pipeline, log);
    await aggregation.settle();
    custom.start();
    for (const address of options.listen) {
      servers.push(await listen(pipeline, options.tls, address));
    }
    const stopCompacting = compactor(store, clock, log);
    const urls = servers.map((server) => server.url);
    log.info({ urls, revision: store.revision }, 'API server is ready');
    return { urls, close: () => shutDown(pipeline, servers, custom, stopCompacting) };
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop(0)));
    store.close();
    throw error;
  }
}

async function shutDown(
  pipeline: Pipeline,
  servers: readonly Listener[],
  custom: CustomKinds,
  stopCompacting: () => void,
): Promise<void> {
  stopCompacting();
  const stopped = servers.map((server) => server.stop(drainMs));
  for (const end of [...pipeline.watches]) {
    end();
  }
  await Promise.all([...stopped, custom.close()]);
  pipeline.store.close();
  pipeline.log.info({}, 'API server has stopped');
}

/** One listening address. */
interface Listener {
  readonly url: string;
  /** Stops taking connections, closes idle ones, and cuts the others after `ms`. */
  stop(ms: number): Promise<void>;
}

async function listen(
  pipeline: Pipeline,
  tls: ApiServerOptions['tls'],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listener> {
  const server = createSecureServer(
    {
      cert: tls.cert,
      key: tls.key,
      ca: tls.ca,
      allowHTTP1: true,
      requestCert: true,
      // Who has no certificate may still ask whether the server is well; everything else answers 401.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      settings: { maxConcurrentStreams: 250 },
    },
    (request, response) => void serve(pipeline, request, outgoing(response)),
  );
  Object.assign(server, { keepAliveTimeout: keepAliveMs, headersTimeout: 30_000, requestTimeout: 60_000 });
  const connections = track(server, pipeline.log);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new PatchbayError('ListenFailed', `cannot listen on ${host}:${port}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shown = host.includes(':') ? `[${host}]` : host;
  return { url: `https://${shown}:${address.port}`, stop: (ms) => stop(server, connections, ms) };
}

interface Connections {
  readonly sessions: Set<ServerHttp2Session>;
  readonly sockets: Set<Socket>;
}

function track(server: Http2SecureServer, log: Log): Connections {
  const connections: Connections = { sessions: new Set(), sockets: new Set() };
  server.on('session', (session) => {
    connections.sessions.add(session);
    session.once('close', () => connections.sessions.delete(session));
    session.on('error', (error) => log.warn({ err: error }, 'HTTP/2 session failed'));
  });
  server.on('secureConnection', (socket) => {
    socket.setNoDelay(true);
    connections.sockets.add(socket);
    socket.once('close', () => connections.sockets.delete(socket));
  });
  return connections;
}

function stop(server: Http2SecureServer, { sessions, sockets }: Connections, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const socket of sockets) {
        socket.destroy();
      }
    }, ms);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    for (const session of sessions) {
      session.close();
    }
    Object.assign(server, { keepAliveTimeout: 1 });
    if ('closeIdleConnections' in server && typeof server.closeIdleConnections === 'function') {
      server.closeIdleConnections();
    }
  });
}
