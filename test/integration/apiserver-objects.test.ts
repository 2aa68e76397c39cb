import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

const configMaps = '/api/v1/namespaces/default/configmaps';
const gadgets = '/apis/test.patchbay.dev/v1/namespaces/default/gadgets';
const configMap = (name: string, data: Record<string, string> = {}, metadata = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const gadget = (name: string, spec: unknown, more = {}) => ({
  apiVersion: 'test.patchbay.dev/v1',
  kind: 'Gadget',
  metadata: { name },
  spec,
  ...more,
});

describe('creating', () => {
  test('fills in what the server gives, and drops what is not the client’s', async () => {
    const body = gadget('made', { size: 'small' }, { status: { phase: 'Forged' } });
    const { code, body: made } = await server.request('POST', gadgets, { body });
    expect(code).toBe(201);
    expect(made).toMatchObject({
      metadata: {
        name: 'made',
        namespace: 'default',
        generation: 1,
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        resourceVersion: expect.stringMatching(/^\d+$/),
      },
      spec: { size: 'small', count: 1 },
    });
    expect(made['status']).toBeUndefined();
  });

  test('generates names', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'gen-' } };
    const { body: made } = await server.request('POST', configMaps, { body });
    expect(made['metadata']).toMatchObject({
      name: expect.stringMatching(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/),
    });
  });

  test.each([
    ['the same name', configMap('twice'), configMaps, 409, 'configmaps "twice" already exists'],
    [
      'a missing namespace',
      configMap('x'),
      '/api/v1/namespaces/nowhere/configmaps',
      404,
      'namespaces "nowhere" not found',
    ],
    [
      'no name',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} },
      configMaps,
      422,
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      'another namespace',
      configMap('x', {}, { namespace: 'other' }),
      configMaps,
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'another kind',
      { ...configMap('x'), kind: 'Secret' },
      configMaps,
      400,
      'Secret in version "v1" cannot be handled as a ConfigMap: kind does not match the path',
    ],
    [
      'another version',
      { ...configMap('x'), apiVersion: 'v2' },
      configMaps,
      400,
      'the API version in the data (v2) does not match the expected API version (v1)',
    ],
    ['broken JSON', '{"a":', configMaps, 400, expect.stringContaining('error decoding the request body')],
    [
      'deep nesting',
      `{"a":${'['.repeat(100)}${']'.repeat(100)}}`,
      configMaps,
      400,
      'the request body is nested deeper than 64 levels',
    ],
    [
      'a dangerous key',
      '{"metadata":{"name":"x"},"data":{"__proto__":"y"}}',
      configMaps,
      400,
      'the key "__proto__" is not allowed',
    ],
    [
      'too much',
      `{"x":"${'a'.repeat(3 * 1024 * 1024)}"}`,
      configMaps,
      413,
      'Request entity too large: limit is 3145728',
    ],
    [
      'metadata of a wrong type',
      { metadata: { name: 5 } },
      configMaps,
      400,
      expect.stringContaining('metadata.name'),
    ],
    [
      'a wrong value',
      gadget('bad', { size: 'huge', count: 0 }),
      gadgets,
      422,
      expect.stringContaining('spec.size: Unsupported value: "huge"'),
    ],
  ])('refuses %s', async (_, body, path, code, message) => {
    await server.request('POST', configMaps, { body: configMap('twice') });
    const answer = await server.request('POST', path, { body });
    expect({ code: answer.code, message: answer.body['message'] }).toEqual({ code, message });
  });

  test('unknown and duplicate fields are refused, warned about, or ignored as asked', async () => {
    const text = (name: string) =>
      `{"apiVersion":"test.patchbay.dev/v1","kind":"Gadget","metadata":{"name":"${name}"},"spec":{"size":"small","size":"large","colour":"red"}}`;
    const strict = await server.request('POST', `${gadgets}?fieldValidation=Strict`, {
      body: text('strict'),
    });
    expect(strict.body['message']).toBe(
      'Gadget in version "v1" cannot be handled as a Gadget: strict decoding error: duplicate field "spec.size", unknown field "spec.colour"',
    );
    const warned = await server.request('POST', `${gadgets}?fieldValidation=Warn`, { body: text('warned') });
    expect(warned.headers['warning']).toBe(
      '299 - "duplicate field \\"spec.size\\"", 299 - "unknown field \\"spec.colour\\""',
    );
    expect(warned.body['spec']).toEqual({ size: 'large', count: 1 });
    const ignored = await server.request('POST', `${gadgets}?fieldValidation=Ignore`, {
      body: text('ignored'),
    });
    expect([ignored.code, ignored.headers['warning']]).toEqual([201, undefined]);
    const wrong = await server.request('POST', `${gadgets}?fieldValidation=Maybe`, { body: text('wrong') });
    expect(wrong.code).toBe(422);
  });

  test('a dry run answers the object and stores nothing', async () => {
    const { code } = await server.request('POST', `${configMaps}?dryRun=All`, { body: configMap('dry') });
    expect(code).toBe(201);
    expect((await server.request('GET', `${configMaps}/dry`)).code).toBe(404);
  });

  test('YAML is read and written', async () => {
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n';
    const headers = { accept: 'application/yaml' };
    const answer = await server.request('POST', configMaps, { body, type: 'application/yaml', headers });
    expect(answer.text).toContain('data:\n  a: "1"\n');
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n`;
    expect((await server.request('POST', configMaps, { body: bomb, type: 'application/yaml' })).code).toBe(
      400,
    );
  });
});

describe('changing', () => {
  test('an update counts generations of the spec only, keeps the status, and writes nothing when nothing changes', async () => {
    const { body: made } = await server.request('POST', gadgets, {
      body: gadget('grown', { size: 'small' }),
    });
    const path = `${gadgets}/grown`;
    const same = await server.request('PUT', path, { body: made });
    expect(same.body['metadata']).toMatchObject({
      resourceVersion: (made['metadata'] as Record<string, string>)['resourceVersion'],
    });
    const patched = await server.request('PATCH', `${path}/status`, {
      type: 'application/merge-patch+json',
      body: { metadata: { labels: { a: 'b' } }, spec: { size: 'large' }, status: { phase: 'Ready' } },
    });
    expect(patched.body).toMatchObject({
      metadata: { generation: 1, labels: { a: 'b' } },
      spec: { size: 'small' },
      status: { phase: 'Ready' },
    });
    const changed = await server.request('PUT', path, {
      body: { ...patched.body, spec: { size: 'large' }, status: { phase: 'Forged' } },
    });
    expect(changed.body).toMatchObject({
      metadata: { generation: 2 },
      spec: { size: 'large' },
      status: { phase: 'Ready' },
    });
  });

  test.each([
    [
      'an old version',
      { resourceVersion: '1' },
      409,
      'Operation cannot be fulfilled on gadgets.test.patchbay.dev "held": the object has been modified; please apply your changes to the latest version and try again',
    ],
    [
      'no version',
      { resourceVersion: undefined },
      422,
      'Gadget.test.patchbay.dev "held" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    ],
    [
      'another uid',
      { uid: 'other' },
      409,
      expect.stringContaining('Precondition failed: UID in precondition: other, UID in object meta: '),
    ],
    [
      'another name',
      { name: 'x' },
      400,
      'the name of the object (x) does not match the name on the URL (held)',
    ],
  ])('an update with %s is refused', async (_, metadata, code, message) => {
    await server.request('POST', gadgets, { body: gadget('held', { size: 'small' }) });
    const { body } = await server.request('GET', `${gadgets}/held`);
    const changed = { ...body, metadata: { ...(body['metadata'] as object), ...metadata } };
    const answer = await server.request('PUT', `${gadgets}/held`, { body: changed });
    expect({ code: answer.code, message: answer.body['message'] }).toEqual({ code, message });
  });

  test('of many read-change-write loops none is lost', async () => {
    await server.request('POST', configMaps, { body: configMap('counter', { n: '0' }) });
    const increment = async (): Promise<void> => {
      for (;;) {
        const { body } = await server.request('GET', `${configMaps}/counter`);
        const n = Number((body['data'] as Record<string, string>)['n']) + 1;
        const { code } = await server.request('PUT', `${configMaps}/counter`, {
          body: { ...body, data: { n: String(n) } },
        });
        if (code === 200) {
          return;
        }
        expect(code).toBe(409);
      }
    };
    await Promise.all(Array.from({ length: 16 }, increment));
    const { body } = await server.request('GET', `${configMaps}/counter`);
    expect(body['data']).toEqual({ n: '16' });
  });

  test('patches of every kind', async () => {
    const path = `${configMaps}/patched`;
    await server.request('POST', configMaps, { body: configMap('patched', { a: '1', b: '2' }) });
    const apply = async (type: string, body: unknown, query = '') => {
      const answer = await server.request('PATCH', `${path}${query}`, { type: `application/${type}`, body });
      return answer.code < 300 ? answer.body['data'] : [answer.code, answer.body['message']];
    };
    expect(await apply('merge-patch+json', { data: { a: null } })).toEqual({ b: '2' });
    expect(await apply('json-patch+json', [{ op: 'add', path: '/data/c', value: '3' }])).toEqual({
      b: '2',
      c: '3',
    });
    expect(await apply('strategic-merge-patch+json', { data: { b: '4' } })).toEqual({ b: '4', c: '3' });
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', data: { d: '5' } };
    expect(await apply('apply-patch+yaml', applied, '?fieldManager=me')).toEqual({ b: '4', c: '3', d: '5' });
    expect(await apply('apply-patch+yaml', applied)).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ]);
    expect(await apply('json-patch+json', [{ op: 'test', path: '/data/b', value: 'x' }])).toEqual([
      422,
      'the server rejected our request due to an error in our request',
    ]);
    expect(await apply('merge-patch+json', { metadata: { name: 'other' } })).toEqual([
      400,
      expect.any(String),
    ]);
    expect(await apply('nonsense', {})).toEqual([415, expect.any(String)]);
    expect(await apply('merge-patch+json', { metadata: { resourceVersion: '1' } })).toEqual([
      409,
      expect.any(String),
    ]);
  });

  test('server-side apply creates what is missing', async () => {
    const body = { apiVersion: 'test.patchbay.dev/v1', kind: 'Gadget', spec: { size: 'small' } };
    const answer = await server.request('PATCH', `${gadgets}/applied?fieldManager=me`, {
      type: 'application/apply-patch+yaml',
      body,
    });
    expect(answer.code).toBe(201);
    expect(answer.body['metadata']).toMatchObject({ managedFields: [{ manager: 'me', operation: 'Apply' }] });
  });
});

describe('deleting', () => {
  test('waits for finalizers, then ends with the last one', async () => {
    const path = `${configMaps}/held`;
    await server.request('POST', configMaps, {
      body: configMap('held', {}, { finalizers: ['example.com/hold'] }),
    });
    const marked = await server.request('DELETE', path);
    expect(marked.body['metadata']).toMatchObject({
      deletionTimestamp: expect.any(String),
      deletionGracePeriodSeconds: 0,
    });
    const added = await server.request('PATCH', path, {
      type: 'application/merge-patch+json',
      body: { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } },
    });
    expect(added.code).toBe(422);
    await server.request('PATCH', path, {
      type: 'application/merge-patch+json',
      body: { metadata: { finalizers: null } },
    });
    expect((await server.request('GET', path)).code).toBe(404);
  });

  test('foreground and orphan deletion leave their finalizer to the garbage collector', async () => {
    for (const [policy, finalizer] of [
      ['Foreground', 'foregroundDeletion'],
      ['Orphan', 'orphan'],
    ]) {
      await server.request('POST', configMaps, { body: configMap('owner') });
      const answer = await server.request('DELETE', `${configMaps}/owner`, {
        body: { propagationPolicy: policy },
      });
      expect(answer.body['metadata']).toMatchObject({ finalizers: [finalizer] });
      const body = { metadata: { finalizers: null } };
      await server.request('PATCH', `${configMaps}/owner`, { type: 'application/merge-patch+json', body });
    }
  });

  test('preconditions hold', async () => {
    await server.request('POST', configMaps, { body: configMap('guarded') });
    const answer = await server.request('DELETE', `${configMaps}/guarded`, {
      body: { preconditions: { uid: 'x' } },
    });
    expect([answer.code, answer.body['reason']]).toEqual([409, 'Conflict']);
    const gone = await server.request('DELETE', `${configMaps}/guarded`);
    expect(gone.body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'guarded', kind: 'configmaps' },
    });
  });

  test('a collection by label', async () => {
    for (const name of ['c1', 'c2', 'c3']) {
      await server.request('POST', configMaps, {
        body: configMap(name, {}, { labels: { set: name === 'c3' ? 'b' : 'a' } }),
      });
    }
    const answer = await server.request('DELETE', `${configMaps}?labelSelector=set%3Da`);
    expect(answer.body).toMatchObject({ kind: 'ConfigMapList', items: [{}, {}] });
    const codes = ['c1', 'c2', 'c3'].map(
      async (name) => (await server.request('GET', `${configMaps}/${name}`)).code,
    );
    expect(await Promise.all(codes)).toEqual([404, 404, 200]);
  });

  test('a namespace ends when its finalizer is taken away, and takes no new content meanwhile', async () => {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ending' } };
    await server.request('POST', '/api/v1/namespaces', { body });
    const ending = await server.request('DELETE', '/api/v1/namespaces/ending');
    expect(ending.body).toMatchObject({
      status: { phase: 'Terminating' },
      spec: { finalizers: ['kubernetes'] },
    });
    const late = await server.request('POST', '/api/v1/namespaces/ending/configmaps', {
      body: configMap('late'),
    });
    expect([late.code, late.body['message']]).toEqual([
      403,
      'configmaps "late" is forbidden: unable to create new content in namespace ending because it is being terminated',
    ]);
    const finalized = { ...ending.body, spec: { finalizers: [] } };
    await server.request('PUT', '/api/v1/namespaces/ending/finalize', { body: finalized });
    expect((await server.request('GET', '/api/v1/namespaces/ending')).code).toBe(404);
  });
});

describe('pods', () => {
  const pods = '/api/v1/namespaces/default/pods';
  const pod = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'example.com/none:1' }] },
  });
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { annotations: { a: 'b' } },
    target: { kind: 'Node', name: 'node1' },
  };

  test('are bound once', async () => {
    await server.request('POST', pods, { body: pod('bound') });
    const first = await server.request('POST', `${pods}/bound/binding`, { body: binding });
    expect([first.code, first.body['status']]).toEqual([201, 'Success']);
    const { body } = await server.request('GET', `${pods}/bound`);
    expect(body).toMatchObject({
      metadata: { annotations: { a: 'b' } },
      spec: { nodeName: 'node1' },
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] },
    });
    const again = await server.request('POST', `${pods}/bound/binding`, { body: binding });
    expect([again.code, again.body['message']]).toEqual([
      409,
      'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "node1"',
    ]);
  });

  test('on a node end when the node says so, others at once', async () => {
    await server.request('POST', pods, { body: pod('free') });
    expect((await server.request('DELETE', `${pods}/free`)).body).toMatchObject({
      kind: 'Status',
      status: 'Success',
    });
    await server.request('POST', pods, { body: pod('placed') });
    await server.request('POST', `${pods}/placed/binding`, { body: binding });
    const marked = await server.request('DELETE', `${pods}/placed`);
    expect(marked.body['metadata']).toMatchObject({
      deletionGracePeriodSeconds: 30,
      deletionTimestamp: expect.any(String),
    });
    await server.request('DELETE', `${pods}/placed?gracePeriodSeconds=0`, { as: 'node1' });
    expect((await server.request('GET', `${pods}/placed`)).code).toBe(404);
  });
});
