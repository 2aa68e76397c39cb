import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const merge = 'application/merge-patch+json';

type Json = Readonly<Record<string, unknown>>;

const spec = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'string', enum: ['small', 'large'] },
    replicas: { type: 'integer', default: 1, minimum: 0, maximum: 10 },
    ratio: { type: 'number', multipleOf: 0.5, minimum: 0, exclusiveMinimum: true },
    fixed: {
      type: 'string',
      'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed is immutable' }],
    },
    address: { type: 'string', oneOf: [{ pattern: '^a' }, { pattern: '^b' }] },
    low: { type: 'integer' },
    high: { type: 'integer' },
    labels: { type: 'object', additionalProperties: { type: 'string' }, minProperties: 1 },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
  'x-kubernetes-validations': [
    {
      rule: '!has(self.low) || !has(self.high) || self.low <= self.high',
      messageExpression: '"low is %d, more than %d".format([self.low, self.high])',
      fieldPath: '.low',
      reason: 'FieldValueForbidden',
    },
  ],
};
const status = {
  type: 'object',
  properties: { replicas: { type: 'integer' }, selector: { type: 'string' } },
};

function version(name: string, storage: boolean, more: Json = {}): Json {
  const openAPIV3Schema = { type: 'object', description: 'A thing.', properties: { spec, status } };
  const scale = {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  };
  return {
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema },
    subresources: { status: {}, scale },
    additionalPrinterColumns: [{ name: 'Size', type: 'string', jsonPath: '.spec.size' }],
    selectableFields: [{ jsonPath: '.spec.size' }],
    ...more,
  };
}

function definition(
  plural: string,
  versions: readonly Json[],
  names: Json = {},
  group = 'example.com',
): Json {
  const kind = `${plural.charAt(0).toUpperCase()}${plural.slice(1, -1)}`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: { group, scope: 'Namespaced', names: { plural, kind, ...names }, versions },
  };
}

const define = (body: Json) => server.request('POST', definitions, { body });
const at = (plural: string, served = 'v1') => `/apis/example.com/${served}/namespaces/default/${plural}`;
const make = (plural: string, kind: string, name: string, made: Json, served = 'v1') =>
  server.request('POST', at(plural, served), {
    body: { apiVersion: `example.com/${served}`, kind, metadata: { name }, spec: made },
  });
const messageOf = (answer: Answer) => String(answer.body['message']);
const specOf = (answer: Answer) => answer.body['spec'];

/** Asks until the answer is as wanted. */
async function until(request: () => Promise<Answer>, enough: (answer: Answer) => boolean): Promise<Answer> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await request();
    if (enough(answer) || attempt > 500) {
      return answer;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function conditionsOf(name: string): Promise<readonly string[]> {
  const { body } = await server.request('GET', `${definitions}/${name}`);
  const { conditions = [] } = body['status'] as { readonly conditions?: readonly Record<string, string>[] };
  return conditions.map(({ type, status: is, reason }) => `${type}=${is} ${reason}`);
}

beforeAll(async () => {
  server = await startFixture();
  await define(definition('things', [version('v1', true)], { shortNames: ['tg'], categories: ['all'] }));
});
afterAll(() => server.close());

describe('a definition', () => {
  test('is served once it is answered, and kubectl finds it', async () => {
    expect(await conditionsOf('things.example.com')).toEqual([
      'NamesAccepted=True NoConflicts',
      'Established=True InitialNamesAccepted',
    ]);
    const resources = await server.kubectl('api-resources', '--api-group=example.com', '--no-headers');
    expect(resources.out.split(/\s+/)).toEqual(['things', 'tg', 'example.com/v1', 'true', 'Thing']);
    const explained = await server.kubectl('explain', 'thing.spec.size');
    expect(explained.out).toContain('FIELD: size <string>');
    const { out } = await server.kubectl('explain', 'crd.spec.versions.schema');
    expect(out).toContain('openAPIV3Schema\t<JSONSchemaProps>'.split('\t')[0]);
  });

  test('with faults is refused with all of them', async () => {
    const bad = definition('bads', [version('v1', true, { schema: {} }), version('V2', false)]);
    const { code, body } = await define(bad);
    const { causes } = body['details'] as { readonly causes: readonly { readonly field: string }[] };
    expect([code, causes.map(({ field }) => field)]).toEqual([
      422,
      [
        'spec.versions[0].schema.openAPIV3Schema',
        'spec.versions[0].selectableFields',
        'spec.versions[1].name',
      ],
    ]);
  });

  test('with unknown fields is refused by kubectl', async () => {
    const odd = definition('odds', [
      version('v1', true, { schema: { openAPIV3Schema: { typo: 1, type: 'object' } } }),
    ]);
    const file = path.join(server.directory, 'odd.json');
    await writeFile(file, JSON.stringify(odd));
    const { err } = await server.kubectl('create', '-f', file);
    expect(err).toContain('unknown field "spec.versions[0].schema.openAPIV3Schema.typo"');
  });

  test('whose kind is taken waits until it is free', async () => {
    await define(definition('firsts', [version('v1', true)], { kind: 'Same' }));
    await define(definition('seconds', [version('v1', true)], { kind: 'Same' }));
    expect(await conditionsOf('seconds.example.com')).toEqual([
      'NamesAccepted=False ListKindConflict',
      'Established=False NotAccepted',
    ]);
    expect((await server.request('GET', at('seconds'))).code).toBe(404);
    await server.request('DELETE', `${definitions}/firsts.example.com`);
    const free = await until(
      () => server.request('GET', at('seconds')),
      ({ code }) => code === 200,
    );
    expect(free.code).toBe(200);
  });

  test('of a kind that is compiled in changes nothing', async () => {
    const ours = definition('gadgets', [version('v1', true)], {}, 'test.patchbay.dev');
    expect((await define(ours)).code).toBe(201);
    const gadgets = '/apis/test.patchbay.dev/v1/namespaces/default/gadgets';
    const body = {
      apiVersion: 'test.patchbay.dev/v1',
      kind: 'Gadget',
      metadata: { name: 'g' },
      spec: { size: 'small' },
    };
    expect(specOf(await server.request('POST', gadgets, { body }))).toEqual({ size: 'small', count: 1 });
    const gone = `${definitions}/gadgets.test.patchbay.dev`;
    await server.request('DELETE', gone);
    await until(
      () => server.request('GET', gone),
      ({ code }) => code === 404,
    );
    expect((await server.request('GET', `${gadgets}/g`)).code).toBe(200);
  });

  test('files of deploy/crds are taken', async () => {
    const folder = path.resolve(import.meta.dirname, '../../deploy/crds');
    const { code, err } = await server.kubectl('create', '-f', folder);
    expect([code, err]).toEqual([0, '']);
    const waited = await server.kubectl('wait', '--for=condition=Established', '-f', folder, '--timeout=5s');
    expect([waited.code, waited.err]).toEqual([0, '']);
  });
});

describe('objects', () => {
  test('get defaults, lose what is unknown, keep what is free', async () => {
    const made = await make('things', 'Thing', 'a', { size: 'small', odd: 1, free: { any: [1] } });
    expect([made.code, specOf(made)]).toEqual([201, { size: 'small', replicas: 1, free: { any: [1] } }]);
    expect(made.headers['warning']).toBe('299 - "unknown field \\"spec.odd\\""');
  });

  test.each<[Json, string]>([
    [{ size: 'huge' }, 'spec.size: Unsupported value: "huge": supported values: "small", "large"'],
    [
      { size: 'small', ratio: 0 },
      'spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0',
    ],
    [
      { size: 'small', ratio: 0.7 },
      'spec.ratio: Invalid value: 0.7: spec.ratio in body should be a multiple of 0.5',
    ],
    [
      { size: 'small', labels: {} },
      'spec.labels: Invalid value: 0: spec.labels in body should have at least 1 properties',
    ],
    [
      { size: 'small', address: 'c' },
      '<nil>: Invalid value: "": "spec.address" must validate one and only one schema (oneOf). Found none valid',
    ],
    [{ size: 'small', low: 3, high: 2 }, 'spec.low: Forbidden: low is 3, more than 2'],
  ])('%o are refused', async (made, why) => {
    const answer = await make('things', 'Thing', 'bad', made);
    expect([answer.code, messageOf(answer)]).toEqual([422, expect.stringContaining(why)]);
  });

  test('obey rules of transition', async () => {
    await make('things', 'Thing', 'f', { size: 'small', fixed: 'one' });
    const answer = await server.request('PATCH', `${at('things')}/f`, {
      type: merge,
      body: { spec: { fixed: 'two' } },
    });
    expect(messageOf(answer)).toBe(
      'Thing.example.com "f" is invalid: spec.fixed: Invalid value: "two": fixed is immutable',
    );
  });

  test('are selected by a field', async () => {
    await make('things', 'Thing', 'big', { size: 'large' });
    const { out } = await server.kubectl('get', 'tg', '--field-selector=spec.size=large', '-o', 'name');
    expect(out).toBe('thing.example.com/big');
  });

  test('are scaled, with every sort of patch', async () => {
    await make('things', 'Thing', 's', { size: 'small', replicas: 2 });
    const scale = `${at('things')}/s/scale`;
    await server.request('PATCH', `${at('things')}/s/status`, {
      type: merge,
      body: { status: { replicas: 2, selector: 'app=s' } },
    });
    const seen = await server.request('GET', scale);
    expect([seen.body['kind'], seen.body['spec'], seen.body['status']]).toEqual([
      'Scale',
      { replicas: 2 },
      { replicas: 2, selector: 'app=s' },
    ]);
    const scaled = await server.kubectl('scale', 'thing/s', '--replicas=4');
    expect(scaled.out).toBe('thing.example.com/s scaled');
    const put = { ...seen.body, spec: { replicas: 5 } };
    expect((await server.request('PUT', scale, { body: put })).code).toBe(409);
    const negative = await server.request('PATCH', scale, { type: merge, body: { spec: { replicas: -1 } } });
    expect(messageOf(negative)).toContain(
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    );
    const tooMany = await server.request('PATCH', scale, { type: merge, body: { spec: { replicas: 11 } } });
    expect(messageOf(tooMany)).toContain('should be less than or equal to 10');
    const applied = await server.request('PATCH', `${scale}?fieldManager=me&force=true`, {
      type: 'application/apply-patch+yaml',
      body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 's' }, spec: { replicas: 6 } },
    });
    expect([applied.code, applied.body['spec']]).toEqual([200, { replicas: 6 }]);
    const { body } = await server.request('GET', `${at('things')}/s`);
    expect([body['spec'], (body['metadata'] as Json)['generation']]).toEqual([
      { size: 'small', replicas: 6 },
      3,
    ]);
  });
});

describe('versions', () => {
  test('show the same object, stored as one of them', async () => {
    const deprecated = { deprecated: true };
    await define(definition('pairs', [version('v1beta1', false, deprecated), version('v1', true)]));
    const group = await server.request('GET', '/apis/example.com');
    const versions = (group.body['versions'] as readonly Json[]).map((each) => each['version']);
    expect(versions).toEqual(['v1', 'v1beta1']);
    const made = await make('pairs', 'Pair', 'p', { size: 'small' }, 'v1beta1');
    expect([made.body['apiVersion'], made.headers['warning']]).toEqual([
      'example.com/v1beta1',
      '299 - "example.com/v1beta1 Pair is deprecated"',
    ]);
    const seen = await server.request('GET', `${at('pairs')}/p`);
    expect([seen.body['apiVersion'], specOf(seen)]).toEqual([
      'example.com/v1',
      { size: 'small', replicas: 1 },
    ]);
    const list = await server.request('GET', at('pairs', 'v1beta1'));
    expect((list.body['items'] as readonly Json[]).map((item) => item['apiVersion'])).toEqual([
      'example.com/v1beta1',
    ]);
    const watched = await server.watch(`${at('pairs', 'v1beta1')}?watch=true`, (events) => events.length > 0);
    expect(watched.map(({ object }) => object['apiVersion'])).toEqual(['example.com/v1beta1']);
    const patched = await server.request('PATCH', `${at('pairs', 'v1beta1')}/p`, {
      type: merge,
      body: { spec: { size: 'large' } },
    });
    expect([patched.body['apiVersion'], specOf(patched)]).toEqual([
      'example.com/v1beta1',
      { size: 'large', replicas: 1 },
    ]);
  });

  test('with a newer schema give old objects its defaults, and end running watches', async () => {
    await define(definition('olds', [version('v1', true)]));
    await make('olds', 'Old', 'o', { size: 'small', low: 1 });
    const watching = server.watch(`${at('olds')}?watch=true`, () => false);
    const { low: _, ...others } = spec.properties;
    const properties = { ...others, mode: { type: 'string', default: 'auto' } };
    const { 'x-kubernetes-validations': __, ...plain } = spec;
    const openAPIV3Schema = { type: 'object', properties: { spec: { ...plain, properties }, status } };
    const changed = version('v1', true, { schema: { openAPIV3Schema } });
    const body = { spec: { versions: [changed] } };
    expect(
      (await server.request('PATCH', `${definitions}/olds.example.com`, { type: merge, body })).code,
    ).toBe(200);
    expect((await watching).length).toBeLessThanOrEqual(1);
    const seen = await server.request('GET', `${at('olds')}/o`);
    expect(specOf(seen)).toEqual({ size: 'small', replicas: 1, mode: 'auto' });
  });
});

describe('deletion', () => {
  test('waits for instances, refuses new ones, ends watches', async () => {
    await define(definition('helds', [version('v1', true)]));
    await make('helds', 'Held', 'free', { size: 'small' });
    const body = {
      apiVersion: 'example.com/v1',
      kind: 'Held',
      metadata: { name: 'held', finalizers: ['example.com/hold'] },
      spec: { size: 'small' },
    };
    await server.request('POST', at('helds'), { body });
    const watching = server.watch(`${at('helds')}?watch=true`, () => false);
    const deleted = await server.request('DELETE', `${definitions}/helds.example.com`);
    expect((deleted.body['metadata'] as Json)['finalizers']).toEqual([
      'customresourcecleanup.apiextensions.k8s.io',
    ]);
    const left = await until(
      () => server.request('GET', at('helds')),
      (answer) => (answer.body['items'] as readonly Json[]).length === 1,
    );
    expect((left.body['items'] as readonly { readonly metadata: Json }[])[0]?.metadata['name']).toBe('held');
    expect(await conditionsOf('helds.example.com')).toContain('Terminating=True InstanceDeletionInProgress');
    const late = await make('helds', 'Held', 'late', { size: 'small' });
    expect([late.code, messageOf(late)]).toEqual([
      403,
      'helds.example.com "late" is forbidden: create not allowed while custom resource definition is terminating',
    ]);
    await server.request('PATCH', `${at('helds')}/held`, {
      type: merge,
      body: { metadata: { finalizers: null } },
    });
    const gone = await until(
      () => server.request('GET', at('helds')),
      ({ code }) => code === 404,
    );
    expect([gone.code, gone.text]).toEqual([404, '404 page not found\n']);
    const events = (await watching).map(({ type, object }) => `${type} ${object.metadata.name}`);
    expect(events.filter((event) => event.startsWith('DELETED')).toSorted()).toEqual([
      'DELETED free',
      'DELETED held',
    ]);
    const { err } = await server.kubectl('get', 'helds');
    expect(err).toContain('the server');
  });
});

test('a restart keeps definitions and objects', async () => {
  await server.restart();
  const { out } = await server.kubectl('get', 'thing', 'a', '-o', 'jsonpath={.spec}');
  expect(out).toBe('{"free":{"any":[1]},"replicas":1,"size":"small"}');
  expect((await make('things', 'Thing', 'again', { size: 'large' })).code).toBe(201);
});

describe('evictions', () => {
  const pods = '/api/v1/namespaces/default/pods';
  const evict = (name: string, sent: Json = {}) =>
    server.request('POST', `${pods}/${name}/eviction`, {
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, ...sent },
    });
  const pod = async (name: string, running: boolean) => {
    const made = { containers: [{ name: 'c', image: 'example.com/none:1' }] };
    const metadata = { name, labels: { app: 'web' } };
    await server.request('POST', pods, { body: { apiVersion: 'v1', kind: 'Pod', metadata, spec: made } });
    const conditions = [{ type: 'Ready', status: 'True' }];
    const body = { status: running ? { phase: 'Running', conditions } : { phase: 'Pending' } };
    await server.request('PATCH', `${pods}/${name}/status`, { type: merge, body });
  };

  test('delete a pod, or refuse to', async () => {
    await pod('one', true);
    expect((await evict('one', { metadata: { name: 'other' } })).code).toBe(400);
    expect((await evict('none')).code).toBe(404);
    expect((await evict('one')).code).toBe(201);
    expect((await server.request('GET', `${pods}/one`)).code).toBe(404);
  });

  test('keep to a disruption budget', async () => {
    const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    const selector = { matchLabels: { app: 'web' } };
    const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' } };
    await server.request('POST', budgets, { body: { ...budget, spec: { minAvailable: 1, selector } } });
    await pod('two', true);
    await pod('three', true);
    await pod('waits', false);
    const report = (disruptionsAllowed: number) =>
      server.request('PATCH', `${budgets}/b/status`, {
        type: merge,
        body: {
          status: {
            observedGeneration: 1,
            disruptionsAllowed,
            currentHealthy: 2,
            desiredHealthy: 1,
            expectedPods: 2,
          },
        },
      });
    expect((await report(1)).code).toBe(200);
    expect((await evict('two')).code).toBe(201);
    const refused = await evict('three');
    expect([refused.code, messageOf(refused), refused.headers['retry-after']]).toEqual([
      429,
      "Cannot evict pod as it would violate the pod's disruption budget.",
      '10',
    ]);
    expect((await evict('waits')).code).toBe(201);
    expect((await server.request('GET', `${pods}/three`)).code).toBe(200);
  });
});
