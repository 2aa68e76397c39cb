/** Connections of HTTP/1.1, as many requests after one another use them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestServer } from '../reliability/lib/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.create();
  await server.start();
});
afterAll(() => server.remove());

test('a big body right after a big answer on the same connection is read', async () => {
  const path = '/api/v1/namespaces/default/configmaps';
  const client = server.client('admin', 1);
  await client.request('POST', path, { body: { metadata: { name: 'big' } } });
  const codes = new Set<number>();
  for (let at = 0; at < 50; at++) {
    const body = { metadata: { name: 'big' }, data: { at: String(at), text: 'x'.repeat(200_000) } };
    codes.add((await client.request('PUT', `${path}/big`, { body })).code);
  }
  expect([...codes]).toEqual([200]);
});
