import { afterEach, describe, expect, it } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import { namespace } from '#api/core/namespace.ts';
import { serviceAccount } from '#api/core/service-account.ts';
import { refusal } from '#machinery/fake-rules.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createNamespaceDefaults, rootCaName } from './namespace-defaults.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

async function worldWith(rootCa?: string): Promise<FakeWorld> {
  const world = new FakeWorld((factory, deps) => [createNamespaceDefaults(factory, { ...deps, rootCa })]);
  open.push(world);
  await world.client.create(namespace, { metadata: { name: 'a' } });
  return world;
}

const made = ['create ServiceAccount a/default', `create ConfigMap a/${rootCaName}`];

describe('namespace defaults', () => {
  it('are made once, and again when somebody deletes or changes them', async () => {
    const world = await worldWith('PEM');
    await world.start();
    expect(world.takeWrites().slice(1)).toEqual(made);
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
    await world.client.delete(serviceAccount, { name: 'default', namespace: 'a' });
    const key = { name: rootCaName, namespace: 'a' };
    await world.client.patch(configMap, key, {
      type: 'merge',
      body: { data: { 'ca.crt': 'other', x: 'y' } },
    });
    await world.run();
    expect((await world.client.get(configMap, key)).data).toEqual({ 'ca.crt': 'PEM' });
    expect(world.takeWrites()).toContain(made[0]);
  });

  it('leave the CA out that nobody gave, and namespaces that are leaving', async () => {
    const world = await worldWith();
    await world.client.create(configMap, { metadata: { name: 'x', namespace: 'a', finalizers: ['a.b/c'] } });
    await world.client.create(namespace, { metadata: { name: 'b' } });
    await world.client.delete(namespace, { name: 'b' });
    world.takeWrites();
    await world.start();
    expect(world.takeWrites()).toEqual([made[0]]);
  });

  it.each([0, 1])('converge when killed after %i writes', async (allowed) => {
    const world = await worldWith('PEM');
    let left = allowed;
    world.client.intercept = () => {
      if (left-- <= 0) throw refusal(500, 'InternalError', 'killed');
    };
    await world.start();
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    expect(world.takeWrites().slice(1)).toEqual(made);
  });
});
