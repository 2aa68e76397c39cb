/** The JavaScript client as programs use it: lists, patches, informers, typed errors. */
import * as k8s from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
let core: k8s.CoreV1Api;
const config = new k8s.KubeConfig();
const namespace = 'default';
beforeAll(async () => {
  server = await startFixture();
  config.loadFromFile(server.kubeconfig);
  core = config.makeApiClient(k8s.CoreV1Api);
});
afterAll(() => server.close());

test('objects are made, listed in pages, patched, and missing ones are 404', async () => {
  for (const name of ['a', 'b', 'c']) {
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { x: name } } });
  }
  const page = await core.listNamespacedConfigMap({ namespace, limit: 2 });
  expect([page.items.length, page.metadata?.remainingItemCount]).toEqual([2, 1]);
  const rest = await core.listNamespacedConfigMap({ namespace, _continue: page.metadata?._continue ?? '' });
  expect(rest.items.map(({ metadata }) => metadata?.name)).toEqual(['c']);
  const patched = await core.patchNamespacedConfigMap(
    { name: 'a', namespace, body: { data: { y: '2' } } },
    k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.StrategicMergePatch),
  );
  expect(patched.data).toEqual({ x: 'a', y: '2' });
  const missing = core.readNamespacedConfigMap({ name: 'none', namespace });
  await expect(missing).rejects.toMatchObject({ code: 404 });
});

test('an informer follows what happens', async () => {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  const informer = k8s.makeInformer(config, path, () => core.listNamespacedSecret({ namespace }));
  const seen: string[] = [];
  for (const verb of ['add', 'update', 'delete'] as const) {
    informer.on(verb, ({ metadata }) => void seen.push(`${verb} ${metadata?.name}`));
  }
  await informer.start();
  await core.createNamespacedSecret({ namespace, body: { metadata: { name: 's' }, stringData: { a: 'b' } } });
  const found = await core.readNamespacedSecret({ name: 's', namespace });
  await core.replaceNamespacedSecret({ name: 's', namespace, body: { ...found, data: { a: 'Yw==' } } });
  await core.deleteNamespacedSecret({ name: 's', namespace });
  await expect.poll(() => seen).toEqual(['add s', 'update s', 'delete s']);
  await informer.stop();
});
