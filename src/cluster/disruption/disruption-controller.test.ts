import { afterEach, describe, expect, it } from 'vitest';
import { replicaSet } from '#api/apps/replica-set.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { type PodDisruptionBudget, podDisruptionBudget } from '#api/policy/pod-disruption-budget.ts';
import { timestamp } from '#machinery/clock.ts';
import { refusal } from '#machinery/fake-rules.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createDisruptionController } from './disruption-controller.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

const namespace = 'ns';
const key = { name: 'pdb', namespace };
const labels = { app: 'a' };

async function worldWith(
  spec: PodDisruptionBudget['spec'],
  { ready, waiting, owner = 'ReplicaSet' }: { ready: number; waiting: number; owner?: string },
): Promise<FakeWorld> {
  const world = new FakeWorld((factory, deps) => [createDisruptionController(factory, deps)]);
  open.push(world);
  const set = await world.client.create(replicaSet, {
    metadata: { name: 'a', namespace },
    spec: { replicas: 10, selector: { matchLabels: labels }, template: { spec: { containers: [] } } },
  });
  for (let at = 0; at < ready + waiting; at += 1) {
    const reference = {
      apiVersion: 'apps/v1',
      kind: owner,
      name: 'a',
      uid: set.metadata.uid ?? '',
      controller: true,
    };
    const one: Pod = {
      metadata: { name: `p${at}`, namespace, labels, ownerReferences: [reference] },
      spec: { containers: [] },
      status: { conditions: [{ type: 'Ready', status: at < ready ? 'True' : 'False' }] },
    };
    await world.add(pod, one);
  }
  await world.client.create(podDisruptionBudget, {
    metadata: key,
    spec: { selector: { matchLabels: labels }, ...spec },
  });
  return world;
}

const statusOf = async (world: FakeWorld) => (await world.client.get(podDisruptionBudget, key)).status;

describe('disruption controller', () => {
  it.each<readonly [object, number, number, readonly number[]]>([
    // expected, desired, healthy, allowed
    [{ minAvailable: 2 }, 3, 1, [4, 2, 3, 1]],
    [{ minAvailable: 5 }, 3, 0, [3, 5, 3, 0]],
    [{ minAvailable: '25%' }, 4, 0, [10, 3, 4, 1]],
    [{ maxUnavailable: 7 }, 5, 0, [10, 3, 5, 2]],
    [{ maxUnavailable: '65%' }, 5, 0, [10, 3, 5, 2]],
    [{ maxUnavailable: 0 }, 10, 0, [10, 10, 10, 0]],
    [{}, 3, 0, [3, 0, 3, 3]],
    [{ minAvailable: 1, selector: { matchLabels: { app: 'other' } } }, 3, 0, [0, 1, 0, 0]],
  ])('%j with %i ready and %i waiting', async (spec, ready, waiting, numbers) => {
    const world = await worldWith(spec, { ready, waiting });
    await world.start();
    const status = await statusOf(world);
    expect([
      status?.expectedPods,
      status?.desiredHealthy,
      status?.currentHealthy,
      status?.disruptionsAllowed,
    ]).toEqual(numbers);
    const allowed = (numbers[3] ?? 0) > 0;
    expect(status?.conditions).toMatchObject([
      {
        type: 'DisruptionAllowed',
        status: allowed ? 'True' : 'False',
        reason: allowed ? 'SufficientPods' : 'InsufficientPods',
      },
    ]);
    world.takeWrites();
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
  });

  it('allows nothing when a controller does not say how many pods it wants', async () => {
    const world = await worldWith({ maxUnavailable: 1 }, { ready: 2, waiting: 0, owner: 'Job' });
    await world.start();
    expect(await statusOf(world)).toMatchObject({
      disruptionsAllowed: 0,
      conditions: [{ reason: 'SyncFailed', status: 'False' }],
    });
  });

  it('knows that a VirtualMachineInstance has one pod', async () => {
    const world = await worldWith(
      { maxUnavailable: 0 },
      { ready: 1, waiting: 0, owner: 'VirtualMachineInstance' },
    );
    await world.start();
    expect(await statusOf(world)).toMatchObject({
      expectedPods: 1,
      desiredHealthy: 1,
      disruptionsAllowed: 0,
    });
  });

  it('follows pods, and forgets evictions that never happened', async () => {
    const world = await worldWith({ minAvailable: 1 }, { ready: 3, waiting: 0 });
    await world.start();
    const disruptedPods = { p0: timestamp(world.clock.now()), gone: timestamp(world.clock.now()) };
    await world.report(podDisruptionBudget, { metadata: key }, { disruptedPods, disruptionsAllowed: 1 });
    await world.run();
    expect(await statusOf(world)).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 1 });
    expect(Object.keys((await statusOf(world))?.disruptedPods ?? {})).toEqual(['p0']);
    await world.run(121_000);
    expect(await statusOf(world)).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 2 });
    expect((await statusOf(world))?.disruptedPods).toBeUndefined();
    await world.client.delete(pod, { name: 'p1', namespace });
    await world.run();
    expect(await statusOf(world)).toMatchObject({ expectedPods: 2, disruptionsAllowed: 1 });
  });

  it('converges when it is killed before its write', async () => {
    const world = await worldWith({ minAvailable: 1 }, { ready: 2, waiting: 0 });
    world.client.intercept = () => {
      throw refusal(500, 'InternalError', 'killed');
    };
    await world.start();
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    expect(await statusOf(world)).toMatchObject({ disruptionsAllowed: 1 });
  });
});
