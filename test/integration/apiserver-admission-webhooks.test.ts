import { writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';
import { patchOf, type Reply, startWebhookServer, type WebhookServer } from './apiserver-webhook-server.ts';

let server: Fixture;
let hooks: WebhookServer;
beforeAll(async () => {
  [server, hooks] = await Promise.all([startFixture(), startWebhookServer()]);
});
afterAll(async () => {
  await server.close();
  await hooks.close();
});
afterEach(async () => {
  await Promise.all([
    server.request('DELETE', `${group}/mutatingwebhookconfigurations`),
    server.request('DELETE', `${group}/validatingwebhookconfigurations`),
  ]);
  await server.request('DELETE', maps);
  hooks.seen.clear();
  hooks.bodies.clear();
});

const group = '/apis/admissionregistration.k8s.io/v1';
const maps = '/api/v1/namespaces/default/configmaps';
const mapRule = { operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };

interface Given {
  readonly [field: string]: unknown;
}

function webhook(path: string, more: Given = {}): Given {
  return {
    name: `${path.slice(1)}.example.com`,
    clientConfig: { url: `${hooks.url}${path}`, caBundle: hooks.caBundle },
    rules: [mapRule],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...more,
  };
}

async function configure(
  kind: 'Mutating' | 'Validating',
  name: string,
  ...webhooks: readonly Given[]
): Promise<void> {
  const path = `${group}/${kind.toLowerCase()}webhookconfigurations`;
  const body = { metadata: { name }, webhooks };
  const { code, text } = await server.request('POST', path, { body });
  expect(code, text).toBe(201);
}

const map = (name: string, more: Given = {}) => ({ metadata: { name }, data: { a: '1' }, ...more });
const create = (name: string, more: Given = {}, query = '') =>
  server.request('POST', `${maps}${query}`, { body: map(name, more) });
const allow: Reply = () => ({ allowed: true });
const label =
  (key: string, value = 'yes'): Reply =>
  ({ object }) =>
    patchOf(
      ...(object?.metadata.labels === undefined ? [{ op: 'add', path: '/metadata/labels', value: {} }] : []),
      { op: 'add', path: `/metadata/labels/${key}`, value },
    );

describe('reviews', () => {
  test('carry the request, its user and the stored object byte for byte', async () => {
    hooks.answer('/see', allow);
    await create('one', { data: { b: '2', a: 'é"1' } });
    const stored = (await server.request('GET', `${maps}/one`)).text;
    await configure('Validating', 'see', webhook('/see'));
    await server.request('PATCH', `${maps}/one?fieldManager=me`, {
      body: { data: { c: '3' } },
      type: 'application/merge-patch+json',
    });
    const [request] = hooks.seen.get('/see') ?? [];
    const kind = { group: '', version: 'v1', kind: 'ConfigMap' };
    const resource = { group: '', version: 'v1', resource: 'configmaps' };
    expect(request).toMatchObject({
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: 'one',
      namespace: 'default',
      operation: 'UPDATE',
      userInfo: { username: 'system:admin', groups: ['system:masters', 'system:authenticated'] },
      object: { data: { b: '2', a: 'é"1', c: '3' } },
      dryRun: false,
      options: { kind: 'PatchOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
    });
    expect(request?.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(hooks.bodies.get('/see')?.[0]).toContain(`"oldObject":${stored.trim()}`);
    await server.request('DELETE', `${maps}/one`);
    expect(hooks.seen.get('/see')?.[1]).toMatchObject({
      operation: 'DELETE',
      object: null,
      oldObject: { data: { c: '3' } },
      options: { kind: 'DeleteOptions' },
    });
  });

  test('of a binding and of a status are about the subresource', async () => {
    hooks.answer('/sub', allow);
    const rules = [{ ...mapRule, resources: ['pods/binding', 'pods/status'] }];
    await configure('Validating', 'sub', webhook('/sub', { rules }));
    const pods = '/api/v1/namespaces/default/pods';
    await server.request('POST', pods, {
      body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'x/y:1' }] } },
    });
    const target = { kind: 'Node', name: 'node1' };
    await server.request('POST', `${pods}/p/binding`, { body: { kind: 'Binding', target } });
    await server.request('PATCH', `${pods}/p/status`, {
      body: { status: { phase: 'Running' } },
      type: 'application/merge-patch+json',
    });
    const requests = hooks.seen.get('/sub') ?? [];
    expect(requests.map(({ operation, subResource, kind }) => [operation, subResource, kind])).toEqual([
      ['CREATE', 'binding', { group: '', version: 'v1', kind: 'Binding' }],
      ['UPDATE', 'status', { group: '', version: 'v1', kind: 'Pod' }],
    ]);
    expect(requests[0]?.object).toMatchObject({ kind: 'Binding', target });
  });

  test('of evictions and scales show these', async () => {
    hooks.answer('/shown', ({ subResource }) => ({ allowed: subResource !== 'eviction' }));
    const resources = ['pods/eviction', 'deployments/scale'];
    const rules = [{ ...mapRule, apiGroups: ['*'], resources }];
    await configure('Validating', 'shown', webhook('/shown', { rules }));
    const pods = '/api/v1/namespaces/default/pods';
    const containers = [{ name: 'c', image: 'x/y:1' }];
    await server.request('POST', pods, { body: { metadata: { name: 'e' }, spec: { containers } } });
    const evicted = await server.request('POST', `${pods}/e/eviction`, { body: { metadata: { name: 'e' } } });
    expect([evicted.code, (await server.request('GET', `${pods}/e`)).code]).toEqual([400, 200]);
    const labels = { app: 'd' };
    await server.request('POST', '/apis/apps/v1/namespaces/default/deployments', {
      body: {
        metadata: { name: 'd' },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
      },
    });
    await server.kubectl('scale', 'deployment', 'd', '--replicas=3');
    const [eviction, scale] = hooks.seen.get('/shown') ?? [];
    expect(eviction).toMatchObject({
      operation: 'CREATE',
      subResource: 'eviction',
      kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      object: { kind: 'Eviction', metadata: { name: 'e' } },
      oldObject: null,
    });
    expect(scale).toMatchObject({
      operation: 'UPDATE',
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      resource: { group: 'apps', version: 'v1', resource: 'deployments' },
      object: { kind: 'Scale', spec: { replicas: 3 } },
      oldObject: { kind: 'Scale', spec: { replicas: 1 } },
    });
  });

  test('of streams come before the node of the pod is asked', async () => {
    hooks.answer('/exec', () => ({ allowed: false, status: { message: 'no shells', code: 403 } }));
    const rules = [{ ...mapRule, operations: ['CONNECT'], resources: ['pods/exec'] }];
    await configure('Validating', 'exec', webhook('/exec', { rules }));
    const path = '/api/v1/namespaces/default/pods/x/exec?command=ls&command=-l&container=c&stdout=true';
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    };
    const { code, body } = await server.request('GET', path, { headers });
    expect([code, body['message']]).toEqual([
      403,
      'admission webhook "exec.example.com" denied the request: no shells',
    ]);
    expect(hooks.seen.get('/exec')?.[0]).toMatchObject({
      operation: 'CONNECT',
      subResource: 'exec',
      name: 'x',
      kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
      object: { kind: 'PodExecOptions', command: ['ls', '-l'], container: 'c', stdout: true },
      options: null,
    });
  });

  test('reuse connections', async () => {
    hooks.answer('/reuse', allow);
    await configure('Validating', 'reuse', webhook('/reuse'));
    await create('first');
    const before = hooks.connections();
    for (const name of ['a', 'b', 'c']) {
      await create(name);
    }
    expect(hooks.connections()).toBe(before);
  });
});

describe('mutating webhooks', () => {
  test('change what is stored, in order of configurations and webhooks', async () => {
    const order: string[] = [];
    for (const name of ['b1', 'a1', 'a2']) {
      hooks.answer(`/${name}`, (request, text) => {
        order.push(name);
        return label(name)(request, text);
      });
    }
    await configure('Mutating', 'second', webhook('/b1'));
    await configure('Mutating', 'first', webhook('/a1'), webhook('/a2'));
    const { code, body } = await create('m');
    expect([code, body['metadata']]).toMatchObject([201, { labels: { a1: 'yes', a2: 'yes', b1: 'yes' } }]);
    expect(order).toEqual(['a1', 'a2', 'b1']);
  });

  test('cannot move an object, and what they make of it is judged', async () => {
    hooks.answer('/bad', () =>
      patchOf(
        { op: 'replace', path: '/metadata/name', value: 'other' },
        { op: 'add', path: '/data/bad key', value: 'x' },
      ),
    );
    await configure('Mutating', 'bad', webhook('/bad'));
    const { code, text } = await create('m');
    expect(code).toBe(422);
    expect(text).toContain('ConfigMap \\"m\\" is invalid: data[bad key]');
  });

  test('give what a custom kind requires', async () => {
    hooks.answer('/size', () => patchOf({ op: 'add', path: '/spec/size', value: 'large' }));
    const rules = [{ ...mapRule, apiGroups: ['*'], resources: ['gadgets'] }];
    await configure('Mutating', 'size', webhook('/size', { rules }));
    const { code, body } = await server.request(
      'POST',
      '/apis/test.patchbay.dev/v1/namespaces/default/gadgets',
      {
        body: { metadata: { name: 'g' }, spec: {}, apiVersion: 'test.patchbay.dev/v1', kind: 'Gadget' },
      },
    );
    expect([code, body['spec']]).toEqual([201, { size: 'large', count: 1 }]);
  });

  test('are asked again when another changes the object after them and they want to', async () => {
    let asked = 0;
    hooks.answer('/again', ({ object }) => {
      asked += 1;
      return object?.metadata.labels?.['late'] === undefined
        ? { allowed: true }
        : patchOf({ op: 'add', path: '/metadata/labels/saw', value: 'late' });
    });
    hooks.answer('/late', label('late'));
    await configure(
      'Mutating',
      'order',
      webhook('/again', { reinvocationPolicy: 'IfNeeded' }),
      webhook('/late'),
    );
    const { body } = await create('m');
    expect([asked, body['metadata']]).toMatchObject([2, { labels: { late: 'yes', saw: 'late' } }]);
    expect(hooks.seen.get('/late')).toHaveLength(1);
  });
});

describe('refusals', () => {
  const cases: readonly (readonly [string, object, number, string, string | undefined])[] = [
    ['words', { message: 'no such luck' }, 400, ': no such luck', undefined],
    ['code and reason', { message: 'taken', reason: 'Forbidden', code: 403 }, 403, ': taken', 'Forbidden'],
    ['a reason only', { reason: 'Invalid', code: 200 }, 400, ': Invalid', 'Invalid'],
    ['nothing', {}, 400, ' without explanation', undefined],
  ];
  test.each(cases)('with %s', async (_what, status, code, words, reason) => {
    hooks.answer('/deny', () => ({ allowed: false, status }));
    await configure('Validating', 'deny', webhook('/deny'));
    const { body } = await create('m');
    expect([body['code'], body['message'], body['reason']]).toEqual([
      code,
      `admission webhook "deny.example.com" denied the request${words}`,
      reason,
    ]);
  });

  test('and warnings reach kubectl', async () => {
    hooks.answer('/deny', ({ name }) =>
      name === 'bad'
        ? { allowed: false, status: { message: 'bad name' } }
        : { allowed: true, warnings: ['careful'] },
    );
    await configure('Validating', 'deny', webhook('/deny'));
    expect(await server.kubectl('create', 'configmap', 'good')).toEqual({
      code: 0,
      out: 'configmap/good created',
      err: 'Warning: careful',
    });
    expect(await server.kubectl('create', 'configmap', 'bad')).toEqual({
      code: 1,
      out: '',
      err: 'error: failed to create configmap: admission webhook "deny.example.com" denied the request: bad name',
    });
    const file = join(server.directory, 'bad.yaml');
    await writeFile(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\n');
    expect((await server.kubectl('apply', '-f', file)).err).toBe(
      `Error from server: error when creating "${file}": admission webhook "deny.example.com" denied the request: bad name`,
    );
    expect((await server.kubectl('get', 'validatingwebhookconfigurations')).out).toMatch(
      /NAME +WEBHOOKS +AGE\ndeny +1 +\d+s/,
    );
  });

  test('of deletions keep the object', async () => {
    hooks.answer('/keep', ({ operation }) => ({ allowed: operation !== 'DELETE' }));
    await configure('Validating', 'keep', webhook('/keep'));
    await create('m');
    expect((await server.request('DELETE', `${maps}/m`)).code).toBe(400);
    expect((await server.request('DELETE', maps)).code).toBe(400);
    expect((await server.request('GET', `${maps}/m`)).code).toBe(200);
  });
});

describe('deletions', () => {
  /** A webhook that has the object written to, for its first `times` deletions. */
  async function meddle(times: number): Promise<void> {
    let left = times;
    hooks.answer('/meddle', async () => {
      if (left > 0) {
        left -= 1;
        const body = { data: { left: String(left) } };
        await server.request('PATCH', `${maps}/m`, { body, type: 'application/merge-patch+json' });
      }
      return { allowed: true };
    });
    const rules = [{ ...mapRule, operations: ['DELETE'] }];
    await configure('Validating', 'meddle', webhook('/meddle', { rules }));
  }

  test('start again however often somebody writes in between', async () => {
    await meddle(8);
    await create('m');
    const deleted = await server.request('DELETE', `${maps}/m`);
    expect([deleted.code, deleted.text]).toEqual([200, expect.stringContaining('"status":"Success"')]);
    expect(hooks.seen.get('/meddle')?.map(({ oldObject }) => oldObject?.['data'])).toEqual([
      { a: '1' },
      ...[7, 6, 5, 4, 3, 2, 1, 0].map((left) => ({ a: '1', left: String(left) })),
    ]);
    expect((await server.request('GET', `${maps}/m`)).code).toBe(404);
  });

  test('are refused once what they demand no longer holds', async () => {
    await meddle(1);
    const { metadata } = (await create('m')).body as { metadata: { resourceVersion: string } };
    const preconditions = { resourceVersion: metadata.resourceVersion };
    const refused = await server.request('DELETE', `${maps}/m`, { body: { preconditions } });
    expect([refused.code, refused.text]).toEqual([409, expect.stringContaining('Precondition failed')]);
  });
});

describe('failures', () => {
  const calling = 'Internal error occurred: failed calling webhook';

  test('refuse or are ignored, as the policy says', async () => {
    const dead = { clientConfig: { url: 'https://127.0.0.1:1/x' } };
    await configure('Validating', 'dead', webhook('/dead', dead));
    expect((await create('m')).body).toMatchObject({
      code: 500,
      reason: 'InternalError',
      message: `${calling} "dead.example.com": failed to call webhook: Post "https://127.0.0.1:1/x?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused`,
    });
    await server.request('DELETE', `${group}/validatingwebhookconfigurations/dead`);
    await configure('Validating', 'dead', webhook('/dead', { ...dead, failurePolicy: 'Ignore' }));
    expect((await create('m')).code).toBe(201);
  });

  test('of slow webhooks end in time and hold nobody else up', async () => {
    let free: (answer: object) => void = () => undefined;
    hooks.answer(
      '/slow',
      () =>
        new Promise<object>((resolve) => {
          free = resolve;
        }),
    );
    await configure(
      'Validating',
      'slow',
      webhook('/slow', { timeoutSeconds: 1, objectSelector: { matchLabels: { slow: 'yes' } } }),
    );
    const slow = create('m', { metadata: { name: 'm', labels: { slow: 'yes' } } });
    expect((await create('quick')).code).toBe(201);
    expect((await slow).body['message']).toBe(
      `${calling} "slow.example.com": failed to call webhook: Post "${hooks.url}/slow?timeout=1s": context deadline exceeded`,
    );
    free({ allowed: true });
  });

  test.each<[string, Given, Reply, string]>([
    [
      'another uid',
      {},
      () => ({ uid: 'x', allowed: true }),
      'received invalid webhook response: expected response.uid="',
    ],
    [
      'no response',
      {},
      () => ({ raw: true }),
      'received invalid webhook response: webhook response was absent',
    ],
    [
      'a patch',
      {},
      () => patchOf({ op: 'remove', path: '/data' }),
      'received invalid webhook response: validating webhook may not return response.patch',
    ],
    [
      'a stranger',
      { clientConfig: 'stranger' },
      allow,
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    ['no such path', { clientConfig: 'missing' }, allow, 'the server could not find the requested resource'],
  ])('by %s', async (_what, more, reply, words) => {
    hooks.answer('/odd', reply);
    const { clientConfig: which } = more;
    const clientConfig = {
      url: `${hooks.url}${which === 'missing' ? '/missing' : '/odd'}`,
      ...(which === 'stranger' ? {} : { caBundle: hooks.caBundle }),
    };
    await configure('Validating', 'odd', webhook('/odd', { clientConfig }));
    const { body } = await create('m');
    expect(String(body['message'])).toContain(`${calling} "odd.example.com": `);
    expect(String(body['message'])).toContain(words);
  });

  // Endpoints may not be loopback addresses.
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  test.skipIf(own === undefined)('of services say what is missing; ready endpoints are used', async () => {
    hooks.answer('/svc', allow);
    const clientConfig = {
      service: { namespace: 'default', name: 'hook', path: '/svc', port: 8443 },
      caBundle: hooks.caBundle,
    };
    await configure('Validating', 'svc', webhook('/svc', { clientConfig }));
    const post = 'failed to call webhook: Post "https://hook.default.svc:8443/svc?timeout=10s"';
    expect((await create('m')).body['message']).toBe(
      `${calling} "svc.example.com": ${post}: service "hook" not found`,
    );
    await server.request('POST', '/api/v1/namespaces/default/services', {
      body: { metadata: { name: 'hook' }, spec: { ports: [{ port: 8443 }] } },
    });
    expect((await create('m')).body['message']).toBe(
      `${calling} "svc.example.com": ${post}: no endpoints available for service "hook"`,
    );
    await server.request('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
      body: {
        metadata: { name: 'hook-1', labels: { 'kubernetes.io/service-name': 'hook' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [own] }, { addresses: ['192.0.2.1'], conditions: { ready: false } }],
        ports: [{ name: '', port: Number(new URL(hooks.url).port) }],
      },
    });
    const { code, text } = await create('m');
    expect(code, text).toBe(201);
  });
});

describe('what is asked about', () => {
  test.each<[string, Given, boolean]>([
    ['another operation', { rules: [{ ...mapRule, operations: ['DELETE'] }] }, false],
    ['every resource', { rules: [{ ...mapRule, apiGroups: ['*'], resources: ['*'] }] }, true],
    ['subresources only', { rules: [{ ...mapRule, resources: ['configmaps/status'] }] }, false],
    ['cluster scope', { rules: [{ ...mapRule, scope: 'Cluster' }] }, false],
    ['namespaced scope', { rules: [{ ...mapRule, scope: 'Namespaced' }] }, true],
    ['another version', { rules: [{ ...mapRule, apiVersions: ['v2'] }] }, false],
    ['labels of the object', { objectSelector: { matchLabels: { app: 'x' } } }, true],
    [
      'other labels',
      { objectSelector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } },
      false,
    ],
    [
      'the namespace',
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } },
      true,
    ],
    [
      'another namespace',
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'x' } } },
      false,
    ],
    ['a condition', { matchConditions: [{ name: 'a', expression: 'object.data.a == "1"' }] }, true],
    [
      'a condition that is false, though another fails',
      {
        matchConditions: [
          { name: 'a', expression: 'object.none.such == 1' },
          { name: 'b', expression: 'request.operation == "DELETE"' },
        ],
      },
      false,
    ],
  ])('%s', async (_what, more, expected) => {
    hooks.answer('/match', allow);
    await configure('Validating', 'match', webhook('/match', more));
    const { code } = await create('m', { metadata: { name: 'm', labels: { app: 'x' } } });
    expect([code, hooks.seen.has('/match')]).toEqual([201, expected]);
  });

  test('a condition that fails refuses, and one that does not compile is refused', async () => {
    await configure(
      'Validating',
      'fails',
      webhook('/fails', { matchConditions: [{ name: 'a', expression: 'object.none.such == 1' }] }),
    );
    const { code, body } = await create('m');
    expect([code, String(body['message'])]).toEqual([
      403,
      expect.stringMatching(
        /^configmaps "m" is forbidden: expression 'object.none.such == 1' resulted in error: /,
      ),
    ]);
    const wrong = webhook('/wrong', { matchConditions: [{ name: 'a', expression: 'object. ==' }] });
    const refused = await server.request('POST', `${group}/validatingwebhookconfigurations`, {
      body: { metadata: { name: 'wrong' }, webhooks: [wrong] },
    });
    expect([refused.code, refused.text]).toEqual([
      422,
      expect.stringContaining('webhooks[0].matchConditions[0].expression: Invalid value'),
    ]);
  });

  test('other versions of the resource, in the version that the rule means', async () => {
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema });
    const names = { plural: 'things', singular: 'thing', kind: 'Thing' };
    await server.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      body: {
        metadata: { name: 'things.hook.test' },
        spec: {
          group: 'hook.test',
          names,
          scope: 'Cluster',
          versions: [version('v1', false), version('v2', true)],
        },
      },
    });
    hooks.answer('/old', ({ object }) =>
      patchOf({ op: 'add', path: '/seen', value: (object as Given | null)?.['apiVersion'] }),
    );
    const rules = [{ ...mapRule, apiGroups: ['hook.test'], resources: ['things'] }];
    await configure('Mutating', 'old', webhook('/old', { rules }));
    const thing = (name: string) => ({ apiVersion: 'hook.test/v2', kind: 'Thing', metadata: { name } });
    await expect
      .poll(
        async () => (await server.request('POST', '/apis/hook.test/v2/things', { body: thing('a') })).code,
      )
      .toBe(201);
    expect((await server.request('GET', '/apis/hook.test/v2/things/a')).body).toMatchObject({
      apiVersion: 'hook.test/v2',
      seen: 'hook.test/v1',
    });
    expect(hooks.seen.get('/old')?.at(-1)).toMatchObject({
      kind: { group: 'hook.test', version: 'v1', kind: 'Thing' },
      resource: { version: 'v1' },
      requestKind: { version: 'v2' },
      requestResource: { version: 'v2' },
      object: { apiVersion: 'hook.test/v1' },
    });
    hooks.seen.clear();
    await server.request('DELETE', `${group}/mutatingwebhookconfigurations/old`);
    await configure('Mutating', 'old', webhook('/old', { rules, matchPolicy: 'Exact' }));
    await server.request('POST', '/apis/hook.test/v2/things', { body: thing('b') });
    expect(hooks.seen.has('/old')).toBe(false);
  });

  test('never what the server writes itself: it starts while a webhook for everything is down', async () => {
    await configure(
      'Validating',
      'down',
      webhook('/down', {
        clientConfig: { url: 'https://127.0.0.1:1/x' },
        rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }],
      }),
    );
    await server.restart();
    expect((await create('m')).code).toBe(500);
    await server.request('DELETE', `${group}/validatingwebhookconfigurations/down`);
    expect((await create('m')).code).toBe(201);
  });

  test('never configurations of webhooks, so that a broken one can be removed', async () => {
    await configure(
      'Validating',
      'all',
      webhook('/none', {
        clientConfig: { url: 'https://127.0.0.1:1/x' },
        rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }],
      }),
    );
    expect((await create('m')).code).toBe(500);
    expect((await server.request('DELETE', `${group}/validatingwebhookconfigurations/all`)).code).toBe(200);
    expect((await create('m')).code).toBe(201);
  });

  test('dry runs, which are marked as such', async () => {
    hooks.answer('/dry', allow);
    await configure('Validating', 'dry', webhook('/dry'));
    expect((await create('m', {}, '?dryRun=All')).code).toBe(201);
    expect(hooks.seen.get('/dry')?.[0]).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
  });
});

describe('writes that others overtake while a webhook is asked', () => {
  const busy = { metadata: { name: 'busy' }, data: { a: '2' } };
  const rounds = 8;
  const mergeType = 'application/merge-patch+json';
  /** Changes the object before each answer, so often; writes of the hook itself are not asked about. */
  async function overtake(meddle: (round: number) => Promise<unknown>): Promise<void> {
    let round = 0;
    hooks.answer('/overtake', async () => {
      round += 1;
      if (round <= rounds) {
        await meddle(round);
      }
      return { allowed: true };
    });
    const expression = "request.options.?fieldManager.orValue('') != 'hook'";
    const matchConditions = [{ name: 'others', expression }];
    await configure('Mutating', 'overtake', webhook('/overtake', { matchConditions }));
  }
  const change = (round: number) =>
    server.request('PATCH', `${maps}/busy?fieldManager=hook`, {
      body: { data: { round: String(round) } },
      type: mergeType,
    });

  test.each([
    ['PUT', '', 'application/json'],
    ['PATCH', '', mergeType],
    ['PATCH', '', 'application/strategic-merge-patch+json'],
    ['PATCH', '?fieldManager=me&force=true', 'application/apply-patch+yaml'],
  ])('%s%s of %s without a version succeeds, however often', async (method, query, type) => {
    await create('busy');
    await overtake(change);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', ...busy };
    const { code, text } = await server.request(method, `${maps}/busy${query}`, { body, type });
    expect(code, text).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ data: method === 'PUT' ? { a: '2' } : { a: '2', round: '8' } });
    expect(hooks.seen.get('/overtake')).toHaveLength(rounds + 1);
  });

  test.each(['PUT', 'PATCH'])('%s with a version is refused at once', async (method) => {
    const { body: made } = await create('busy');
    await overtake(change);
    const { resourceVersion } = made['metadata'] as { readonly resourceVersion: string };
    const body = { ...busy, metadata: { name: 'busy', resourceVersion } };
    const type = method === 'PUT' ? {} : { type: mergeType };
    const { code, text } = await server.request(method, `${maps}/busy`, { body, ...type });
    expect(code, text).toBe(409);
    expect(text).toContain('the object has been modified; please apply your changes to the latest version');
    expect(hooks.seen.get('/overtake')).toHaveLength(1);
  });

  test('to an object that is deleted meanwhile find nothing; server-side apply makes it anew', async () => {
    await create('busy');
    hooks.answer('/gone', async ({ operation }) => {
      if (operation === 'UPDATE') {
        await server.request('DELETE', `${maps}/busy`);
      }
      return { allowed: true };
    });
    await configure(
      'Mutating',
      'gone',
      webhook('/gone', { rules: [{ ...mapRule, operations: ['UPDATE', 'CREATE'] }] }),
    );
    const put = await server.request('PUT', `${maps}/busy`, { body: busy });
    expect([put.code, put.text]).toEqual([404, expect.stringContaining('configmaps \\"busy\\" not found')]);
    await create('busy');
    const body = { apiVersion: 'v1', kind: 'ConfigMap', ...busy };
    const type = 'application/apply-patch+yaml';
    const applied = await server.request('PATCH', `${maps}/busy?fieldManager=me&force=true`, { body, type });
    expect([applied.code, applied.text]).toEqual([201, expect.stringContaining('"a":"2"')]);
  });
});
