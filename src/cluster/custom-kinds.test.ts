import { afterEach, describe, expect, it } from 'vitest';
import { customResourceDefinition } from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import { configMap } from '#api/core/config-map.ts';
import { namespace } from '#api/core/namespace.ts';
import { secret } from '#api/core/secret.ts';
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { CustomKinds } from './custom-kinds.ts';
import { createGarbageCollector } from './garbage-collector/garbage-collector.ts';
import { createNamespaceController } from './namespace-deletion.ts';

const kinds = [namespace, configMap, secret, customResourceDefinition];
const widget: KindRef = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};

const definition = {
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [{ name: 'v1', served: true, storage: true }],
  },
  status: { conditions: [{ type: 'Established', status: 'True' }] },
};

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

async function newWorld(): Promise<FakeWorld> {
  const world = new FakeWorld((factory, deps) => {
    const custom = new CustomKinds(factory, kinds);
    return [
      createGarbageCollector(factory, deps, kinds, custom),
      createNamespaceController(factory, deps, kinds, custom),
    ];
  });
  open.push(world);
  await world.start();
  await world.add(namespace, { metadata: { name: 'n' }, spec: { finalizers: ['kubernetes'] } });
  await world.add(customResourceDefinition, definition);
  await world.run();
  return world;
}

const owned = (by: KubeObject, apiVersion: string) => [
  { apiVersion, kind: by.kind ?? '', name: by.metadata.name, uid: by.metadata.uid ?? '' },
];
const names = async (world: FakeWorld, kind: KindRef) =>
  (await world.client.list(kind)).items.map(({ metadata }) => metadata.name);

describe('kinds learned while the loops run', () => {
  it('own and are owned', async () => {
    const world = await newWorld();
    const top = await world.add(configMap, { metadata: { name: 'top', namespace: 'n' } });
    const middle = await world.add(widget, {
      metadata: { name: 'middle', namespace: 'n', ownerReferences: owned(top, 'v1') },
    });
    await world.add(secret, {
      metadata: { name: 'bottom', namespace: 'n', ownerReferences: owned(middle, 'example.com/v1') },
    });
    await world.run();
    expect([await names(world, widget), await names(world, secret)]).toEqual([['middle'], ['bottom']]);
    await world.client.delete(configMap, top.metadata);
    await world.run();
    expect([await names(world, widget), await names(world, secret)]).toEqual([[], []]);
  });

  it('go with their namespace', async () => {
    const world = await newWorld();
    await world.add(widget, { metadata: { name: 'w', namespace: 'n' } });
    await world.run();
    await world.client.delete(namespace, { name: 'n' });
    await world.run();
    expect([await names(world, widget), await names(world, namespace)]).toEqual([[], []]);
  });

  it('end with their definition, and so do those they own', async () => {
    const world = await newWorld();
    const gone = await world.add(widget, { metadata: { name: 'w', namespace: 'n' } });
    await world.add(secret, {
      metadata: { name: 's', namespace: 'n', ownerReferences: owned(gone, 'example.com/v1') },
    });
    await world.run();
    await world.client.delete(customResourceDefinition, { name: definition.metadata.name });
    await world.client.delete(widget, gone.metadata);
    await world.run();
    expect(await names(world, secret)).toEqual([]);
  });
});
