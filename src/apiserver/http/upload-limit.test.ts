import { once } from 'node:events';
import { request as ask, type ClientRequest, createServer, type IncomingMessage } from 'node:http';
import { connect, constants, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { outgoing } from './exchange.ts';
import { allowLongUpload, limitUpload } from './upload-limit.ts';

/** Answers with the body that came; a path `/long` may take its time. */
async function open(limitMs: number): Promise<(path: string, first: string) => ClientRequest> {
  const server = createServer({ requestTimeout: 0 }, async (request, response) => {
    limitUpload(request, outgoing(response), limitMs);
    if (request.url === '/long') {
      allowLongUpload(request);
    }
    try {
      response.end(Buffer.concat(await request.toArray()));
    } catch {
      response.destroy();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return (path, first) => {
    const upload = ask({ port, host: '127.0.0.1', path, method: 'POST' });
    upload.write(first);
    return upload;
  };
}

const answerOf = async (upload: ClientRequest): Promise<readonly [number | undefined, string]> => {
  const [response] = (await once(upload, 'response')) as [IncomingMessage];
  return [response.statusCode, Buffer.concat(await response.toArray()).toString()];
};

test('a body that does not come is given up, one that may take long is not', async () => {
  const post = await open(50);
  const long = post('/long', 'first ');
  const slow = post('/slow', 'first ');
  slow.on('error', () => undefined); // the connection goes with it
  expect(await answerOf(slow)).toEqual([408, '']);
  long.end('last');
  expect(await answerOf(long)).toEqual([200, 'first last']);
});

test('a body in time is as it was', async () => {
  const post = await open(10_000);
  const upload = post('/', 'first ');
  upload.end('last');
  expect(await answerOf(upload)).toEqual([200, 'first last']);
});

test('over HTTP/2 its stream is given up, the others of the connection go on', async () => {
  const server = createHttp2Server(async (request, response) => {
    limitUpload(request, outgoing(response), 50);
    response.on('error', () => undefined);
    try {
      response.end(Buffer.concat(await request.toArray()));
    } catch {
      // given up
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const slow = client.request({ ':method': 'POST' });
  slow.on('error', () => undefined);
  slow.write('first');
  await once(slow, 'close');
  expect(slow.rstCode).toBe(constants.NGHTTP2_CANCEL);
  const next = client.request({ ':method': 'POST' });
  next.end('whole');
  expect(Buffer.concat(await next.toArray()).toString()).toBe('whole');
});
