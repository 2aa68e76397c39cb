import { afterEach, describe, expect, it } from 'vitest';
import { type Deployment, deployment } from '#api/apps/deployment.ts';
import { type ReplicaSet, replicaSet } from '#api/apps/replica-set.ts';
import { pod } from '#api/core/pod.ts';
import { refusal } from '#machinery/fake-rules.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createReplicaSetController } from '../replica-set/replica-set-controller.ts';
import { createDeploymentController } from './deployment-controller.ts';
import { revisionOf } from './view.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

const namespace = 'ns';
const key = { name: 'web', namespace };
const labels = { app: 'web' };
const templateOf = (image: string) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'main', image }] },
});
const deploymentOf = (spec: Partial<Deployment['spec']> = {}): Deployment => ({
  metadata: { ...key, annotations: { note: 'x' } },
  spec: {
    replicas: 4,
    selector: { matchLabels: labels },
    template: templateOf('v1'),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
  },
});

function newWorld(): FakeWorld {
  const world = new FakeWorld((factory, deps) => [
    createDeploymentController(factory, deps),
    createReplicaSetController(factory, deps),
  ]);
  open.push(world);
  return world;
}

const setsOf = async (world: FakeWorld): Promise<readonly ReplicaSet[]> =>
  (await world.client.list(replicaSet, { namespace })).items.toSorted(
    (a, b) => revisionOf(a) - revisionOf(b),
  );
const get = (world: FakeWorld) => world.client.get(deployment, key);
const change = async (world: FakeWorld, spec: unknown) => {
  await world.client.patch(deployment, key, { type: 'merge', body: { spec } });
  await world.run();
};
const imagesOf = async (world: FakeWorld) =>
  (await world.client.list(pod, { namespace })).items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ spec }) => spec.containers[0]?.image)
    .sort();

/** Lets pods that are not ready become ready, as nodes do; `broken` images never do. */
async function settle(world: FakeWorld, broken = 'broken'): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    const { items } = await world.client.list(pod, { namespace });
    const waiting = items.filter(
      ({ status, spec }) => status?.phase === 'Pending' && spec.containers[0]?.image !== broken,
    );
    for (const one of waiting) {
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }];
      await world.report(pod, one, { phase: 'Running', conditions });
    }
    await world.run(1000);
    if (waiting.length === 0) return;
  }
}

const conditionsOf = async (world: FakeWorld) =>
  (await get(world)).status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`);

describe('Deployment controller', () => {
  it('makes a ReplicaSet, becomes available, and then writes nothing', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf());
    await world.start();
    const [set] = await setsOf(world);
    expect(set?.metadata).toMatchObject({
      annotations: {
        note: 'x',
        'deployment.kubernetes.io/revision': '1',
        'deployment.kubernetes.io/desired-replicas': '4',
        'deployment.kubernetes.io/max-replicas': '5',
      },
    });
    const hash = set?.metadata.labels?.['pod-template-hash'] ?? '';
    expect(set?.metadata.name).toBe(`web-${hash}`);
    expect(set?.spec.selector.matchLabels).toEqual({ ...labels, 'pod-template-hash': hash });
    expect(await conditionsOf(world)).toContain('Available=False MinimumReplicasUnavailable');
    await settle(world);
    expect((await get(world)).status).toMatchObject({
      replicas: 4,
      updatedReplicas: 4,
      readyReplicas: 4,
      availableReplicas: 4,
      observedGeneration: 1,
    });
    expect((await get(world)).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect(await conditionsOf(world)).toEqual([
      'Available=True MinimumReplicasAvailable',
      'Progressing=True NewReplicaSetAvailable',
    ]);
    world.takeWrites();
    await world.stop();
    await world.start();
    await world.run(1_000_000);
    expect(world.takeWrites()).toEqual([]);
  });

  it('rolls: never more than the surge, never fewer than may be missing', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf());
    await world.start();
    await settle(world);
    const seen: number[] = [];
    const available: number[] = [];
    await change(world, { template: templateOf('v2') });
    for (let round = 0; round < 20; round += 1) {
      const { items } = await world.client.list(pod, { namespace });
      seen.push(items.length);
      available.push(items.filter(({ status }) => status?.phase === 'Running').length);
      const next = items.find(({ status }) => status?.phase === 'Pending');
      if (next === undefined) break;
      await world.report(pod, next, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
      await world.run();
    }
    expect(Math.max(...seen)).toBeLessThanOrEqual(5);
    expect(Math.min(...available)).toBeGreaterThanOrEqual(3);
    expect(await imagesOf(world)).toEqual(Array(4).fill('v2'));
    const sets = await setsOf(world);
    expect(sets.map((set) => [revisionOf(set), set.spec.replicas])).toEqual([
      [1, 0],
      [2, 4],
    ]);
  });

  it('goes back to an old template under a new revision, as kubectl rollout undo does', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf());
    await world.start();
    await settle(world);
    await change(world, { template: templateOf('v2') });
    await settle(world);
    await change(world, { template: templateOf('v1') });
    await settle(world);
    const sets = await setsOf(world);
    expect(sets.map(revisionOf)).toEqual([2, 3]);
    expect(sets[1]?.metadata.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1');
    expect((await get(world)).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
    expect(await imagesOf(world)).toEqual(Array(4).fill('v1'));
  });

  it('stops at a template that does not work, and says so after the deadline', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf());
    await world.start();
    await settle(world);
    await change(world, { template: templateOf('broken') });
    await settle(world);
    expect(await imagesOf(world)).toEqual(['broken', 'broken', 'v1', 'v1', 'v1']);
    await world.run(700_000);
    expect(await conditionsOf(world)).toEqual([
      'Available=True MinimumReplicasAvailable',
      'Progressing=False ProgressDeadlineExceeded',
    ]);
    await change(world, { template: templateOf('v3') });
    await settle(world);
    expect(await imagesOf(world)).toEqual(Array(4).fill('v3'));
    expect(await conditionsOf(world)).toContain('Progressing=True NewReplicaSetAvailable');
  });

  it('recreates: no new pod before the last old one is gone', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf({ strategy: { type: 'Recreate' } }));
    await world.start();
    await settle(world);
    const { items } = await world.client.list(pod, { namespace });
    const first = items[0];
    if (first === undefined) throw new Error('no pods');
    const hold = (finalizers: readonly string[] | null) =>
      world.client.patch(pod, first.metadata, { type: 'merge', body: { metadata: { finalizers } } });
    await hold(['a.b/c']);
    await change(world, { template: templateOf('v2') });
    expect(await imagesOf(world)).toEqual([]);
    await hold(null);
    await world.run();
    expect(await imagesOf(world)).toEqual(Array(4).fill('v2'));
  });

  it('scales, in proportion in the middle of an update', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf());
    await world.start();
    await settle(world);
    await change(world, { replicas: 6 });
    expect((await setsOf(world)).map(({ spec }) => spec.replicas)).toEqual([6]);
    await settle(world);
    await change(world, { template: templateOf('broken') });
    await settle(world);
    expect((await setsOf(world)).map(({ spec }) => spec.replicas)).toEqual([5, 2]);
    await change(world, { replicas: 13 });
    expect((await setsOf(world)).map(({ spec }) => spec.replicas)).toEqual([10, 4]);
    await change(world, { replicas: 0 });
    expect(await imagesOf(world)).toEqual([]);
  });

  it('waits while it is paused, but scales', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf());
    await world.start();
    await settle(world);
    await change(world, { paused: true, template: templateOf('v2') });
    await change(world, { replicas: 5 });
    expect(await imagesOf(world)).toEqual(Array(5).fill('v1'));
    expect(await conditionsOf(world)).toContain('Progressing=Unknown DeploymentPaused');
    await change(world, { paused: null });
    await settle(world);
    expect(await imagesOf(world)).toEqual(Array(5).fill('v2'));
  });

  it('keeps as many old ReplicaSets as its history limit says', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf({ revisionHistoryLimit: 1 }));
    await world.start();
    for (const image of ['v1', 'v2', 'v3', 'v4']) {
      await change(world, { template: templateOf(image) });
      await settle(world);
    }
    expect((await setsOf(world)).map(revisionOf)).toEqual([3, 4]);
  });

  it('takes another name when the hash is taken', async () => {
    const world = newWorld();
    await world.client.create(deployment, deploymentOf());
    await world.start();
    const [set] = await setsOf(world);
    if (set === undefined) throw new Error('no set');
    await world.stop();
    const other = newWorld();
    await other.client.create(replicaSet, {
      metadata: { name: set.metadata.name, namespace },
      spec: {
        ...set.spec,
        replicas: 0,
        template: templateOf('foreign'),
        selector: { matchLabels: { other: 'x' } },
      },
    });
    await other.client.create(deployment, deploymentOf());
    await other.start();
    expect((await get(other)).status?.collisionCount).toBe(1);
    expect(await imagesOf(other)).toEqual(Array(4).fill('v1'));
  });

  it.each([0, 1, 2, 3, 5, 8, 12])(
    'converges when it is killed after %i writes of an update',
    async (allowed) => {
      const world = newWorld();
      await world.client.create(deployment, deploymentOf());
      await world.start();
      await settle(world);
      let left = allowed;
      await world.stop();
      world.client.intercept = undefined;
      await world.client.patch(deployment, key, {
        type: 'merge',
        body: { spec: { template: templateOf('v2') } },
      });
      world.client.intercept = ({ kind }) => {
        if (kind !== 'Event' && left-- <= 0) throw refusal(500, 'InternalError', 'killed');
      };
      await world.start();
      await world.stop();
      world.client.intercept = undefined;
      await world.start();
      await settle(world);
      expect(await imagesOf(world)).toEqual(Array(4).fill('v2'));
      expect((await setsOf(world)).map(revisionOf)).toEqual([1, 2]);
      expect(await conditionsOf(world)).toContain('Progressing=True NewReplicaSetAvailable');
    },
  );
});
