import { afterEach, describe, expect, it } from 'vitest';
import { type ReplicaSet, replicaSet } from '#api/apps/replica-set.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { replicationController } from '#api/core/replication-controller.ts';
import { timestamp } from '#machinery/clock.ts';
import { refusal } from '#machinery/fake-rules.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { deletionOrder } from '../owned/pods.ts';
import { createReplicaSetController, createReplicationController } from './replica-set-controller.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

const namespace = 'ns';
const labels = { app: 'a' };
const setOf = (spec: Partial<ReplicaSet['spec']> = {}): ReplicaSet => ({
  metadata: { name: 'a', namespace },
  spec: {
    replicas: 3,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'main' }] } },
    ...spec,
  },
});
const key = { name: 'a', namespace };

function newWorld(): FakeWorld {
  const world = new FakeWorld((factory, deps) => [createReplicaSetController(factory, deps)]);
  open.push(world);
  return world;
}

const podsOf = async (world: FakeWorld): Promise<readonly Pod[]> =>
  (await world.client.list(pod, { namespace })).items;

async function makeReady(world: FakeWorld): Promise<void> {
  const lastTransitionTime = timestamp(world.clock.now());
  for (const one of await podsOf(world)) {
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime }];
    await world.report(pod, one, { phase: 'Running', conditions });
  }
  await world.run();
}

const kindsOf = (writes: readonly string[]) => writes.map((one) => one.replace(/a-\w{5}/, 'a-x'));

describe('ReplicationController', () => {
  it('keeps its pods, and those of nobody else', async () => {
    const world = new FakeWorld((factory, deps) => [
      createReplicaSetController(factory, deps),
      createReplicationController(factory, deps),
    ]);
    open.push(world);
    await world.start();
    const { template } = setOf().spec;
    await world.client.create(replicationController, {
      metadata: { name: 'a', namespace },
      spec: { replicas: 2, selector: labels, template },
    });
    await world.run();
    await makeReady(world);
    expect((await world.client.get(replicationController, key)).status).toEqual({
      replicas: 2,
      fullyLabeledReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      observedGeneration: 1,
    });
    expect((await podsOf(world))[0]?.metadata.ownerReferences?.[0]?.kind).toBe('ReplicationController');
    await world.client.create(replicaSet, setOf());
    await world.run();
    expect(await podsOf(world)).toHaveLength(5);
    await world.client.patch(replicationController, key, { type: 'merge', body: { spec: { replicas: 1 } } });
    await world.run();
    expect(await podsOf(world)).toHaveLength(4);
  });
});

describe('ReplicaSet controller', () => {
  it('makes pods, reports them in one write, and writes nothing when nothing changes', async () => {
    const world = newWorld();
    await world.start();
    await world.client.create(replicaSet, setOf());
    world.takeWrites();
    await world.run();
    expect(kindsOf(world.takeWrites())).toEqual([
      ...Array(3).fill('create Pod ns/a-x'),
      'patch ReplicaSet ns/a status',
    ]);
    const [first] = await podsOf(world);
    expect(first?.metadata.ownerReferences).toMatchObject([
      { kind: 'ReplicaSet', name: 'a', controller: true },
    ]);
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
    expect(await world.eventReasons()).toEqual(Array(3).fill('SuccessfulCreate'));
  });

  it('counts ready pods, and available ones after minReadySeconds', async () => {
    const world = newWorld();
    await world.client.create(replicaSet, setOf({ minReadySeconds: 10 }));
    await world.start();
    await makeReady(world);
    const status = async () => (await world.client.get(replicaSet, key)).status;
    expect(await status()).toMatchObject({ replicas: 3, readyReplicas: 3, observedGeneration: 1 });
    expect((await status())?.availableReplicas).toBeUndefined();
    await world.run(10_000);
    expect(await status()).toMatchObject({ availableReplicas: 3 });
  });

  it('replaces failed and deleted pods, and scales down the ones that matter least', async () => {
    const world = newWorld();
    await world.client.create(replicaSet, setOf());
    await world.start();
    await makeReady(world);
    const [first, second] = await podsOf(world);
    if (first === undefined || second === undefined) throw new Error('no pods');
    await world.report(pod, first, { phase: 'Failed' });
    await world.client.delete(pod, second.metadata);
    await world.run();
    const before = await podsOf(world);
    expect(before).toHaveLength(4);
    await world.client.patch(replicaSet, key, { type: 'merge', body: { spec: { replicas: 1 } } });
    await world.run();
    const left = (await podsOf(world)).filter(({ status }) => status?.phase !== 'Failed');
    expect(left.map(({ status }) => status?.phase)).toEqual(['Running']);
    expect((await world.client.get(replicaSet, key)).status).toMatchObject({ replicas: 1 });
  });

  it('adopts orphans, and lets go what its selector does not select', async () => {
    const world = newWorld();
    const orphan = { metadata: { name: 'orphan', namespace, labels }, spec: { containers: [] } };
    await world.client.create(pod, orphan);
    await world.client.create(pod, {
      ...orphan,
      metadata: { ...orphan.metadata, name: 'other', labels: {} },
    });
    await world.client.create(replicaSet, setOf({ replicas: 1 }));
    await world.start();
    expect(world.takeWrites().slice(3)).toEqual(['patch Pod ns/orphan', 'patch ReplicaSet ns/a status']);
    await world.client.patch(pod, orphan.metadata, {
      type: 'merge',
      body: { metadata: { labels: { app: 'b' } } },
    });
    await world.run();
    const pods = await podsOf(world);
    expect(pods.map(({ metadata }) => metadata.ownerReferences?.length ?? 0).sort()).toEqual([0, 0, 1]);
  });

  it.each([0, 1, 2, 3])('converges when it is killed after %i writes', async (allowed) => {
    const world = newWorld();
    await world.client.create(replicaSet, setOf());
    let left = allowed;
    world.client.intercept = () => {
      if (left === 0) throw refusal(500, 'InternalError', 'killed');
      left -= 1;
    };
    await world.start();
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    await world.run(60_000);
    expect(await podsOf(world)).toHaveLength(3);
    expect((await world.client.get(replicaSet, key)).status).toMatchObject({ replicas: 3 });
  });

  it('says that pods are refused, tries one at a time, and goes on when they are taken', async () => {
    const world = newWorld();
    let tried = 0;
    world.client.intercept = ({ verb, kind }) => {
      if (verb === 'create' && kind === 'Pod') {
        tried += 1;
        throw refusal(403, 'Forbidden', 'exceeded quota');
      }
    };
    await world.client.create(replicaSet, setOf());
    await world.start();
    expect(tried).toBeLessThan(3);
    const { status } = await world.client.get(replicaSet, key);
    expect(status?.conditions).toMatchObject([
      { type: 'ReplicaFailure', reason: 'FailedCreate', message: 'exceeded quota' },
    ]);
    world.client.intercept = undefined;
    await world.run(120_000);
    expect((await world.client.get(replicaSet, key)).status).toMatchObject({ replicas: 3 });
    expect((await world.client.get(replicaSet, key)).status?.conditions).toBeUndefined();
  });

  it('leaves a set alone that is being deleted', async () => {
    const world = newWorld();
    await world.client.create(replicaSet, {
      ...setOf(),
      metadata: { ...setOf().metadata, finalizers: ['a.b/c'] },
    });
    await world.client.delete(replicaSet, key);
    await world.start();
    expect(await podsOf(world)).toEqual([]);
  });
});

describe('deletionOrder', () => {
  const podOf = (name: string, extra: Partial<Pod> = {}, annotations = {}): Pod => ({
    metadata: { name, annotations, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { containers: [], nodeName: 'node1' },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    ...extra,
  });
  it('is upstream’s', () => {
    const pods = [
      podOf('good', { spec: { containers: [], nodeName: 'node2' } }),
      podOf('doubled'),
      podOf('doubled-too', { metadata: { name: 'doubled-too', creationTimestamp: '2026-01-02T00:00:00Z' } }),
      podOf('cheap', {}, { 'controller.kubernetes.io/pod-deletion-cost': '-1' }),
      podOf('not-ready', { status: { phase: 'Running' } }),
      podOf('pending', { status: { phase: 'Pending' } }),
      podOf('not-placed', { spec: { containers: [] } }),
    ];
    expect(deletionOrder(pods).map(({ metadata }) => metadata.name)).toEqual([
      'not-placed',
      'pending',
      'not-ready',
      'cheap',
      'doubled-too',
      'doubled',
      'good',
    ]);
  });
});
