import { afterEach, describe, expect, it } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import { event } from '#api/core/event.ts';
import { namespace } from '#api/core/namespace.ts';
import { secret } from '#api/core/secret.ts';
import type { KubeObject, OwnerReference } from '#api/meta.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createGarbageCollector } from './garbage-collector.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

function newWorld(): FakeWorld {
  const world = new FakeWorld((factory, deps) => [
    createGarbageCollector(factory, deps, [namespace, configMap, secret]),
  ]);
  open.push(world);
  return world;
}

/** Owners are config maps, dependents are secrets. */
async function owner(world: FakeWorld, name: string, namespace_ = 'default'): Promise<KubeObject> {
  return world.add(configMap, { metadata: { name, namespace: namespace_ } });
}

async function dependent(
  world: FakeWorld,
  name: string,
  owners: readonly KubeObject[],
  extra: Partial<OwnerReference> = {},
  metadata: object = {},
): Promise<KubeObject> {
  const ownerReferences = owners.map((one) => ({
    apiVersion: 'v1',
    kind: one.kind ?? '',
    name: one.metadata.name,
    uid: one.metadata.uid ?? '',
    ...extra,
  }));
  return world.add(secret, { metadata: { name, namespace: 'default', ownerReferences, ...metadata } });
}

async function there(world: FakeWorld): Promise<readonly string[]> {
  const found = [...(await world.client.list(configMap)).items, ...(await world.client.list(secret)).items];
  return found.map(
    ({ metadata }) => `${metadata.name}${metadata.deletionTimestamp === undefined ? '' : ' leaving'}`,
  );
}

const remove = (world: FakeWorld, one: KubeObject, propagationPolicy?: 'Foreground' | 'Orphan') =>
  world.client.delete(
    one.kind === 'ConfigMap' ? configMap : secret,
    one.metadata,
    propagationPolicy === undefined ? {} : { propagationPolicy },
  );

describe('garbage collector', () => {
  it('deletes dependents after their owner', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    await dependent(world, 'b', [a]);
    await world.start();
    expect(await there(world)).toEqual(['a', 'b']);
    await remove(world, a);
    await world.run();
    expect(await there(world)).toEqual([]);
  });

  it('deletes what was left while it was away, and then writes nothing', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    await dependent(world, 'b', [a]);
    await dependent(world, 'c', [await owner(world, 'keeps')]);
    await remove(world, a);
    world.takeWrites();
    await world.start();
    expect(world.takeWrites()).toEqual(['delete Secret default/b']);
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
  });

  it('deletes a chain', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    const b = await dependent(world, 'b', [a]);
    await dependent(world, 'c', [b]);
    await world.start();
    await remove(world, a);
    await world.run();
    expect(await there(world)).toEqual([]);
  });

  it('keeps a dependent with another owner, without the reference to the one that is gone', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    const b = await owner(world, 'b');
    await dependent(world, 'c', [a, b]);
    await world.start();
    await remove(world, a);
    await world.run();
    const kept = await world.client.get(secret, { name: 'c', namespace: 'default' });
    expect(kept.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['b']);
  });

  it('deletes a dependent whose owner’s name belongs to another object now', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    await dependent(world, 'b', [a]);
    await remove(world, a);
    await owner(world, 'a');
    await world.start();
    expect(await there(world)).toEqual(['a']);
  });

  it('orphans dependents', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    await dependent(world, 'b', [a]);
    await world.start();
    await remove(world, a, 'Orphan');
    await world.run();
    const kept = await world.client.get(secret, { name: 'b', namespace: 'default' });
    expect([await there(world), kept.metadata.ownerReferences]).toEqual([['b'], undefined]);
  });

  it.each([
    [true, ['a leaving', 'b leaving']],
    [false, ['b leaving']],
  ])('in the foreground, blockOwnerDeletion=%s holds the owner', async (blockOwnerDeletion, left) => {
    const world = newWorld();
    const a = await owner(world, 'a');
    const b = await dependent(world, 'b', [a], { blockOwnerDeletion }, { finalizers: ['example.com/hold'] });
    await world.start();
    await remove(world, a, 'Foreground');
    await world.run();
    expect(await there(world)).toEqual(left);
    await world.client.patch(secret, b.metadata, { type: 'merge', body: { metadata: { finalizers: null } } });
    await world.run();
    expect(await there(world)).toEqual([]);
  });

  it('goes down a chain in the foreground, the last first', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    const block = { blockOwnerDeletion: true };
    const b = await dependent(world, 'b', [a], block);
    await dependent(world, 'c', [b], block, { finalizers: ['example.com/hold'] });
    await world.start();
    await remove(world, a, 'Foreground');
    await world.run();
    expect(await there(world)).toEqual(['a leaving', 'b leaving', 'c leaving']);
    const key = { name: 'c', namespace: 'default' };
    await world.client.patch(secret, key, { type: 'merge', body: { metadata: { finalizers: null } } });
    await world.run();
    expect(await there(world)).toEqual([]);
  });

  it('keeps a dependent whose other owner stays when one goes in the foreground', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    await dependent(world, 'c', [a, await owner(world, 'b')], { blockOwnerDeletion: true });
    await world.start();
    await remove(world, a, 'Foreground');
    await world.run();
    expect(await there(world)).toEqual(['b', 'c']);
  });

  it('takes an owner of a kind it does not know for one that stays', async () => {
    const world = newWorld();
    const stranger = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'x', uid: 'u' } };
    await dependent(world, 'b', [stranger], { apiVersion: 'example.com/v1' });
    await world.start();
    expect(await there(world)).toEqual(['b']);
  });

  it('deletes what names an owner of another namespace', async () => {
    const world = newWorld();
    await dependent(world, 'b', [await owner(world, 'a', 'other')]);
    await world.start();
    expect(await there(world)).toEqual(['a']);
  });

  it('keeps a cluster-wide object that names a namespaced owner, and says so', async () => {
    const world = newWorld();
    const a = await owner(world, 'a');
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: a.metadata.uid ?? '' }];
    await world.add(namespace, { metadata: { name: 'n', ownerReferences } });
    await world.start();
    await remove(world, a);
    await world.run();
    expect((await world.client.get(namespace, { name: 'n' })).metadata.deletionTimestamp).toBeUndefined();
    expect((await world.client.list(event)).items[0]?.reason).toBe('OwnerRefInvalidNamespace');
  });

  it('asks the server before it deletes for an owner the informers do not know', async () => {
    const world = newWorld();
    const watch = world.client.watch.bind(world.client);
    // Nothing of config maps is heard after the first list.
    world.client.watch = (kind, options, signal) =>
      watch(
        kind,
        kind.plural === 'configmaps' ? { ...options, labelSelector: 'never=seen' } : options,
        signal,
      );
    await world.start();
    await dependent(world, 'b', [await owner(world, 'a')]);
    await world.run();
    expect(await there(world)).toEqual(['a', 'b']);
  });

  it.each([0, 1, 2, 3])('converges when it is killed after %i writes', async (allowed) => {
    const world = newWorld();
    const a = await owner(world, 'a');
    const b = await dependent(world, 'b', [a], { blockOwnerDeletion: true });
    await dependent(world, 'c', [b], { blockOwnerDeletion: true });
    await remove(world, a, 'Foreground');
    let left = allowed;
    world.client.intercept = () => {
      if (left === 0) {
        throw new Error('killed');
      }
      left -= 1;
    };
    await world.start();
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    expect(await there(world)).toEqual([]);
  });
});
