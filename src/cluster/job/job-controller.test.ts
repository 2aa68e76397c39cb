import { afterEach, describe, expect, it } from 'vitest';
import { type Job, job } from '#api/batch/job.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { timestamp } from '#machinery/clock.ts';
import { isNotFound } from '#machinery/errors.ts';
import { refusal } from '#machinery/fake-rules.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createJobController } from './job-controller.ts';
import { formatIndexes, indexOf, parseIndexes } from './job-pods.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

const namespace = 'ns';
const key = { name: 'work', namespace };
const labels = { 'batch.kubernetes.io/job-name': 'work' };
const jobOf = (spec: Partial<Job['spec']> = {}): Job => ({
  metadata: key,
  spec: {
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'main' }], restartPolicy: 'Never' } },
    ...spec,
  },
});

async function worldWith(spec: Partial<Job['spec']> = {}): Promise<FakeWorld> {
  const world = new FakeWorld((factory, deps) => [createJobController(factory, deps)]);
  open.push(world);
  await world.client.create(job, jobOf(spec));
  return world;
}

const podsOf = async (world: FakeWorld): Promise<readonly Pod[]> =>
  (await world.client.list(pod, { namespace })).items;
const waitingOf = async (world: FakeWorld) =>
  (await podsOf(world)).filter(
    ({ status, metadata }) => status?.phase === 'Pending' && metadata.deletionTimestamp === undefined,
  );
const statusOf = async (world: FakeWorld) => (await world.client.get(job, key)).status ?? {};
const conditionsOf = async (world: FakeWorld) =>
  ((await statusOf(world)).conditions ?? [])
    .filter(({ status }) => status === 'True')
    .map(({ type, reason }) => `${type} ${reason}`);

async function end(world: FakeWorld, phase: 'Succeeded' | 'Failed', exitCode = 1, count = 1): Promise<void> {
  for (const one of (await waitingOf(world)).slice(0, count)) {
    const terminated = { exitCode, finishedAt: timestamp(world.clock.now()) };
    const main = {
      name: 'main',
      ready: false,
      restartCount: 0,
      image: '',
      imageID: '',
      state: { terminated },
    };
    await world.report(pod, one, { phase, containerStatuses: [main] });
  }
  await world.run();
}

const complete = ['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'];

describe('Job controller', () => {
  it('runs pods until enough have succeeded, and then writes nothing', async () => {
    const world = await worldWith({ parallelism: 2, completions: 3 });
    await world.start();
    expect(await waitingOf(world)).toHaveLength(2);
    expect(await statusOf(world)).toMatchObject({ active: 2, ready: 0 });
    await end(world, 'Succeeded');
    expect(await statusOf(world)).toMatchObject({ active: 2, succeeded: 1, uncountedTerminatedPods: {} });
    await end(world, 'Succeeded', 0, 2);
    const status = await statusOf(world);
    expect(status).toMatchObject({ succeeded: 3, ready: 0 });
    expect(status.completionTime).toBeDefined();
    expect(status.active).toBeUndefined();
    expect(await conditionsOf(world)).toEqual(complete);
    expect((await podsOf(world)).every(({ metadata }) => metadata.finalizers === undefined)).toBe(true);
    world.takeWrites();
    await world.stop();
    await world.start();
    await world.run(1_000_000);
    expect(world.takeWrites()).toEqual([]);
  });

  it('replaces failed pods, slower each time, and gives up after the limit', async () => {
    const world = await worldWith({ backoffLimit: 2 });
    await world.start();
    await end(world, 'Failed');
    expect(await waitingOf(world)).toEqual([]);
    expect(await statusOf(world)).toMatchObject({ failed: 1 });
    await world.run(10_000);
    expect(await waitingOf(world)).toHaveLength(1);
    await end(world, 'Failed');
    await world.run(10_000);
    expect(await waitingOf(world)).toEqual([]);
    await world.run(10_000);
    expect(await waitingOf(world)).toHaveLength(1);
    await end(world, 'Failed');
    await world.run(600_000);
    expect(await statusOf(world)).toMatchObject({ failed: 3 });
    expect(await conditionsOf(world)).toEqual([
      'FailureTarget BackoffLimitExceeded',
      'Failed BackoffLimitExceeded',
    ]);
  });

  it('fails after its deadline, once its pods are gone', async () => {
    const world = await worldWith({ activeDeadlineSeconds: 60 });
    await world.start();
    await world.run(60_000);
    expect(await podsOf(world)).toEqual([]);
    expect(await conditionsOf(world)).toEqual(['FailureTarget DeadlineExceeded', 'Failed DeadlineExceeded']);
  });

  it('suspends and resumes', async () => {
    const world = await worldWith({ suspend: true });
    await world.start();
    expect(await podsOf(world)).toEqual([]);
    expect(await conditionsOf(world)).toEqual(['Suspended JobSuspended']);
    expect((await statusOf(world)).startTime).toBeUndefined();
    const suspend = (value: boolean) =>
      world.client
        .patch(job, key, { type: 'merge', body: { spec: { suspend: value } } })
        .then(() => world.run());
    await suspend(false);
    expect(await waitingOf(world)).toHaveLength(1);
    expect((await statusOf(world)).startTime).toBeDefined();
    await suspend(true);
    expect(await waitingOf(world)).toEqual([]);
    expect(await conditionsOf(world)).toEqual(['Suspended JobSuspended']);
    await suspend(false);
    await world.run(60_000);
    await end(world, 'Succeeded');
    expect(await conditionsOf(world)).toEqual(complete);
  });

  it('gives every completion its index', async () => {
    const world = await worldWith({ completionMode: 'Indexed', completions: 3, parallelism: 2 });
    await world.start();
    const pods = await waitingOf(world);
    expect(pods.map(indexOf)).toEqual([0, 1]);
    expect(pods[1]?.spec).toMatchObject({
      hostname: 'work-1',
      containers: [{ env: [{ name: 'JOB_COMPLETION_INDEX', value: '1' }] }],
    });
    await end(world, 'Succeeded');
    expect(await statusOf(world)).toMatchObject({ completedIndexes: '0', succeeded: 1 });
    expect((await waitingOf(world)).map(indexOf)).toEqual([1, 2]);
    await end(world, 'Succeeded', 0, 2);
    expect(await statusOf(world)).toMatchObject({ completedIndexes: '0-2', succeeded: 3 });
    expect(await conditionsOf(world)).toEqual(complete);
  });

  it('is done with a work queue when one pod succeeded and all are over', async () => {
    const { completions: _, ...spec } = jobOf().spec;
    const world = new FakeWorld((factory, deps) => [createJobController(factory, deps)]);
    open.push(world);
    await world.client.create(job, { metadata: key, spec: { ...spec, parallelism: 2 } });
    await world.start();
    await end(world, 'Succeeded');
    expect(await waitingOf(world)).toHaveLength(1);
    expect(await conditionsOf(world)).toEqual([]);
    await end(world, 'Succeeded');
    expect(await conditionsOf(world)).toEqual(complete);
  });

  it.each([
    [42, ['FailureTarget PodFailurePolicy', 'Failed PodFailurePolicy'], 1],
    [7, [], undefined],
    [1, [], 1],
  ] as const)('follows its failure policy for exit status %i', async (code, conditions, failed) => {
    const rules: NonNullable<Job['spec']['podFailurePolicy']>['rules'] = [
      { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
      { action: 'Ignore', onExitCodes: { operator: 'In', values: [7] } },
    ];
    const world = await worldWith({ podFailurePolicy: { rules } });
    await world.start();
    await end(world, 'Failed', code);
    expect(await conditionsOf(world)).toEqual(conditions);
    expect((await statusOf(world)).failed).toBe(failed);
  });

  it('goes some time after its end, and lets its pods go', async () => {
    const world = await worldWith({ ttlSecondsAfterFinished: 100 });
    await world.start();
    await end(world, 'Succeeded');
    await world.run(99_000);
    expect((await world.client.get(job, key)).metadata.deletionTimestamp).toBeUndefined();
    await world.run(2000);
    expect((await world.client.get(job, key)).metadata.deletionTimestamp).toBeDefined();
  });

  it('lets pods go whose Job is gone', async () => {
    const world = await worldWith();
    await world.start();
    const [one] = await podsOf(world);
    await world.client.delete(job, key);
    if (one !== undefined) await world.client.delete(pod, one.metadata);
    await world.run();
    expect(await world.client.get(pod, one?.metadata ?? key).then(() => false, isNotFound)).toBe(true);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'counts every pod once when it is killed after %i writes',
    async (allowed) => {
      const world = await worldWith({ completions: 2, parallelism: 2 });
      await world.start();
      await world.stop();
      for (const [at, one] of (await podsOf(world)).entries()) {
        const terminated = { exitCode: at, finishedAt: timestamp(world.clock.now()) };
        const main = {
          name: 'main',
          ready: false,
          restartCount: 0,
          image: '',
          imageID: '',
          state: { terminated },
        };
        await world.report(pod, one, { phase: at === 0 ? 'Succeeded' : 'Failed', containerStatuses: [main] });
      }
      let left = allowed;
      world.client.intercept = ({ kind }) => {
        if (kind !== 'Event' && left-- <= 0) throw refusal(500, 'InternalError', 'killed');
      };
      await world.start();
      await world.stop();
      world.client.intercept = undefined;
      await world.start();
      await world.run(30_000);
      expect(await statusOf(world)).toMatchObject({ succeeded: 1, failed: 1, active: 1 });
      await end(world, 'Succeeded');
      expect(await statusOf(world)).toMatchObject({ succeeded: 2, failed: 1 });
      expect(await conditionsOf(world)).toEqual(complete);
    },
  );
});

describe('indexes', () => {
  it.each([
    ['', []],
    ['0', [0]],
    ['0,1', [0, 1]],
    ['0-2,4,6-8', [0, 1, 2, 4, 6, 7, 8]],
  ])('%j', (text, indexes) => {
    expect([...parseIndexes(text)]).toEqual(indexes);
    expect(formatIndexes(indexes)).toBe(text);
  });
});
