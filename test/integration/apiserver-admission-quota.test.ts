import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

interface Given {
  readonly [field: string]: unknown;
}

let count = 0;
/** A new namespace with one quota `q`. */
async function quotaOf(hard: Given, more: Given = {}): Promise<string> {
  count += 1;
  const namespace = `quota-${count}`;
  await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
  const { code, text } = await server.request('POST', `/api/v1/namespaces/${namespace}/resourcequotas`, {
    body: { metadata: { name: 'q' }, spec: { hard, ...more } },
  });
  expect(code, text).toBe(201);
  return `/api/v1/namespaces/${namespace}`;
}

const container = (resources: Given = {}) => ({ name: 'c', image: 'x/y:1', resources });
const pod = (name: string, resources: Given = {}, spec: Given = {}) => ({
  metadata: { name },
  spec: { containers: [container(resources)], ...spec },
});

async function used(place: string): Promise<unknown> {
  const read = async () =>
    (await server.request('GET', `${place}/resourcequotas/q`)).body['status'] as {
      readonly used?: Given;
    };
  return (await read()).used;
}

describe('resource quotas', () => {
  test('count pods, in upstream words, and show what is used', async () => {
    const place = await quotaOf({ pods: '2' });
    for (const name of ['a', 'b']) {
      expect((await server.request('POST', `${place}/pods`, { body: pod(name) })).code).toBe(201);
    }
    const third = await server.request('POST', `${place}/pods`, { body: pod('c') });
    expect(third.body).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    });
    await expect.poll(() => used(place)).toEqual({ pods: '2' });
    await server.request('DELETE', `${place}/pods/a`);
    expect((await server.request('POST', `${place}/pods`, { body: pod('c') })).code).toBe(201);
    await server.request('PATCH', `${place}/pods/b/status`, {
      body: { status: { phase: 'Succeeded' } },
      type: 'application/merge-patch+json',
    });
    await expect.poll(() => used(place)).toEqual({ pods: '1' });
  });

  test('let exactly as many parallel writes through as fit', async () => {
    const place = await quotaOf({ configmaps: '7', 'count/secrets': '3' });
    const create = (kind: string, name: string) =>
      server.request('POST', `${place}/${kind}`, { body: { metadata: { name } } });
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        create(index % 2 === 0 ? 'configmaps' : 'secrets', `x${index}`),
      ),
    );
    const passed = (parity: number) =>
      results.filter(({ code }, index) => code === 201 && index % 2 === parity).length;
    expect([passed(0), passed(1)]).toEqual([7, 3]);
    await expect.poll(() => used(place)).toEqual({ configmaps: '7', 'count/secrets': '3' });
  });

  test('add up requests and limits, and want them named', async () => {
    const place = await quotaOf({ 'requests.cpu': '1', 'limits.memory': '1Gi' });
    const create = (name: string, resources: Given) =>
      server.request('POST', `${place}/pods`, { body: pod(name, resources) });
    expect((await create('a', {})).body['message']).toBe(
      'pods "a" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c',
    );
    const half = { requests: { cpu: '600m' }, limits: { memory: '512Mi' } };
    expect((await create('a', half)).code).toBe(201);
    expect((await create('b', half)).body['message']).toBe(
      'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
    );
    await expect.poll(() => used(place)).toEqual({ 'requests.cpu': '600m', 'limits.memory': '512Mi' });
  });

  test('count custom kinds, and only what is in scope', async () => {
    const place = await quotaOf({ 'count/gadgets.test.patchbay.dev': '1' });
    const namespace = place.split('/').at(-1);
    const gadgets = `/apis/test.patchbay.dev/v1/namespaces/${namespace}/gadgets`;
    const create = (name: string) =>
      server.request('POST', gadgets, {
        body: {
          apiVersion: 'test.patchbay.dev/v1',
          kind: 'Gadget',
          metadata: { name },
          spec: { size: 'small' },
        },
      });
    expect((await create('a')).code).toBe(201);
    expect((await create('b')).body['message']).toBe(
      'gadgets.test.patchbay.dev "b" is forbidden: exceeded quota: q, requested: count/gadgets.test.patchbay.dev=1, used: count/gadgets.test.patchbay.dev=1, limited: count/gadgets.test.patchbay.dev=1',
    );
    const scoped = await quotaOf({ pods: '0' }, { scopes: ['BestEffort'] });
    const asks = { requests: { cpu: '1' } };
    expect((await server.request('POST', `${scoped}/pods`, { body: pod('a', asks) })).code).toBe(201);
    expect((await server.request('POST', `${scoped}/pods`, { body: pod('b') })).code).toBe(403);
  });

  test('dry runs use nothing; a restart counts again', async () => {
    const place = await quotaOf({ configmaps: '1' });
    const create = (name: string, query = '') =>
      server.request('POST', `${place}/configmaps${query}`, { body: { metadata: { name } } });
    expect((await create('a', '?dryRun=All')).code).toBe(201);
    expect((await create('a')).code).toBe(201);
    await server.restart();
    expect((await create('b')).code).toBe(403);
    expect((await create('b', '?dryRun=All')).code).toBe(403);
  });

  test('reach kubectl', async () => {
    const place = await quotaOf({ pods: '1', 'requests.cpu': '2' });
    const namespace = place.split('/').at(-1) ?? '';
    const file = join(server.directory, 'pod.yaml');
    const text = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...pod('p', { requests: { cpu: '1' } }) });
    await writeFile(file, text);
    expect((await server.kubectl('-n', namespace, 'apply', '-f', file)).out).toBe('pod/p created');
    await writeFile(file, text.replace('"name":"p"', '"name":"p2"'));
    expect((await server.kubectl('-n', namespace, 'apply', '-f', file)).err).toBe(
      `Error from server (Forbidden): error when creating "${file}": pods "p2" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1`,
    );
    const described = (await server.kubectl('-n', namespace, 'describe', 'quota', 'q')).out;
    expect(described).toMatch(/pods +1 +1\nrequests.cpu +1 +2$/);
  });
});

describe('limit ranges and classes', () => {
  test('complete and bound new pods', async () => {
    await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'limits' } } });
    const place = '/api/v1/namespaces/limits';
    const limits = [
      { type: 'Container', default: { memory: '512Mi' }, max: { memory: '1Gi' }, min: { memory: '64Mi' } },
    ];
    await server.request('POST', `${place}/limitranges`, {
      body: { metadata: { name: 'l' }, spec: { limits } },
    });
    const { body } = await server.request('POST', `${place}/pods`, { body: pod('a') });
    expect(body).toMatchObject({
      metadata: {
        annotations: {
          'kubernetes.io/limit-ranger':
            'LimitRanger plugin set: memory request for container c; memory limit for container c',
        },
      },
      spec: { containers: [{ resources: { limits: { memory: '512Mi' }, requests: { memory: '512Mi' } } }] },
      status: { qosClass: 'Burstable' },
    });
    const big = await server.request('POST', `${place}/pods`, {
      body: pod('b', { limits: { memory: '1500Mi' } }),
    });
    expect(big.body['message']).toBe(
      'pods "b" is forbidden: maximum memory usage per Container is 1Gi, but limit is 1500Mi',
    );
  });

  test('priority and runtime classes are looked up', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    const create = (name: string, spec: Given) => server.request('POST', pods, { body: pod(name, {}, spec) });
    expect((await create('none', {})).body['spec']).toMatchObject({
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
    });
    expect((await create('p', { priorityClassName: 'high' })).body['message']).toBe(
      'pods "p" is forbidden: no PriorityClass with name high was found',
    );
    await server.request('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', {
      body: { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' },
    });
    expect((await create('p', { priorityClassName: 'high' })).body['spec']).toMatchObject({
      priority: 1000,
      preemptionPolicy: 'Never',
    });
    expect((await create('q', { priorityClassName: 'high', priority: 5 })).body['message']).toBe(
      'pods "q" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    );
    expect((await create('r', { runtimeClassName: 'tiny' })).body['message']).toBe(
      'pods "r" is forbidden: pod rejected: RuntimeClass "tiny" not found',
    );
    await server.request('POST', '/apis/node.k8s.io/v1/runtimeclasses', {
      body: {
        metadata: { name: 'tiny' },
        handler: 'tiny',
        overhead: { podFixed: { cpu: '100m' } },
        scheduling: { nodeSelector: { tiny: 'yes' }, tolerations: [{ key: 't', operator: 'Exists' }] },
      },
    });
    const { body } = await create('r', { runtimeClassName: 'tiny' });
    expect(body['spec']).toMatchObject({
      overhead: { cpu: '100m' },
      nodeSelector: { tiny: 'yes' },
      tolerations: expect.arrayContaining([{ key: 't', operator: 'Exists' }]),
    });
    expect((await create('s', { overhead: { cpu: '1' } })).body['message']).toBe(
      'pods "s" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    );
    expect((await create('t', { serviceAccountName: 'nobody' })).body['message']).toBe(
      'pods "t" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
    );
  });
});
