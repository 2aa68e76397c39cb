import { afterEach, describe, expect, it } from 'vitest';
import { lease } from '#api/coordination.k8s.io/lease.ts';
import { configMap } from '#api/core/config-map.ts';
import { event } from '#api/core/event.ts';
import { namespace } from '#api/core/namespace.ts';
import { node } from '#api/core/node.ts';
import { pod } from '#api/core/pod.ts';
import { secret } from '#api/core/secret.ts';
import { microTimestamp } from '#machinery/clock.ts';
import { isNotFound } from '#machinery/errors.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { clusterControllers } from './cluster.ts';
import { createEventExpiry } from './event-expiry.ts';
import { createNamespaceController } from './namespace-deletion.ts';
import { composeTaints, createNodeLifecycle } from './node-lifecycle.ts';
import { createPodGarbageCollector } from './pod-garbage-collector.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

function newWorld(...args: ConstructorParameters<typeof FakeWorld>): FakeWorld {
  const world = new FakeWorld(...args);
  open.push(world);
  return world;
}

const isGone = (attempt: Promise<unknown>): Promise<boolean> => attempt.then(() => false, isNotFound);

describe('namespace controller', () => {
  const make = () =>
    newWorld((factory, deps) => [
      createNamespaceController(factory, deps, [namespace, configMap, secret, event]),
    ]);

  it('empties a namespace and lets it go, and touches no other', async () => {
    const world = make();
    for (const name of ['a', 'b']) {
      await world.add(namespace, { metadata: { name } });
      await world.add(configMap, { metadata: { name: 'c', namespace: name } });
      await world.add(secret, { metadata: { name: 's', namespace: name } });
    }
    await world.start();
    world.takeWrites();
    await world.client.delete(namespace, { name: 'a' });
    await world.run();
    expect(await isGone(world.client.get(namespace, { name: 'a' }))).toBe(true);
    expect(world.takeWrites()).toEqual([
      'delete Namespace a',
      'delete Secret a/s',
      'delete ConfigMap a/c',
      'update Namespace a finalize',
    ]);
  });

  it('says what holds a namespace, and goes on at once when it is gone', async () => {
    const world = make();
    await world.add(namespace, { metadata: { name: 'a' } });
    await world.add(configMap, { metadata: { name: 'c', namespace: 'a', finalizers: ['example.com/hold'] } });
    await world.client.delete(namespace, { name: 'a' });
    await world.start();
    await world.run(100_000);
    const { status } = await world.client.get(namespace, { name: 'a' });
    expect(status?.phase).toBe('Terminating');
    expect(status?.conditions?.map((one) => `${one.type}=${one.status} ${one.message}`)).toEqual([
      'NamespaceDeletionContentFailure=False All content successfully deleted, may be waiting on finalization',
      'NamespaceContentRemaining=True Some resources are remaining: configmaps. has 1 resource instances (c)',
      'NamespaceFinalizersRemaining=True Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    ]);
    expect(world.takeWrites().filter((write) => write.includes('status'))).toHaveLength(1);
    const key = { name: 'c', namespace: 'a' };
    await world.client.patch(configMap, key, { type: 'merge', body: { metadata: { finalizers: null } } });
    await world.run();
    expect(await isGone(world.client.get(namespace, { name: 'a' }))).toBe(true);
  });

  it.each([0, 1, 2])('converges when it is killed after %i writes', async (allowed) => {
    const world = make();
    await world.add(namespace, { metadata: { name: 'a' } });
    await world.add(configMap, { metadata: { name: 'c', namespace: 'a' } });
    await world.client.delete(namespace, { name: 'a' });
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
    expect(await isGone(world.client.get(namespace, { name: 'a' }))).toBe(true);
  });
});

describe('node lifecycle', () => {
  const ready = { conditions: [{ type: 'Ready', status: 'True', reason: 'AgentReady' }] } as const;
  const key = { name: 'node1', namespace: 'kube-node-lease' };
  const conditions = async (world: FakeWorld) =>
    (await world.client.get(node, { name: 'node1' })).status?.conditions;
  const taints = async (world: FakeWorld) =>
    ((await world.client.get(node, { name: 'node1' })).spec?.taints ?? []).map(
      (one) => `${one.key}:${one.effect}`,
    );

  async function running(): Promise<FakeWorld> {
    const world = newWorld((factory, deps) => [createNodeLifecycle(factory, deps)]);
    await world.add(node, { metadata: { name: 'node1' }, status: ready });
    await world.add(lease, { metadata: key, spec: { holderIdentity: 'node1' } });
    return world.start();
  }
  async function renew(world: FakeWorld): Promise<void> {
    const body = { spec: { renewTime: microTimestamp(world.clock.now()) } };
    await world.client.patch(lease, key, { type: 'merge', body });
    await world.run();
  }

  it('writes nothing about a node that renews its lease', async () => {
    const world = await running();
    for (let i = 0; i < 10; i += 1) {
      await world.run(10_000);
      await renew(world);
    }
    expect(world.takeWrites().filter((write) => write.includes('Node '))).toEqual([
      'create Node node1',
      'patch Node node1 status',
    ]);
  });

  it('calls a silent node Unknown after 40 s and taints it, once, and takes the taint off when it is back', async () => {
    const world = await running();
    await world.run(39_000);
    expect((await conditions(world))?.[0]?.status).toBe('True');
    await world.run(2000);
    expect(await conditions(world)).toMatchObject([
      { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' },
    ]);
    const unreachable = ['NoSchedule', 'NoExecute'].map(
      (effect) => `node.kubernetes.io/unreachable:${effect}`,
    );
    expect(await taints(world)).toEqual(unreachable);
    world.takeWrites();
    await world.run(300_000);
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
    await renew(world);
    await world.report(node, { metadata: { name: 'node1' } }, ready);
    await world.run();
    expect(await taints(world)).toEqual([]);
  });

  it.each([
    [undefined, []],
    ['True', ['mine']],
    ['False', ['mine', 'node.kubernetes.io/not-ready', 'node.kubernetes.io/not-ready']],
    ['Unknown', ['mine', 'node.kubernetes.io/unreachable', 'node.kubernetes.io/unreachable']],
  ] as const)('Ready=%s: taints %j', (status, wanted) => {
    const mine = status === undefined ? [] : [{ key: 'mine', effect: 'NoSchedule' } as const];
    const stale = { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' } as const;
    const known = status === undefined ? undefined : [{ type: 'Ready', status }];
    const made = composeTaints(status === 'Unknown' ? mine : [...mine, stale], known, 0);
    expect(made.map((one) => one.key)).toEqual(wanted);
  });
});

describe('event expiry', () => {
  it('deletes Events an hour after they were last seen', async () => {
    const world = newWorld((factory, deps) => [createEventExpiry(factory, deps)]);
    await world.start();
    const add = (name: string) =>
      world.add(event, { metadata: { name, namespace: 'default' }, involvedObject: {} });
    const names = async () => (await world.client.list(event)).items.map(({ metadata }) => metadata.name);
    await add('a');
    await world.run(1_800_000);
    await add('b');
    await world.run(1_860_000);
    expect(await names()).toEqual(['b']);
    await world.run(1_800_000);
    expect(await names()).toEqual([]);
    await add('c');
    await world.run(3_700_000);
    expect(await names()).toEqual([]);
  });
});

describe('pod garbage collector', () => {
  it('removes pods of a vanished node after a while, even those that were about to end', async () => {
    const world = newWorld((factory, deps) => [createPodGarbageCollector(factory, deps)]);
    await world.add(node, { metadata: { name: 'node1' } });
    await world.add(node, { metadata: { name: 'node2' } });
    for (const [name, nodeName] of [
      ['a', 'node1'],
      ['b', 'node1'],
      ['c', 'node2'],
    ] as const) {
      await world.add(pod, {
        metadata: { name, namespace: 'default' },
        spec: { nodeName, containers: [{ name: 'x' }] },
      });
    }
    await world.client.delete(pod, { name: 'b', namespace: 'default' });
    await world.start();
    const names = async () => (await world.client.list(pod)).items.map(({ metadata }) => metadata.name);
    await world.client.delete(node, { name: 'node1' });
    await world.run(39_000);
    expect(await names()).toEqual(['a', 'b', 'c']);
    await world.run(2000);
    expect(await names()).toEqual(['c']);
  });

  it('leaves pods alone whose node comes back', async () => {
    const world = newWorld((factory, deps) => [createPodGarbageCollector(factory, deps)]);
    await world.add(pod, {
      metadata: { name: 'a', namespace: 'default' },
      spec: { nodeName: 'node1', containers: [] },
    });
    await world.start();
    await world.run(30_000);
    await world.add(node, { metadata: { name: 'node1' } });
    await world.run(60_000);
    expect((await world.client.list(pod)).items).toHaveLength(1);
  });
});

describe('all of them together', () => {
  it('write nothing about a cluster at rest', async () => {
    const world = newWorld((factory, deps) => clusterControllers(factory, deps));
    await world.add(namespace, { metadata: { name: 'default' } });
    await world.add(node, {
      metadata: { name: 'node1' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    await world.add(pod, {
      metadata: { name: 'a', namespace: 'default' },
      spec: { containers: [{ name: 'x' }] },
    });
    await world.start();
    world.takeWrites();
    await world.run(30_000);
    await world.stop();
    await world.start();
    await world.run(30_000);
    expect(world.takeWrites()).toEqual([]);
    expect((await world.client.get(pod, { name: 'a', namespace: 'default' })).spec.nodeName).toBe('node1');
  });
});
