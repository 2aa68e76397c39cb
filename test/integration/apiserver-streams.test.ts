/** Streams of pods against a scripted agent: who is let through, and what becomes of a connection after a refusal. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServerUnderTest, startUnderTest } from './support/streams-server.ts';

let under: ApiServerUnderTest;
let agent: Server;
/** Request lines the agent has seen. */
const seen: string[] = [];
/** How the agent answers upgrades. */
let answer: 'switch' | 'refuse' = 'refuse';

beforeAll(async () => {
  under = await startUnderTest((tls) => {
    agent = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.end('log line\n');
    });
    agent.on('upgrade', (request, socket) => {
      seen.push(`UPGRADE ${request.url}`);
      if (answer === 'refuse') {
        const body = '{"reason":"BadRequest","message":"no such container"}';
        socket.write(`HTTP/1.1 400 Bad Request\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        // Stays open on purpose: an agent that keeps its side does not matter either.
        return;
      }
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
      socket.pipe(socket);
    });
    return new Promise((resolve) => {
      agent.listen(0, '127.0.0.1', () => resolve((agent.address() as AddressInfo).port));
    });
  });
});

afterAll(async () => {
  agent.closeAllConnections();
  agent.close();
  await under.close();
});

const exec = '/api/v1/namespaces/default/pods/web/exec?command=id&container=main';

function upgrade(path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    'host: api',
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol: v5.channel.k8s.io',
    '',
    '',
  ].join('\r\n');
}

/** Sends bytes on one connection and collects what comes until it is closed or `until` is there. */
async function talk(user: 'admin' | 'viewer', bytes: string, until?: string): Promise<string> {
  const socket: TLSSocket = connect({ ...under.clientTls(user), ALPNProtocols: ['http/1.1'] });
  let text = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (until !== undefined && text.includes(until)) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.on('secureConnect', () => socket.write(bytes));
  });
}

describe('a stream', () => {
  test('is joined to the agent once it has switched', async () => {
    answer = 'switch';
    seen.length = 0;
    const text = await talk('admin', `${upgrade(exec)}echo this`, 'echo this');
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(text).toContain('echo this');
    expect(seen).toEqual(['UPGRADE /exec/default/web/main?command=id']);
  });

  test('that an agent refuses leaves nobody connected to it (CVE-2018-1002105)', async () => {
    answer = 'refuse';
    seen.length = 0;
    const smuggled = 'GET /exec/kube-system/other/main?command=id HTTP/1.1\r\nhost: node\r\n\r\n';
    const text = await talk('admin', `${upgrade(exec)}${smuggled}`);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('no such container');
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seen).toEqual(['UPGRADE /exec/default/web/main?command=id']);
  });

  test('of somebody without rights is refused before an agent hears of it, and so is what follows', async () => {
    answer = 'switch';
    seen.length = 0;
    const text = await talk('viewer', `${upgrade(exec)}${upgrade(exec)}`);
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).toContain('pods \\"web\\" is forbidden: User \\"viewer\\" cannot');
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seen).toEqual([]);
  });

  test('by SPDY is refused with what to do', async () => {
    const spdy = upgrade(exec).replace('websocket', 'SPDY/3.1').replace('GET', 'POST');
    expect(await talk('admin', spdy)).toContain('SPDY is not served; streams are WebSockets');
  });

  test('of a log is passed on', async () => {
    seen.length = 0;
    const path = '/api/v1/namespaces/default/pods/web/log?tailLines=3&evil=1';
    const text = await talk('admin', `GET ${path} HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\r\n`);
    expect(text).toContain('log line');
    expect(seen).toEqual(['GET /containerLogs/default/web/main?tailLines=3']);
  });

  test.each([
    ['/api/v1/namespaces/default/pods/none/exec?command=id', 'pods \\"none\\" not found'],
    [
      '/api/v1/namespaces/default/pods/web/exec?command=id&container=x',
      'container x is not valid for pod web',
    ],
    ['/api/v1/namespaces/default/pods/unbound/exec?command=id', 'pod unbound does not have a host assigned'],
  ])('%s is refused in words', async (path, words) => {
    expect(await talk('admin', upgrade(path))).toContain(words);
  });
});
