import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

async function manifest(name: string, text: string): Promise<string> {
  const path = join(server.directory, name);
  await writeFile(path, text);
  return path;
}

const gadget = (size: string, extra = '') => `apiVersion: test.patchbay.dev/v1
kind: Gadget
metadata:
  name: g
  namespace: default
spec:
  size: ${size}
${extra}`;

test('create, get, describe, label, edit by patch, delete', async () => {
  const out = async (...argv: readonly string[]) => {
    const done = await server.kubectl(...argv);
    return done.code === 0 ? done.out : `${done.code} ${done.err}`;
  };
  expect(await out('create', 'configmap', 'one', '--from-literal=a=1')).toBe('configmap/one created');
  expect(await out('create', 'configmap', 'one')).toBe(
    '1 error: failed to create configmap: configmaps "one" already exists',
  );
  expect(await out('create', 'namespace', 'team')).toBe('namespace/team created');
  expect(await out('create', 'secret', 'generic', 'hush', '--from-literal=pw=x')).toBe('secret/hush created');
  expect(await out('get', 'secret', 'hush', '-o', 'jsonpath={.data.pw}')).toBe('eA==');
  expect(await out('create', 'service', 'clusterip', 'web', '--tcp=80:8080')).toBe('service/web created');
  expect(await out('get', 'svc', 'web', '-o', 'jsonpath={.spec.ports[0].targetPort}')).toBe('8080');
  expect((await out('get', 'cm', 'one', '--no-headers')).split(/\s+/).slice(0, 2)).toEqual(['one', '1']);
  expect(await out('get', 'cm', 'missing')).toBe(
    '1 Error from server (NotFound): configmaps "missing" not found',
  );
  expect(await out('describe', 'cm', 'one')).toContain('Data\n====\na:\n----\n1');
  expect(await out('label', 'cm', 'one', 'x=y')).toBe('configmap/one labeled');
  expect(await out('patch', 'cm', 'one', '-p', '{"data":{"a":"1"}}')).toBe(
    'configmap/one patched (no change)',
  );
  expect(await out('delete', 'cm', 'one')).toBe('configmap "one" deleted');
});

test('apply, diff, wait and explain a custom kind', async () => {
  const first = await manifest('first.yaml', gadget('small'));
  const second = await manifest('second.yaml', gadget('large'));
  expect(await server.kubectl('apply', '-f', first)).toMatchObject({
    code: 0,
    out: 'gadget.test.patchbay.dev/g created',
  });
  expect(await server.kubectl('apply', '-f', first)).toMatchObject({
    code: 0,
    out: 'gadget.test.patchbay.dev/g unchanged',
  });
  expect(await server.kubectl('diff', '-f', second)).toMatchObject({
    code: 1,
    out: expect.stringContaining('+  size: large'),
  });
  expect(await server.kubectl('apply', '-f', second)).toMatchObject({
    code: 0,
    out: 'gadget.test.patchbay.dev/g configured',
  });
  expect(await server.kubectl('apply', '--server-side', '-f', second, '--force-conflicts')).toMatchObject({
    code: 0,
    out: 'gadget.test.patchbay.dev/g serverside-applied',
  });
  const status = [
    'patch',
    'gg',
    'g',
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":{"phase":"Ready"}}',
  ];
  expect(await server.kubectl(...status)).toMatchObject({ code: 0 });
  expect(
    await server.kubectl('wait', '--for=jsonpath={.status.phase}=Ready', 'gg/g', '--timeout=5s'),
  ).toMatchObject({
    code: 0,
    out: 'gadget.test.patchbay.dev/g condition met',
  });
  expect(await server.kubectl('explain', 'gadget.spec.size')).toMatchObject({
    code: 0,
    out: expect.stringContaining('How large the gadget is.'),
  });
  expect((await server.kubectl('get', 'gg')).out).toMatch(/^NAME\s+SIZE\ng\s+large$/);
});

test('what is wrong is refused with the field', async () => {
  const wrong = await manifest('wrong.yaml', gadget('huge'));
  expect((await server.kubectl('create', '-f', wrong)).err).toContain(
    'spec.size: Unsupported value: "huge": supported values: "small", "large"',
  );
  const unknown = await manifest('unknown.yaml', gadget('small', '  colour: red\n'));
  expect((await server.kubectl('create', '-f', unknown)).err).toContain(
    'strict decoding error: unknown field "spec.colour"',
  );
  const misspelt = await manifest('misspelt.yaml', gadget('small', '  siez: 1\n'));
  expect((await server.kubectl('create', '-f', misspelt)).err).toContain(
    'unknown field "spec.siez" (did you mean "size"?)',
  );
});

test('a List is taken apart, and a kind that is not served is refused as such', async () => {
  const item = (name: string) =>
    `- {apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}, namespace: default}}`;
  const text = `apiVersion: v1\nkind: List\nitems:\n${item('l1')}\n${item('l2')}\n`;
  const applied = await server.kubectl('apply', '-f', await manifest('list.yaml', text));
  expect(applied).toEqual({ code: 0, out: 'configmap/l1 created\nconfigmap/l2 created', err: '' });
  const nope = await manifest('nope.yaml', 'apiVersion: v9\nkind: Nope\nmetadata: {name: x}\n');
  expect((await server.kubectl('apply', '-f', nope)).err).toContain(
    'no matches for kind "Nope" in version "v9"',
  );
});

test('discovery lists every kind with its short name', async () => {
  const { out } = await server.kubectl('api-resources', '--api-group=test.patchbay.dev');
  expect(out).toMatch(/gadgets\s+gg\s+test\.patchbay\.dev\/v1\s+true\s+Gadget/);
  const raw = await server.kubectl('get', '--raw', '/apis/test.patchbay.dev/v1');
  expect(JSON.parse(raw.out)).toMatchObject({ resources: [{ name: 'gadgets' }, { name: 'gadgets/status' }] });
});
