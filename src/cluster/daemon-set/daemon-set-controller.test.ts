import { afterEach, describe, expect, it } from 'vitest';
import { controllerRevision } from '#api/apps/controller-revision.ts';
import { type DaemonSet, daemonSet } from '#api/apps/daemon-set.ts';
import { type Node, node } from '#api/core/node.ts';
import { pod } from '#api/core/pod.ts';
import { refusal } from '#machinery/fake-rules.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createDaemonSetController } from './daemon-set-controller.ts';
import { belongsOn, nodeOf } from './placement.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

const namespace = 'ns';
const key = { name: 'agent', namespace };
const labels = { app: 'agent' };
const templateOf = (image: string, spec = {}) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'main', image }], ...spec },
});
const setOf = (spec: Partial<DaemonSet['spec']> = {}): DaemonSet => ({
  metadata: key,
  spec: {
    selector: { matchLabels: labels },
    template: templateOf('v1'),
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    ...spec,
  },
});

async function worldWith(
  spec: Partial<DaemonSet['spec']> = {},
  names = ['n1', 'n2', 'n3'],
): Promise<FakeWorld> {
  const world = new FakeWorld((factory, deps) => [createDaemonSetController(factory, deps)]);
  open.push(world);
  for (const name of names) {
    await world.client.create(node, { metadata: { name, labels: { name } } });
  }
  await world.client.create(daemonSet, setOf(spec));
  return world;
}

const podsOf = async (world: FakeWorld) => (await world.client.list(pod, { namespace })).items;
const shown = async (world: FakeWorld) =>
  (await podsOf(world)).map((one) => `${nodeOf(one)} ${one.spec.containers[0]?.image}`).sort();
const statusOf = async (world: FakeWorld) => (await world.client.get(daemonSet, key)).status;
const setImage = (world: FakeWorld, image: string) =>
  world.client.patch(daemonSet, key, { type: 'merge', body: { spec: { template: templateOf(image) } } });

async function makeReady(world: FakeWorld, only?: string): Promise<void> {
  for (const one of await podsOf(world)) {
    if (one.status?.phase === 'Pending' && (only === undefined || nodeOf(one) === only)) {
      await world.report(pod, one, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
    }
  }
  await world.run();
}

const historyOf = async (world: FakeWorld) =>
  (await world.client.list(controllerRevision, { namespace })).items
    .map(({ data, revision }) => {
      const { spec } = data as unknown as { readonly spec: Pick<DaemonSet['spec'], 'template'> };
      return `${revision} ${spec.template.spec.containers[0]?.image}`;
    })
    .toSorted();

describe('DaemonSet controller', () => {
  it('keeps a revision of each template: an old one that comes back is the latest, the oldest goes', async () => {
    const world = await worldWith({ revisionHistoryLimit: 1 }, ['n1']);
    await world.start();
    expect(await historyOf(world)).toEqual(['1 v1']);
    await makeReady(world);
    const roll = async (image: string) => {
      await setImage(world, image);
      await world.run();
      await makeReady(world);
    };
    await roll('v2');
    expect(await historyOf(world)).toEqual(['1 v1', '2 v2']);
    await roll('v1');
    expect(await historyOf(world)).toEqual(['2 v2', '3 v1']);
    await roll('v3');
    await roll('v4');
    expect(await historyOf(world)).toEqual(['4 v3', '5 v4']);
    const [one] = (await world.client.list(controllerRevision, { namespace })).items;
    expect(one).toMatchObject({
      metadata: {
        labels: { app: 'agent', 'controller-revision-hash': expect.stringMatching(/^[a-z0-9]+$/) },
        ownerReferences: [{ kind: 'DaemonSet', name: 'agent', controller: true }],
      },
      data: { spec: { template: { $patch: 'replace' } } },
    });
    world.takeWrites();
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
  });

  it('puts a pod on each node, follows nodes, and then writes nothing', async () => {
    const world = await worldWith();
    await world.start();
    expect(await shown(world)).toEqual(['n1 v1', 'n2 v1', 'n3 v1']);
    await makeReady(world);
    expect(await statusOf(world)).toEqual({
      currentNumberScheduled: 3,
      numberMisscheduled: 0,
      desiredNumberScheduled: 3,
      numberReady: 3,
      updatedNumberScheduled: 3,
      numberAvailable: 3,
      observedGeneration: 1,
    });
    world.takeWrites();
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
    await world.client.create(node, { metadata: { name: 'n4' } });
    await world.client.delete(node, { name: 'n1' });
    await world.run();
    expect(await shown(world)).toEqual(['n2 v1', 'n3 v1', 'n4 v1']);
  });

  it('rolls one node after the other, waiting for each', async () => {
    const world = await worldWith();
    await world.start();
    await makeReady(world);
    await setImage(world, 'v2');
    await world.run();
    const counts = [];
    for (let round = 0; round < 4; round += 1) {
      counts.push((await shown(world)).filter((one) => one.endsWith('v2')).length);
      await makeReady(world);
    }
    expect(counts).toEqual([1, 2, 3, 3]);
    expect(await statusOf(world)).toMatchObject({ updatedNumberScheduled: 3, numberAvailable: 3 });
  });

  it('replaces what does not work at once, whatever may be missing', async () => {
    const world = await worldWith();
    await world.start();
    await setImage(world, 'v2');
    await world.run();
    expect(await shown(world)).toEqual(['n1 v2', 'n2 v2', 'n3 v2']);
  });

  it('surges: the old pod goes when the new one works', async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } as const;
    const world = await worldWith({ updateStrategy: strategy }, ['n1', 'n2']);
    await world.start();
    await makeReady(world);
    await setImage(world, 'v2');
    await world.run();
    expect(await shown(world)).toEqual(['n1 v1', 'n1 v2', 'n2 v1']);
    await makeReady(world);
    expect(await shown(world)).toEqual(['n1 v2', 'n2 v1', 'n2 v2']);
    await makeReady(world);
    expect(await shown(world)).toEqual(['n1 v2', 'n2 v2']);
  });

  it('leaves old pods alone with OnDelete', async () => {
    const world = await worldWith({ updateStrategy: { type: 'OnDelete' } });
    await world.start();
    await setImage(world, 'v2');
    await world.run();
    expect(await shown(world)).toEqual(['n1 v1', 'n2 v1', 'n3 v1']);
    const [first] = await podsOf(world);
    if (first !== undefined) await world.client.delete(pod, first.metadata);
    await world.run();
    expect((await shown(world)).filter((one) => one.endsWith('v2'))).toHaveLength(1);
  });

  it('replaces failed pods, slower each time', async () => {
    const world = await worldWith({}, ['n1']);
    await world.start();
    const fail = async () => {
      const [one] = await podsOf(world);
      if (one !== undefined) await world.report(pod, one, { phase: 'Failed' });
      await world.run();
    };
    await fail();
    expect(await podsOf(world)).toEqual([]);
    await world.run(1000);
    expect(await podsOf(world)).toHaveLength(1);
    await fail();
    await world.run(1000);
    expect(await podsOf(world)).toEqual([]);
    await world.run(1000);
    expect(await podsOf(world)).toHaveLength(1);
  });

  it.each([0, 1, 2, 3])('converges when it is killed after %i writes', async (allowed) => {
    const world = await worldWith();
    let left = allowed;
    world.client.intercept = () => {
      if (left-- <= 0) throw refusal(500, 'InternalError', 'killed');
    };
    await world.start();
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    expect(await shown(world)).toEqual(['n1 v1', 'n2 v1', 'n3 v1']);
    expect(await statusOf(world)).toMatchObject({ currentNumberScheduled: 3 });
  });
});

describe('belongsOn', () => {
  const taint = (effect: 'NoSchedule' | 'NoExecute' | 'PreferNoSchedule', key = 'x') => ({
    taints: [{ key, effect }],
  });
  it.each<readonly [string, Node['spec'], object, boolean, boolean]>([
    ['a plain node', {}, {}, true, true],
    ['a node it does not select', {}, { nodeSelector: { name: 'other' } }, false, false],
    ['another node by name', {}, { nodeName: 'other' }, false, false],
    ['a tainted node', taint('NoSchedule'), {}, false, true],
    ['a node that throws out', taint('NoExecute'), {}, false, false],
    ['a node that would rather not', taint('PreferNoSchedule'), {}, true, true],
    ['a tolerated node', taint('NoExecute'), { tolerations: [{ operator: 'Exists' }] }, true, true],
    ['a cordoned node', taint('NoSchedule', 'node.kubernetes.io/unschedulable'), {}, true, true],
    ['a node that is not ready', taint('NoExecute', 'node.kubernetes.io/not-ready'), {}, true, true],
    [
      'a node without network',
      taint('NoSchedule', 'node.kubernetes.io/network-unavailable'),
      {},
      false,
      true,
    ],
    [
      'a node without network, host pods',
      taint('NoSchedule', 'node.kubernetes.io/network-unavailable'),
      { hostNetwork: true },
      true,
      true,
    ],
  ])('%s', (_name, spec, extra, run, stay) => {
    const one = { metadata: { name: 'n1', labels: { name: 'n1' } }, spec };
    expect(belongsOn(setOf({ template: templateOf('v1', extra) }), one)).toEqual({ run, stay });
  });
});
