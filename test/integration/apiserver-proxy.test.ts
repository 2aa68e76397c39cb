/** Requests into pods: the API server, the agent's half of the connection and a program that listens; only the node is missing. */
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { PodStreams } from '#agent/streams/streams.ts';
import type { ContainerDriver } from '#drivers/pod/driver.ts';
import { connectIn, reachesIn } from '#drivers/pod/exec.ts';
import { silentLog } from '#machinery/log.ts';
import { NODE } from '#node-state/resource.ts';
import { type ApiServerUnderTest, startUnderTest } from './support/streams-server.ts';

/** What pods listen on: pods have addresses of their own, never loopback. */
const ip =
  Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address ?? '';

let under: ApiServerUnderTest;
let agent: https.Server;
let program: Server;
let secure: https.Server;
let port = 0;
let securePort = 0;
const streams = new PodStreams({
  backend: {
    findPod: (namespace, name) =>
      namespace === 'default' && name === 'web'
        ? { metadata: { name, namespace }, spec: { containers: [] }, status: { podIP: ip } }
        : undefined,
    views: () => [],
    netns: () => NODE,
    serialLog: () => Promise.resolve(undefined),
  },
  driver: { connect: connectIn, reaches: reachesIn } as unknown as ContainerDriver,
  log: silentLog,
});

beforeAll(async () => {
  under = await startUnderTest((tls) => {
    agent = https.createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (_, response) => {
      response.writeHead(404).end();
    });
    agent.on('upgrade', (request, socket, head) => streams.upgrade(request, socket, head));
    secure = https.createServer(tls, (request, response) => response.end(`secure ${request.url}`));
    return listen(agent, '127.0.0.1');
  });
  program = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request.url ?? '', request, Buffer.concat(chunks), response));
  });
  const sockets = new WebSocketServer({ server: program });
  sockets.on('connection', (socket, request) => {
    socket.on('message', (data: Buffer) => socket.send(`${request.url} ${data.toString()}`));
  });
  port = await listen(program, ip);
  securePort = await listen(secure, ip);
  const admin = (method: string, path: string, body: object, type?: string) =>
    ask(method, `/api/v1/namespaces/default${path}`, {
      body: JSON.stringify(body),
      headers: { 'content-type': type ?? 'application/json' },
    });
  await admin(
    'PATCH',
    '/pods/web/status',
    { status: { podIPs: [{ ip }], podIP: ip } },
    'application/merge-patch+json',
  );
  await admin('POST', '/services', {
    metadata: { name: 'svc' },
    spec: { ports: [{ name: 'http', port: 80 }] },
  });
  await admin('POST', '/services', { metadata: { name: 'empty' }, spec: { ports: [{ port: 80 }] } });
  await admin('POST', '/endpoints', { metadata: { name: 'empty' } });
  await admin('POST', '/endpoints', {
    metadata: { name: 'svc' },
    subsets: [
      {
        addresses: [{ ip, targetRef: { kind: 'Pod', namespace: 'default', name: 'web' } }],
        ports: [{ name: 'http', port }],
      },
    ],
  });
});

afterAll(async () => {
  streams.close();
  await under.close();
  for (const server of [agent, program, secure]) {
    server.closeAllConnections();
    server.close();
  }
});

function listen(server: Server | https.Server, host: string): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });
}

type Response = Parameters<NonNullable<Parameters<typeof createServer>[1]>>[1];

function answer(
  url: string,
  request: import('node:http').IncomingMessage,
  body: Buffer,
  response: Response,
): void {
  const { method, headers } = request;
  if (url === '/page') {
    const page = gzipSync('<a href="/next">next</a>');
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-encoding': 'gzip' })
      .end(page);
  } else if (url === '/moved') {
    response.writeHead(302, { location: `http://${headers.host}/there` }).end();
  } else if (url === '/teapot') {
    response
      .writeHead(418, { 'access-control-allow-origin': '*', 'set-cookie': ['a=1', 'b=2'] })
      .end('short and stout');
  } else {
    response.end(JSON.stringify({ method, url, headers, length: body.length }));
  }
}

interface Sent {
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly as?: 'admin' | 'viewer';
}

function ask(method: string, path: string, { body, headers = {}, as = 'admin' }: Sent = {}) {
  return new Promise<{ code: number; text: string; headers: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const sent = https.request({
        ...under.clientTls(as),
        method,
        path,
        headers: { ...headers, ...length },
        agent: false,
      });
      sent.once('error', reject);
      sent.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            code: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            headers: response.headers,
          }),
        );
      });
      sent.end(body);
    },
  );
}

const pods = '/api/v1/namespaces/default/pods';
const proxy = (rest = '', name = `web:${port}`) => `${pods}/${name}/proxy${rest}`;

describe('a request', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    '%s reaches the pod as it was sent',
    async (method) => {
      const sent = { body: 'hello', headers: { authorization: 'Bearer x', accept: 'text/x' } };
      const { code, text } = await ask(
        method,
        proxy('/a%2Fb/?q=1&q=2'),
        method === 'GET' ? { headers: sent.headers } : sent,
      );
      expect([code, JSON.parse(text)]).toEqual([
        200,
        {
          method,
          url: '/a%2Fb/?q=1&q=2',
          length: method === 'GET' ? 0 : 5,
          headers: expect.objectContaining({
            host: `${ip}:${port}`,
            accept: 'text/x',
            'x-forwarded-uri': proxy('/a%2Fb/'),
            'x-forwarded-for': '127.0.0.1',
          }),
        },
      ]);
      expect(text).not.toContain('Bearer');
    },
  );

  test('may be longer than objects may be, and come over HTTP/2', async () => {
    const { text } = await ask('POST', proxy('/'), { body: Buffer.alloc(5 * 1024 * 1024, 'x') });
    expect(JSON.parse(text)).toMatchObject({ length: 5 * 1024 * 1024 });
    const { host, port: at, ...tls } = under.clientTls('admin');
    const session = connectHttp2(`https://${host}:${at}`, tls);
    const stream = session.request({ ':method': 'POST', ':path': proxy('/two') });
    stream.end('12');
    const chunks = (await stream.toArray()) as Buffer[];
    session.close();
    expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ url: '/two', length: 2 });
  });

  test('gets what the pod answers, with links and locations that lead back', async () => {
    const teapot = await ask('GET', proxy('/teapot'));
    expect([teapot.code, teapot.text, teapot.headers['set-cookie']]).toEqual([
      418,
      'short and stout',
      ['a=1', 'b=2'],
    ]);
    expect(teapot.headers['access-control-allow-origin']).toBeUndefined();
    const page = await ask('GET', proxy('/page'));
    expect(page.text).toBe(`<a href="${proxy('/next')}">next</a>`);
    const moved = await ask('GET', proxy('/moved'));
    expect([moved.code, moved.headers['location']]).toEqual([302, proxy('/there')]);
    const bare = await ask('GET', proxy('?a=1'));
    expect([bare.code, bare.headers['location']]).toEqual([301, proxy('/?a=1')]);
    expect((await ask('HEAD', proxy('/page'))).code).toBe(200);
  });

  test('over TLS, with whatever certificate', async () => {
    expect((await ask('GET', proxy('/s', `https:web:${securePort}`))).text).toBe('secure /s');
  });

  test('to a service goes to one of its pods', async () => {
    const services = '/api/v1/namespaces/default/services';
    for (const name of ['svc:http', 'svc:80', 'http:svc:http']) {
      const { code, text } = await ask('GET', `${services}/${name}/proxy/s`);
      expect(code, text).toBe(200);
      expect(JSON.parse(text)).toMatchObject({ url: '/s', headers: { host: `${ip}:${port}` } });
    }
    const answers = await Promise.all(
      ['svc:81', 'svc:other', 'empty', 'none'].map((name) => ask('GET', `${services}/${name}/proxy/`)),
    );
    expect(
      answers.map(({ code, text }) => [code, (JSON.parse(text) as { message: string }).message]),
    ).toEqual([
      [503, 'no service port 81 found for service "svc"'],
      [503, 'no endpoints available for service "svc:other"'],
      [503, 'no endpoints available for service "empty"'],
      [404, 'services "none" not found'],
    ]);
  });
});

test('what cannot be reached is told in words', async () => {
  const closed = createServer();
  const free = await listen(closed, ip);
  await new Promise((resolve) => {
    closed.close(resolve);
  });
  const names = [`web:${free}`, 'web:named', 'ftp:web:80', 'none:80', 'unbound:80'];
  const answers = await Promise.all(names.map((name) => ask('GET', proxy('/', name))));
  expect(answers.map(({ code, text }) => [code, (JSON.parse(text) as { message: string }).message])).toEqual([
    [503, `error trying to reach service: dial tcp ${ip}:${free}: connect: connection refused`],
    [503, 'error trying to reach service: dial tcp: lookup tcp/named: unknown port'],
    [400, 'invalid pod request "ftp:web:80"'],
    [404, 'pods "none" not found'],
    [400, 'address not allowed'],
  ]);
});

test('a client that goes away takes its request along', async () => {
  const left = new Promise((resolve) => {
    program.once('request', (request) => request.once('close', resolve));
  });
  const sent = https.request({
    ...under.clientTls('admin'),
    method: 'POST',
    path: proxy('/upload'),
    headers: { 'content-length': '1000000' },
    agent: false,
  });
  sent.once('error', () => undefined);
  sent.write('x');
  await new Promise((resolve) => {
    program.once('request', resolve);
  });
  sent.destroy();
  await left;
});

test('each verb needs its right', async () => {
  const refusals = await Promise.all(
    (['GET', 'POST', 'DELETE'] as const).map((method) => ask(method, proxy('/'), { as: 'viewer' })),
  );
  const why = (verb: string) =>
    `pods "web:${port}" is forbidden: User "viewer" cannot ${verb} resource "pods/proxy" in API group "" in the namespace "default"`;
  expect(refusals.map(({ code, text }) => [code, (JSON.parse(text) as { message: string }).message])).toEqual(
    [
      [403, why('get')],
      [403, why('create')],
      [403, why('delete')],
    ],
  );
});

describe('a WebSocket', () => {
  const open = (path: string, as: 'admin' | 'viewer') => {
    const { host, port: at, ...tls } = under.clientTls(as);
    return new WebSocket(`wss://${host}:${at}${path}`, tls);
  };

  test('reaches the pod', async () => {
    const socket = open(proxy('/ws?x=1'), 'admin');
    const said = await new Promise<string>((resolve, reject) => {
      socket.once('open', () => socket.send('hello'));
      socket.once('message', (data: Buffer) => resolve(data.toString()));
      socket.once('error', reject);
    });
    socket.close();
    expect(said).toBe('/ws?x=1 hello');
  });

  test('needs the right, too, and a pod that refuses is heard', async () => {
    const refused = (path: string, as: 'admin' | 'viewer') =>
      new Promise<number | undefined>((resolve) => {
        const socket = open(path, as);
        socket.once('unexpected-response', (_, response) => resolve(response.statusCode));
        socket.once('error', () => undefined);
      });
    expect(await refused(proxy('/ws'), 'viewer')).toBe(403);
    expect(await refused(proxy('/ws', 'web:1'), 'admin')).toBe(503);
  });
});
