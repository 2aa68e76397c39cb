/** `pods/NAME/resize` as clients see it: every kind of patch, who may, and what else has a say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
let count = 0;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

interface Stored {
  readonly metadata: { readonly generation: number; readonly labels?: object };
  readonly spec: { readonly containers: readonly { readonly resources: unknown; readonly image: string }[] };
}

/** A new namespace with a pod `p`; returns the namespace's path. */
async function podIn(before: (place: string) => Promise<unknown> = async () => undefined): Promise<string> {
  count += 1;
  const place = `/api/v1/namespaces/resize-${count}`;
  await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name: `resize-${count}` } } });
  await before(place);
  const resources = { requests: { cpu: '100m', memory: '32Mi' }, limits: { memory: '64Mi' } };
  const body = {
    metadata: { name: 'p', labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'x/y:1', resources }] },
  };
  const { code, text } = await server.request('POST', `${place}/pods`, { body });
  expect(code, text).toBe(201);
  return place;
}

const patch = (place: string, type: string, body: unknown, query = '') =>
  server.request('PATCH', `${place}/pods/p/resize${query}`, { body, type: `application/${type}` });
const cpu = (amount: string) => ({
  spec: { containers: [{ name: 'c', resources: { requests: { cpu: amount } } }] },
});
const strategic = (place: string, body: unknown) => patch(place, 'strategic-merge-patch+json', body);
const requestOf = (pod: unknown): unknown =>
  (pod as { spec: { containers: { resources: { requests: { cpu: unknown } } }[] } }).spec.containers[0]
    ?.resources.requests.cpu;

describe('the subresource resize', () => {
  test('is in discovery, in OpenAPI, and shows the pod', async () => {
    const place = await podIn();
    const { body } = await server.request('GET', '/api/v1');
    expect(body['resources']).toContainEqual({
      name: 'pods/resize',
      singularName: '',
      namespaced: true,
      kind: 'Pod',
      verbs: ['get', 'patch', 'update'],
    });
    const { text } = await server.request('GET', '/openapi/v3/api/v1');
    expect(text).toContain('"/api/v1/namespaces/{namespace}/pods/{name}/resize"');
    expect(text).toContain('"patchCoreV1NamespacedPodResize"');
    expect((await server.request('GET', `${place}/pods/p/resize`)).body).toMatchObject({ kind: 'Pod' });
    expect((await server.request('POST', `${place}/pods/p/resize`, { body: {} })).code).toBe(405);
  });

  test('takes every kind of patch and an update, and each raises the generation', async () => {
    const place = await podIn();
    const applied = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, ...cpu('300m') };
    const path = '/spec/containers/0/resources/requests/cpu';
    const answers = [
      await strategic(place, cpu('200m')),
      await patch(place, 'json-patch+json', [{ op: 'replace', path, value: '250m' }]),
      await patch(place, 'apply-patch+yaml', applied, '?fieldManager=me&force=true'),
    ];
    expect(answers.map(({ code, text }) => (code === 200 ? 'ok' : text))).toEqual(['ok', 'ok', 'ok']);
    expect(answers.map(({ body }) => requestOf(body))).toEqual(['200m', '250m', '300m']);
    const found = (await server.request('GET', `${place}/pods/p`)).text;
    const asked = found
      .replaceAll('"cpu":"300m"', '"cpu":"350m"')
      .replace('"app":"web"', '"app":"other"')
      .replace('x/y:1', 'x/y:2');
    const { code, body, text } = await server.request('PUT', `${place}/pods/p/resize`, { body: asked });
    expect(code, text).toBe(200);
    const { metadata, spec } = body as unknown as Stored;
    // Nothing else changes by it.
    expect([metadata.generation, metadata.labels, spec.containers[0]?.image, requestOf(body)]).toEqual([
      5,
      { app: 'web' },
      'x/y:1',
      '350m',
    ]);
    expect((await strategic(place, cpu('350m'))).body).toMatchObject({ metadata: { generation: 5 } });
  });

  test('refuses in upstream words, and leaves the ordinary update as it was', async () => {
    const place = await podIn();
    const { code, body } = await strategic(place, {
      spec: { containers: [{ name: 'c', resources: { requests: { 'ephemeral-storage': '1Gi' } } }] },
    });
    expect([code, body['message']]).toEqual([
      422,
      'Pod "p" is invalid: spec: Forbidden: only cpu and memory resources are mutable',
    ]);
    const main = await server.request('PATCH', `${place}/pods/p`, {
      body: cpu('200m'),
      type: 'application/strategic-merge-patch+json',
    });
    expect([main.code, main.body['message']]).toEqual([
      422,
      expect.stringContaining('pod updates may not change fields other than'),
    ]);
  });

  test('is not a right of those who may edit pods, as upstream', async () => {
    const place = await podIn();
    const resources = (await server.request('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/edit'))
      .text;
    expect(resources).toContain('"pods/exec"');
    expect(resources).not.toContain('pods/resize');
    const path = `${place}/pods/p/resize`;
    const type = 'application/strategic-merge-patch+json';
    expect((await server.request('PATCH', path, { body: cpu('200m'), type, as: 'stranger' })).code).toBe(403);
  });

  test('is held to quotas and limit ranges', async () => {
    const place = await podIn(async (namespace) => {
      await server.request('POST', `${namespace}/resourcequotas`, {
        body: { metadata: { name: 'q' }, spec: { hard: { 'requests.cpu': '1' } } },
      });
      const limits = [{ type: 'Container', min: { cpu: '50m' }, default: { memory: '1Gi' } }];
      await server.request('POST', `${namespace}/limitranges`, {
        body: { metadata: { name: 'l' }, spec: { limits } },
      });
    });
    expect((await strategic(place, cpu('2'))).body).toMatchObject({
      code: 403,
      message:
        'pods "p" is forbidden: exceeded quota: q, requested: requests.cpu=1900m, used: requests.cpu=100m, limited: requests.cpu=1',
    });
    expect((await strategic(place, cpu('10m'))).body).toMatchObject({
      code: 403,
      message: 'pods "p" is forbidden: minimum cpu usage per Container is 50m, but request is 10m',
    });
    expect((await strategic(place, cpu('1'))).code).toBe(200);
  });
});
