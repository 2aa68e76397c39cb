import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());
afterEach(async () => {
  for (const plural of ['validatingadmissionpolicybindings', 'validatingadmissionpolicies']) {
    await server.request('DELETE', `${group}/${plural}`);
  }
  await server.request('DELETE', maps);
});

const group = '/apis/admissionregistration.k8s.io/v1';
const maps = '/api/v1/namespaces/default/configmaps';
const rule = {
  operations: ['CREATE', 'UPDATE'],
  apiGroups: [''],
  apiVersions: ['v1'],
  resources: ['configmaps'],
};

interface Given {
  readonly [field: string]: unknown;
}

async function post(path: string, body: Given): Promise<void> {
  const { code, text } = await server.request('POST', path, { body });
  expect(code, text).toBe(201);
}

const policyOf = (name: string, spec: Given) => ({
  metadata: { name },
  spec: { matchConstraints: { resourceRules: [rule] }, ...spec },
});

async function policy(spec: Given, binding: Given = {}, name = 'p'): Promise<void> {
  await post(`${group}/validatingadmissionpolicies`, policyOf(name, spec));
  await post(`${group}/validatingadmissionpolicybindings`, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, validationActions: ['Deny'], ...binding },
  });
}

const create = (name: string, more: Given = {}) =>
  server.request('POST', maps, { body: { metadata: { name }, data: { a: '1' }, ...more } });
const denied = (why: string, name = 'p') =>
  `ValidatingAdmissionPolicy '${name}' with binding '${name}-binding' denied request: ${why}`;

describe('validations', () => {
  test('deny in upstream words', async () => {
    await policy({ validations: [{ expression: 'object.data.a == "2"' }] });
    const words = denied('failed expression: object.data.a == "2"');
    expect((await create('m')).body).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: `configmaps "m" is forbidden: ${words}`,
      details: { name: 'm', kind: 'configmaps', causes: [{ message: words }] },
    });
    const file = join(server.directory, 'm.yaml');
    await writeFile(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m\ndata:\n  a: "1"\n');
    const applied = await server.kubectl('apply', '-f', file);
    expect([applied.code, applied.err]).toEqual([1, `The configmaps "m" is invalid: : ${words}`]);
    expect((await server.kubectl('get', 'validatingadmissionpolicies')).out).toMatch(
      /NAME +VALIDATIONS +PARAMKIND +AGE\np +1 +<unset> +\d+s/,
    );
  });

  test.each<[string, Given, number, string, string]>([
    ['a message', { expression: 'false', message: ' no way ' }, 422, 'Invalid', 'no way'],
    [
      'an expression for the message, and a reason',
      {
        expression: 'false',
        message: 'no',
        messageExpression: '"got " + object.data.a',
        reason: 'Forbidden',
      },
      403,
      'Forbidden',
      'got 1',
    ],
    [
      'a broken expression for the message',
      { expression: 'false', message: 'no', messageExpression: 'object.data.zzz' },
      422,
      'Invalid',
      'no',
    ],
    [
      'the user',
      { expression: 'request.userInfo.username != "system:admin"' },
      422,
      'Invalid',
      'failed expression: request.userInfo.username != "system:admin"',
    ],
  ])('say %s', async (_what, validation, code, reason, why) => {
    await policy({ validations: [validation] });
    const { body } = await create('m');
    expect([body['code'], body['reason'], body['message']]).toEqual([
      code,
      reason,
      `configmaps "m" is forbidden: ${denied(why)}`,
    ]);
  });

  test('see the old object, the namespace and variables', async () => {
    await policy({
      variables: [
        { name: 'grown', expression: 'oldObject == null || size(object.data) >= size(oldObject.data)' },
        { name: 'fine', expression: 'variables.grown && namespaceObject.metadata.name == "default"' },
      ],
      validations: [{ expression: 'variables.fine', message: 'it shrank' }],
    });
    expect((await create('m', { data: { a: '1', b: '2' } })).code).toBe(201);
    const type = 'application/json-patch+json';
    const shrunk = await server.request('PATCH', `${maps}/m`, {
      body: [{ op: 'remove', path: '/data/b' }],
      type,
    });
    expect([shrunk.code, shrunk.body['message']]).toEqual([
      422,
      `configmaps "m" is forbidden: ${denied('it shrank')}`,
    ]);
  });

  test('ask what the user, or a service account, may', async () => {
    const may = (name: string, rest: string) => ({ name, expression: `authorizer.${rest}.allowed()` });
    await policy({
      variables: [
        may('own', "requestResource.check('create')"),
        may('nodes', "group('').resource('nodes').check('delete')"),
        may(
          'theirs',
          "serviceAccount('default', 'robot').group('').resource('pods').namespace('default').check('get')",
        ),
      ],
      validations: [
        { expression: 'variables.own && variables.nodes && !variables.theirs', message: 'wrong' },
        { expression: "authorizer.path('/healthz').check('get').reason() == ''", message: 'no path' },
        {
          expression:
            "authorizer.group('apps').resource('deployments').subresource('scale').name('x').namespace('n').fieldSelector('a=b').labelSelector('c=d').check('update').errored()",
          message: 'no error',
        },
        { expression: "authorizer.group('').resource(' ').check('get').allowed()" },
      ],
    });
    const { body } = await create('m');
    expect(body['message']).toBe(`configmaps "m" is forbidden: ${denied('no error')}`);
    const refused = await server.request('POST', `${group}/validatingadmissionpolicies`, {
      body: {
        metadata: { name: 'q' },
        spec: {
          matchConstraints: {
            resourceRules: [{ operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
          },
          validations: [{ expression: "authorizer.nothing('x')" }],
        },
      },
    });
    expect([refused.code, refused.text]).toEqual([422, expect.stringContaining('compilation failed')]);
  });

  test('may ask for few permissions only', async () => {
    const check = "authorizer.group('').resource('pods').check('get').allowed()";
    await policy({ validations: [{ expression: [check, check, check].join(' && ') }] });
    expect(String((await create('m')).body['message'])).toContain('actual cost limit exceeded');
  });

  test('errors count as the failure policy says', async () => {
    const validations = [{ expression: 'object.data.none.such' }];
    await policy({ validations });
    expect(String((await create('m')).body['message'])).toContain(
      denied("expression 'object.data.none.such' resulted in error: "),
    );
    await policy({ validations, failurePolicy: 'Ignore' }, {}, 'lenient');
    await server.request('DELETE', `${group}/validatingadmissionpolicies/p`);
    expect((await create('m')).code).toBe(201);
  });

  test('only warn when told so', async () => {
    await policy(
      { validations: [{ expression: 'false', message: 'odd' }] },
      { validationActions: ['Warn', 'Audit'] },
    );
    expect(await server.kubectl('create', 'configmap', 'm')).toEqual({
      code: 0,
      out: 'configmap/m created',
      err: "Warning: Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-binding': odd",
    });
  });
});

describe('what a policy is about', () => {
  const never = { validations: [{ expression: 'false' }] };
  const resourceRules = [rule];
  test.each<[string, Given, Given, number]>([
    ['everything bound', {}, {}, 422],
    ['conditions', { matchConditions: [{ name: 'c', expression: 'object.data.a == "2"' }] }, {}, 201],
    ['excluded rules', { matchConstraints: { resourceRules, excludeResourceRules: [rule] } }, {}, 201],
    ['names', { matchConstraints: { resourceRules: [{ ...rule, resourceNames: ['other'] }] } }, {}, 201],
    [
      'labels of objects',
      { matchConstraints: { resourceRules, objectSelector: { matchLabels: { app: 'x' } } } },
      {},
      201,
    ],
    [
      'namespaces of the binding',
      {},
      { matchResources: { namespaceSelector: { matchLabels: { team: 'x' } } } },
      201,
    ],
    [
      'the namespace of the binding',
      {},
      {
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } },
      },
      422,
    ],
  ])('%s', async (_what, spec, binding, code) => {
    await policy({ ...never, ...spec }, binding);
    expect((await create('m')).code).toBe(code);
  });

  test('no binding, no policy', async () => {
    await post(`${group}/validatingadmissionpolicies`, policyOf('p', never));
    expect((await create('m')).code).toBe(201);
  });
});

describe('params', () => {
  const paramKind = { apiVersion: 'test.patchbay.dev/v1', kind: 'Gadget' };
  const validations = [{ expression: 'size(object.data) <= params.spec.count', message: 'too many' }];
  const gadgets = '/apis/test.patchbay.dev/v1/namespaces/default/gadgets';
  const limit = { name: 'limit', namespace: 'default', parameterNotFoundAction: 'Deny' };

  test('of a custom kind, by name', async () => {
    await policy({ paramKind, validations }, { paramRef: limit });
    expect((await create('m')).body['message']).toBe(
      `configmaps "m" is forbidden: ${denied('failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction')}`,
    );
    await post(gadgets, {
      apiVersion: 'test.patchbay.dev/v1',
      kind: 'Gadget',
      metadata: { name: 'limit', labels: { limit: 'yes' } },
      spec: { size: 'small', count: 1 },
    });
    expect((await create('m')).code).toBe(201);
    expect((await create('n', { data: { a: '1', b: '2' } })).code).toBe(422);
    await server.request('DELETE', `${gadgets}/limit`);
  });

  test('of a builtin kind, by labels; none are fine when allowed', async () => {
    const selector = { matchLabels: { limit: 'yes' } };
    await policy(
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [{ expression: 'object.data.a != params.data.forbidden', message: 'forbidden word' }],
      },
      { paramRef: { selector, parameterNotFoundAction: 'Allow' } },
    );
    expect((await create('m')).code).toBe(201);
    await create('limit', {
      metadata: { name: 'limit', labels: { limit: 'yes' } },
      data: { a: '9', forbidden: '1' },
    });
    expect((await create('n')).body['message']).toBe(
      `configmaps "n" is forbidden: ${denied('forbidden word')}`,
    );
  });
});

test.each([
  ['object. ==', 'compilation failed: '],
  ['authorizer.group("").check("get").allowed()', 'compilation failed: '],
])('expressions are compiled when they are written: %s', async (expression, words) => {
  const { code, text } = await server.request('POST', `${group}/validatingadmissionpolicies`, {
    body: policyOf('p', { validations: [{ expression }] }),
  });
  expect(code).toBe(422);
  expect(text).toContain('spec.validations[0].expression: Invalid value');
  expect(text).toContain(words);
});
