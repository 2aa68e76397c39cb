import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

const path = '/api/v1/namespaces/default/services';

async function create(
  name: string,
  spec: object = {},
): Promise<{ code: number; address: unknown; message: unknown }> {
  const body = { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
  const answer = await server.request('POST', path, { body });
  const made = answer.body['spec'] as { clusterIP?: string; clusterIPs?: string[] } | undefined;
  expect(made?.clusterIPs?.[0]).toBe(made?.clusterIP);
  return { code: answer.code, address: made?.clusterIP, message: answer.body['message'] };
}

describe('addresses of services', () => {
  test('services made at once get different ones, of the range', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, index) => create(`many-${index}`)));
    const addresses = made.map(({ address }) => String(address));
    expect(new Set(addresses).size).toBe(20);
    expect(addresses.filter((address) => !/^172\.30\.\d+\.\d+$/.test(address))).toEqual([]);
  });

  test('one that is asked for is given once, and given again when it is free', async () => {
    expect(await create('asked', { clusterIP: '172.30.0.10' })).toMatchObject({
      code: 201,
      address: '172.30.0.10',
    });
    const second = await create('second', { clusterIP: '172.30.0.10' });
    expect(second).toMatchObject({ code: 422 });
    expect(second.message).toContain('spec.clusterIPs');
    expect(second.message).toContain('provided IP is already allocated');
    await server.request('DELETE', `${path}/asked`);
    expect(await create('second', { clusterIP: '172.30.0.10' })).toMatchObject({ code: 201 });
  });

  test('none for headless services and external names, none outside the range', async () => {
    expect(await create('headless', { clusterIP: 'None' })).toMatchObject({ address: 'None' });
    const external = await create('external', {
      type: 'ExternalName',
      externalName: 'example.com',
      ports: undefined,
    });
    expect(external).toMatchObject({ code: 201, address: undefined });
    expect((await create('outside', { clusterIP: '10.1.2.3' })).message).toContain('172.30.0.0/16');
  });

  test('an update keeps it', async () => {
    const { address } = await create('kept');
    const type = 'application/merge-patch+json';
    const { body } = await server.request('PATCH', `${path}/kept`, {
      body: { spec: { ports: [{ port: 81 }] } },
      type,
    });
    expect(body['spec']).toMatchObject({ clusterIP: address });
  });
});
