/** Answers to what people and older clients ask, which kubectl's transcript does not show. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
const configMaps = '/api/v1/namespaces/default/configmaps';
const get = (path: string, agent?: string) =>
  server.request('GET', path, agent === undefined ? {} : { headers: { 'user-agent': agent } });

beforeAll(async () => {
  server = await startFixture();
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { k: 'v' } };
  await server.request('POST', configMaps, { body });
});
afterAll(() => server.close());

describe('people', () => {
  test.each([configMaps, `${configMaps}/a`, `${configMaps}/none`, '/apis', '/api/v1'])(
    'who ask for %s with curl get it indented',
    async (path) => {
      const { text, body } = await get(path, 'curl/8.9.1');
      expect(text.trimEnd()).toBe(JSON.stringify(body, null, 2));
      expect((await get(path)).text).not.toContain('\n ');
    },
  );

  test('are told which paths there are', async () => {
    const { paths } = (await get('/')).body as { paths: readonly string[] };
    expect(paths).toEqual(paths.toSorted());
    expect(paths).toEqual(expect.arrayContaining(['/api/v1', '/apis/apps', '/apis/apps/v1', '/version']));
    expect((await server.request('GET', '/', { as: 'stranger' })).code).toBe(403);
  });
});

describe('clients', () => {
  test('may ask for initial events of watches only', async () => {
    const { code, body } = await get(`${configMaps}?sendInitialEvents=true`);
    expect([code, body['message']]).toEqual([
      422,
      'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
    ]);
  });

  test.each([
    [{ data: { x: 1 } }, 'json: cannot unmarshal number into Go struct field ConfigMap.data of type string'],
    [{ binaryData: { x: '?' } }, 'illegal base64 data at input byte 0'],
  ])('are told in Go words why %j is no ConfigMap', async (fields, fault) => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bad' }, ...fields };
    const { code, body } = await server.request('POST', configMaps, { body: object });
    expect([code, body['message']]).toEqual([
      400,
      `ConfigMap in version "v1" cannot be handled as a ConfigMap: ${fault}`,
    ]);
  });

  test.each([
    [
      'application/merge-patch+json',
      /^Invalid value: "\{.*\}": json: cannot unmarshal number into Go struct field/,
    ],
    [
      'application/strategic-merge-patch+json',
      /^Invalid value: "map\[data:map\[k:1\]\]": cannot convert int64 to string$/,
    ],
  ])('are told why %s makes no ConfigMap', async (type, message) => {
    const { code, body } = await server.request('PATCH', `${configMaps}/a`, {
      type,
      body: { data: { k: 1 } },
    });
    expect([code, body['details']]).toEqual([
      422,
      { causes: [{ reason: 'FieldValueInvalid', field: 'patch', message: expect.stringMatching(message) }] },
    ]);
  });

  test.each(['default', 'kube-system', 'kube-public'])('cannot delete namespace %s', async (name) => {
    const { code, body } = await server.request('DELETE', `/api/v1/namespaces/${name}`);
    expect([code, body['message']]).toEqual([
      403,
      `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    ]);
  });

  test('see no creationTimestamp where there is none', async () => {
    const query = 'watch=1&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=0';
    const { text } = await get(`${configMaps}?${query}`);
    expect(text).toContain('"BOOKMARK"');
    expect(text).not.toContain('"creationTimestamp":null');
  });

  test('read one version in all documents', async () => {
    const { info } = (await get('/openapi/v2')).body as { info: { version: string } };
    const { gitVersion } = (await get('/version')).body as { gitVersion: string };
    expect(gitVersion.startsWith(info.version)).toBe(true);
  });

  test('are warned of Endpoints when they read them', async () => {
    const { headers } = await get('/api/v1/namespaces/default/endpoints');
    expect(headers['warning']).toBe(
      '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
    );
  });
});
