/** `kubectl apply --prune`: what it was told of and is told of no more goes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
const file = (name: string) => join(server.directory, name);
const names = async () =>
  (await server.kubectl('get', 'configmap', '-l', 'set=a', '-o', 'name')).out.split('\n');

beforeAll(async () => {
  server = await startFixture();
  const map = (name: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: { set: 'a' } },
  });
  const list = (...items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await writeFile(file('both.json'), list(map('one'), map('two')));
  await writeFile(file('one.json'), list(map('one')));
});
afterAll(() => server.close());

test('prunes the kinds it is told of', async () => {
  const apply = (name: string, ...more: readonly string[]) =>
    server.kubectl('apply', '--prune', '-l', 'set=a', '-f', file(name), ...more);
  const allowed = '--prune-allowlist=core/v1/ConfigMap';
  expect((await apply('both.json', allowed)).code).toBe(0);
  expect(await names()).toEqual(['configmap/one', 'configmap/two']);
  expect((await apply('one.json', allowed)).out.split('\n')).toEqual([
    'configmap/one unchanged',
    'configmap/two pruned',
  ]);
  expect(await names()).toEqual(['configmap/one']);
  // Without a list kubectl wants the default kinds, of which those without behaviour are not served.
  expect((await apply('one.json')).err).toContain('no matches for kind "PersistentVolumeClaim"');
});

test.each(['secrets/inventory', 'configmaps/inventory'])('prunes an apply set kept in %s', async (parent) => {
  process.env['KUBECTL_APPLYSET'] = 'true';
  try {
    await server.kubectl('delete', 'configmap', '-l', 'set=a');
    const apply = (name: string) =>
      server.kubectl('apply', '--prune', `--applyset=${parent}`, '-n', 'default', '-f', file(name));
    expect((await apply('both.json')).out).toBe('configmap/one created\nconfigmap/two created');
    expect(await names()).toEqual(['configmap/one', 'configmap/two']);
    expect(await apply('one.json')).toMatchObject({
      code: 0,
      out: expect.stringContaining('configmap/two pruned'),
    });
    expect(await names()).toEqual(['configmap/one']);
  } finally {
    delete process.env['KUBECTL_APPLYSET'];
  }
});
