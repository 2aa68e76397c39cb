import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, isNotFound, PatchbayError } from './errors.ts';
import { HttpApiClient, parseWarnings } from './http-client.ts';
import { decodeWatch } from './watch-decoder.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const open: { readonly server: Server; readonly client: ApiClient }[] = [];
afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function served(handler: Handler): Promise<ApiClient> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) {
      body += chunk;
    }
    handler(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new HttpApiClient({
    server: `http://127.0.0.1:${port}`,
    token: 't0k3n',
    namespace: 'default',
  });
  open.push({ server, client });
  return client;
}

const caught = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => 'resolved',
    (error: unknown) => error,
  );
const key = { name: 'a', namespace: 'default' };

describe('HttpApiClient', () => {
  it('sends what the API’s conventions say', async () => {
    const seen: unknown[] = [];
    const client = await served(({ method, url, headers }, response, body) => {
      seen.push([
        method,
        url,
        headers['content-type'],
        headers.authorization,
        body === '' ? undefined : JSON.parse(body),
      ]);
      response.end('{"metadata":{"name":"a"}}');
    });
    const object = { metadata: key, data: { x: '1' } };
    const whole = { apiVersion: 'v1', kind: 'ConfigMap', ...object };
    await client.get(configMap, key);
    await client.create(configMap, object, { dryRun: true, fieldValidation: 'Strict', fieldManager: 'me' });
    await client.update(configMap, object, { subresource: 'status' });
    await client.patch(configMap, key, { type: 'merge', body: { data: null } });
    await client.patch(configMap, key, { type: 'apply', body: whole, force: true }, { fieldManager: 'me' });
    await client.delete(configMap, key, { propagationPolicy: 'Foreground' });
    await client.list(configMap, { namespace: 'default', labelSelector: 'a in (b,c)', limit: 5 });
    const [json, bearer, base] = [
      'application/json',
      'Bearer t0k3n',
      '/api/v1/namespaces/default/configmaps',
    ];
    expect(seen).toEqual([
      ['GET', `${base}/a`, undefined, bearer, undefined],
      ['POST', `${base}?fieldManager=me&dryRun=All&fieldValidation=Strict`, json, bearer, whole],
      ['PUT', `${base}/a/status`, json, bearer, whole],
      ['PATCH', `${base}/a`, 'application/merge-patch+json', bearer, { data: null }],
      ['PATCH', `${base}/a?force=true&fieldManager=me`, 'application/apply-patch+yaml', bearer, whole],
      [
        'DELETE',
        `${base}/a`,
        json,
        bearer,
        { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Foreground' },
      ],
      ['GET', `${base}?labelSelector=a+in+%28b%2Cc%29&limit=5`, undefined, bearer, undefined],
    ]);
  });

  it('gives list items their kind', async () => {
    const client = await served((_request, response) => {
      response.end('{"metadata":{"resourceVersion":"7","continue":""},"items":[{"metadata":{"name":"a"}}]}');
    });
    expect(await client.list(configMap)).toEqual({
      resourceVersion: '7',
      items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }],
    });
  });

  it('turns a Status into an ApiError, and any other refusal too', async () => {
    const client = await served(({ url }, response) => {
      if (url?.endsWith('/a') === true) {
        response.writeHead(404).end('{"kind":"Status","code":404,"reason":"NotFound","message":"not here"}');
      } else {
        response.writeHead(503, { 'retry-after': '3' }).end('<html>away</html>');
      }
    });
    expect(isNotFound(await caught(client.get(configMap, key)))).toBe(true);
    const away = await caught(client.list(configMap));
    expect(away instanceof ApiError && [away.code, away.reason, away.retryable, away.status.details]).toEqual(
      [503, 'ServiceUnavailable', true, { retryAfterSeconds: 3 }],
    );
  });

  it('says InvalidAnswer when the server answers no JSON', async () => {
    const client = await served((_request, response) => response.end('hello'));
    const error = await caught(client.get(configMap, key));
    expect(error instanceof PatchbayError && error.reason).toBe('InvalidAnswer');
    expect(await client.request('GET', '/readyz')).toBe('hello');
  });

  it('says ConnectionFailed when nobody listens or the connection breaks', async () => {
    const client = await served((request) => request.socket.destroy());
    const nobody = new HttpApiClient({ server: 'http://127.0.0.1:1', namespace: 'default' });
    for (const one of [client, nobody]) {
      const error = await caught(one.create(configMap, { metadata: key }));
      expect(error instanceof PatchbayError && error.reason).toBe('ConnectionFailed');
    }
  });

  it('hands warnings to the caller', async () => {
    const client = await served((_request, response) => {
      response.setHeader('warning', ['299 - "first, with a comma"', '299 - "second \\"quoted\\""']);
      response.end('{"metadata":{"name":"a"}}');
    });
    const warnings: string[] = [];
    await client.create(configMap, { metadata: key }, { onWarning: (text) => warnings.push(text) });
    expect(warnings).toEqual(['first, with a comma', 'second "quoted"']);
    expect(parseWarnings(undefined)).toEqual([]);
  });

  it('watches until the server ends it, the signal aborts, or an ERROR comes', async () => {
    const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
    const added = line('ADDED', { metadata: { name: 'a', resourceVersion: '8' } });
    const client = await served(({ url }, response) => {
      const query = new URL(url ?? '', 'http://x').searchParams;
      response.write(added);
      if (query.get('labelSelector') === 'ends') {
        response.end();
      } else if (query.get('labelSelector') === 'fails') {
        response.end(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }));
      }
    });
    const collect = async (labelSelector: string, stop = new AbortController()): Promise<unknown[]> => {
      const events: unknown[] = [];
      try {
        for await (const event of client.watch(
          configMap,
          { labelSelector, resourceVersion: '7' },
          stop.signal,
        )) {
          events.push(event.type);
          if (labelSelector === 'aborts') {
            stop.abort();
          }
        }
      } catch (error) {
        events.push(error instanceof ApiError ? error.code : error);
      }
      return events;
    };
    expect([await collect('ends'), await collect('aborts'), await collect('fails')]).toEqual([
      ['ADDED'],
      ['ADDED'],
      ['ADDED', 410],
    ]);
  });
});

describe('decodeWatch', () => {
  async function decode(...chunks: readonly Buffer[]): Promise<unknown> {
    const events: unknown[] = [];
    try {
      for await (const event of decodeWatch(
        (async function* () {
          yield* chunks;
        })(),
      )) {
        events.push(event.object.metadata.name);
      }
    } catch (error) {
      events.push(error instanceof PatchbayError ? error.reason : error);
    }
    return events;
  }
  const stream = Buffer.from(
    ['ä', 'b', 'ç']
      .map((name) => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`)
      .join('\n'),
  );

  it('reads the same from chunks of any size', async () => {
    for (let size = 1; size <= stream.length; size += 1) {
      const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
        stream.subarray(i * size, (i + 1) * size),
      );
      expect(await decode(...chunks)).toEqual(['ä', 'b', 'ç']);
    }
  });

  it.each([
    'no json',
    '[]',
    '{"type":"ADDED"}',
    '{"type":"ADDED","object":null}',
    '{"type":"OTHER","object":{}}',
  ])('refuses %s', async (line) => {
    expect(await decode(Buffer.from(`${line}\n`))).toEqual(['InvalidAnswer']);
  });
});
