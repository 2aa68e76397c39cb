/** Rules in CEL as users bring them: manifests that kubectl applies, every library of Kubernetes, words of refusal on the screen. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

async function apply(object: object, ...more: readonly string[]) {
  const file = join(server.directory, 'object.json');
  await writeFile(file, JSON.stringify(object));
  return await server.kubectl('apply', '-f', file, ...more);
}

interface Rule {
  readonly type: object;
  readonly rule: string;
  readonly good: unknown;
  readonly bad: unknown;
}

const text = { type: 'string', maxLength: 64 };
const number = { type: 'integer' };
const texts = { type: 'array', maxItems: 8, items: text };
const numbers = { type: 'array', maxItems: 8, items: number };
const map = { type: 'object', maxProperties: 8, additionalProperties: text };

/** One field for each library; the field's name is the library's. */
const rules: Readonly<Record<string, Rule>> = {
  ip: { type: text, rule: 'isIP(self) && ip(self).family() == 6', good: 'fd00::1', bad: '10.0.0.1' },
  cidr: { type: text, rule: "cidr('10.0.0.0/8').containsCIDR(self)", good: '10.1.0.0/16', bad: '11.0.0.0/8' },
  quantity: {
    type: text,
    rule: "quantity(self).isLessThan(quantity('1Gi'))",
    good: '512Mi',
    bad: '2Gi',
  },
  regex: { type: text, rule: "self.find('[0-9]+') == '42'", good: 'x42y', bad: 'x43y' },
  lists: { type: numbers, rule: 'self.isSorted() && self.sum() < 10', good: [1, 2, 3], bad: [3, 2] },
  extended: { type: numbers, rule: 'self.distinct().sort() == [1, 2]', good: [2, 1, 2], bad: [3] },
  url: {
    type: text,
    rule: "url(self).getHostname() == 'a.example'",
    good: 'https://a.example/x',
    bad: 'http://b/',
  },
  strings: { type: text, rule: "self.lowerAscii().replace('-', '') == 'ab'", good: 'A-b', bad: 'a-c' },
  format: { type: text, rule: '!format.dns1123Label().validate(self).hasValue()', good: 'a-1', bad: 'A_1' },
  semver: {
    type: text,
    rule: "isSemver(self) && semver(self).isGreaterThan(semver('1.2.3'))",
    good: '1.10.0',
    bad: '1.2.3-rc.1',
  },
  sets: { type: texts, rule: "sets.contains(['a', 'b'], self)", good: ['b'], bad: ['c'] },
  pairs: { type: map, rule: 'self.all(key, value, key != value)', good: { a: 'b' }, bad: { a: 'a' } },
  optional: { type: map, rule: "self[?'a'].orValue('none') == 'none'", good: { b: 'x' }, bad: { a: 'x' } },
};

const definition = (name: string, properties: object): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${name}s.rules.example` },
  spec: {
    group: 'rules.example',
    scope: 'Namespaced',
    names: { plural: `${name}s`, kind: name.charAt(0).toUpperCase() + name.slice(1) },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
        },
      },
    ],
  },
});

const ruled = (fields: object): object => ({
  apiVersion: 'rules.example/v1',
  kind: 'Ruled',
  metadata: { name: 'r', namespace: 'default' },
  spec: fields,
});

describe('a definition with rules', () => {
  beforeAll(async () => {
    const properties = Object.entries(rules).map(([name, { type, rule }]) => [
      name,
      { ...type, 'x-kubernetes-validations': [{ rule, message: `not as ${name} wants` }] },
    ]);
    const made = await apply(definition('ruled', Object.fromEntries(properties)));
    expect(made.code, made.err).toBe(0);
    const ready = await server.kubectl('wait', '--for=condition=Established', 'crd/ruleds.rules.example');
    expect(ready.code, ready.err).toBe(0);
    const good = Object.entries(rules).map(([name, { good: value }]) => [name, value]);
    const applied = await apply(ruled(Object.fromEntries(good)));
    expect([applied.code, applied.err]).toEqual([0, '']);
  });

  test.each(Object.entries(rules))('%s', async (name, { bad }) => {
    const { code, err } = await apply(ruled({ [name]: bad }), '--dry-run=server');
    expect(code, err).toBe(1);
    // Lists and maps are not printed.
    expect(err).toMatch(
      new RegExp(`^The Ruled "r" is invalid: spec\\.${name}: Invalid value: (".*": )?not as ${name} wants`),
    );
  });

  test('is refused where a rule is none', async () => {
    const wrong = { ...text, 'x-kubernetes-validations': [{ rule: 'self.nothing() > 1' }] };
    const { code, err } = await apply(definition('wrong', { field: wrong }));
    expect(code).toBe(1);
    expect(err).toContain('x-kubernetes-validations[0].rule: Invalid value');
    expect(err).toContain('compilation failed');
  });
});

test('a policy asks what the user may', async () => {
  const group = 'admissionregistration.k8s.io/v1';
  const mayDelete = "authorizer.group('').resource('namespaces').name('default').check('delete').allowed()";
  const policy = {
    apiVersion: group,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'careful' },
    spec: {
      matchConstraints: {
        resourceRules: [
          { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] },
        ],
      },
      validations: [{ expression: mayDelete, messageExpression: "request.userInfo.username + ' may not'" }],
    },
  };
  const binding = {
    apiVersion: group,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'careful' },
    spec: { policyName: 'careful', validationActions: ['Deny'] },
  };
  const asking = structuredClone(policy);
  asking.spec.validations = [{ expression: mayDelete, messageExpression: `string(${mayDelete})` }];
  const wrong = await apply(asking);
  expect(wrong.err).toContain('spec.validations[0].messageExpression: Invalid value');
  expect(await apply(policy)).toMatchObject({ code: 0, err: '' });
  expect(await apply(binding)).toMatchObject({ code: 0, err: '' });
  const asEditor = ['--as=eve', '-n', 'default'];
  const granted = await server.kubectl(
    ...['create', 'rolebinding', 'eve', '--clusterrole=edit', '--user=eve', '-n', 'default'],
  );
  expect(granted.code, granted.err).toBe(0);
  const refused = await server.kubectl('create', 'configmap', 'hers', ...asEditor);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain(
    "ValidatingAdmissionPolicy 'careful' with binding 'careful' denied request: eve may not",
  );
  expect(await server.kubectl('create', 'configmap', 'mine', '-n', 'default')).toMatchObject({ code: 0 });
});
