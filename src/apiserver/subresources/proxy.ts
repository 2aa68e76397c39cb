/** `pods/proxy` and `services/proxy`: any request, passed on into a pod (apimachinery `util/proxy/upgradeaware.go`). */
import type { IncomingMessage } from 'node:http';
import { type Duplex, pipeline as pipe, type Readable, type Writable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { messageOf } from '#machinery/errors.ts';
import { httpModule } from '#machinery/http-module.ts';
import type { Answer, StreamAnswer } from '../http/answer.ts';
import type { Incoming, Outgoing } from '../http/exchange.ts';
import type { RequestInfo } from '../http/request-info.ts';
import { allowLongUpload } from '../http/upload-limit.ts';
import type { Services } from '../registry/call.ts';
import type { AgentTls } from './agent-connection.ts';
import { agentTls } from './pod-log.ts';
import {
  type Headers,
  type ProxyPaths,
  proxyPaths,
  requestHeaders,
  responseHeaders,
} from './proxy-headers.ts';
import { htmlRewriter } from './proxy-html.ts';
import { locateProxy, type ProxyTarget, unreachable } from './proxy-location.ts';
import { openTunnel } from './proxy-tunnel.ts';

/** Slashes up to and with the one before `proxy` in `/api/v1/namespaces/NS/pods/NAME/proxy`. */
const SLASHES = 7;

/** A request on its way into a pod. */
interface Passing {
  readonly request: Incoming;
  readonly target: ProxyTarget;
  readonly paths: ProxyPaths;
}

/** Answers a request with what the pod answers. Throws 400, 404 or 503. */
export async function answerProxy(
  services: Services,
  tls: AgentTls | undefined,
  info: RequestInfo,
  request: Incoming,
): Promise<Answer | StreamAnswer> {
  const target = locateProxy(services, info);
  const paths = proxyPaths(request.url ?? '/', SLASHES);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (paths.path === '' && isRead) {
    // Relative links of the page would miss the pod.
    return { code: 301, body: '', headers: { location: `${paths.prefix}/${paths.query}` } };
  }
  const tunnel = await openTunnel(agentTls(tls), target);
  const passing = { request, target, paths };
  const response = await ask(passing, tunnel);
  return {
    stream: (to) => passOn(passing, response, to),
    code: response.statusCode ?? 502,
    release: () => response.destroy(),
  };
}

/** Asks a pod to switch protocols and gives its client what it answers, whatever that is. Resolves with the status code. */
export async function joinProxy(
  services: Services,
  tls: AgentTls | undefined,
  info: RequestInfo,
  request: IncomingMessage,
  connect: (pod: Duplex, head: Buffer, early: string) => void,
): Promise<number> {
  const target = locateProxy(services, info);
  const paths = proxyPaths(request.url ?? '/', SLASHES);
  const tunnel = await openTunnel(agentTls(tls), target);
  const asked = asking({ request, target, paths }, tunnel, {
    connection: 'Upgrade',
    upgrade: request.headers.upgrade ?? '',
  });
  return new Promise((resolve, reject) => {
    asked.once('upgrade', (response, socket, head) => {
      connect(
        socket,
        head,
        rawHead(response, { connection: 'Upgrade', upgrade: response.headers.upgrade ?? '' }),
      );
      resolve(101);
    });
    asked.once('response', (response) => {
      const code = response.statusCode ?? 502;
      // Its end is the connection's: nothing that the client sends behind reaches the pod.
      connect(response as unknown as Duplex, Buffer.alloc(0), rawHead(response, { connection: 'close' }));
      resolve(code);
    });
    asked.once('error', (error) => reject(unreachable(messageOf(error))));
    asked.end();
  });
}

function asking({ request, target, paths }: Passing, tunnel: Duplex, more: Headers = {}) {
  const headers = requestHeaders(request.headers, {
    host: target.host,
    paths,
    client: request.socket.remoteAddress ?? '',
  });
  return httpModule.request({
    createConnection: () => tunnel,
    method: request.method ?? 'GET',
    path: `${paths.path === '' ? '/' : paths.path}${paths.query}`,
    headers: { ...headers, ...more },
    setHost: false,
  });
}

function ask(passing: Passing, tunnel: Duplex): Promise<IncomingMessage> {
  const { request } = passing;
  return new Promise((resolve, reject) => {
    const asked = asking(passing, tunnel);
    asked.once('response', resolve);
    asked.once('error', (error) => reject(unreachable(messageOf(error))));
    // A client that goes away takes its request along.
    const gone = () => asked.destroy();
    request.once('aborted', gone);
    asked.once('response', () => request.off('aborted', gone));
    if ((request as Readable).readableAborted) {
      gone();
    } else {
      allowLongUpload(request);
      (request as Readable).pipe(asked);
    }
  });
}

function passOn({ request, target, paths }: Passing, from: IncomingMessage, to: Outgoing): void {
  const hosts = [target.host, String(request.headers[':authority'] ?? request.headers.host ?? '')];
  const headers = responseHeaders(from.headers, paths, hosts);
  const isPage = (from.headers['content-type'] ?? '').split(';', 1)[0]?.trim() === 'text/html';
  const decoder = isPage ? decoderOf(from.headers['content-encoding']) : undefined;
  const rewrites = isPage && from.headers.location === undefined && decoder !== undefined;
  if (rewrites) {
    delete headers['content-length'];
    delete headers['content-encoding'];
  }
  to.statusCode = from.statusCode ?? 502;
  for (const [name, value] of Object.entries(headers)) {
    to.setHeader(name, value);
  }
  to.flushHeaders?.();
  const steps = rewrites ? [...decoder, htmlRewriter(paths.prefix, hosts)] : [];
  pipe([from, ...steps, to as unknown as Writable], (error) => {
    if (error) {
      to.destroy();
    }
  });
}

/** What makes plain bytes of it; undefined when nothing here can. */
function decoderOf(encoding: string | undefined): readonly ReturnType<typeof createGunzip>[] | undefined {
  switch (encoding ?? '') {
    case '':
    case 'identity':
      return [];
    case 'gzip':
      return [createGunzip()];
    case 'deflate':
      return [createInflate()];
    default:
      return undefined;
  }
}

function rawHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage, more: Headers): string {
  const lines = [`HTTP/1.1 ${statusCode ?? 502} ${statusMessage ?? ''}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (!/^(?:connection|upgrade|transfer-encoding|keep-alive|access-control-.*)$/i.test(name)) {
      lines.push(`${name}: ${rawHeaders[at + 1]}`);
    }
  }
  lines.push(...Object.entries(more).map(([name, value]) => `${name}: ${[value].flat().join(', ')}`));
  return `${lines.join('\r\n')}\r\n\r\n`;
}
