import { describe, expect, it } from 'vitest';
import type { Container, ContainerStatus, Pod } from '#api/core/pod.ts';
import type { ContainerPhase, ContainerView } from '#drivers/pod/driver.ts';
import { FakeContainerDriver } from '#drivers/pod/fake.ts';
import { runId } from '#drivers/pod/paths.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerResources, ContainerState } from '#node-state/container.ts';
import { composeResources } from './compose-resources.ts';
import { planPod } from './plan.ts';
import { allocate, amountsOf, endedForResize, stepsOf } from './resize.ts';
import { Resizer } from './resizer.ts';
import { plainStatus } from './status.ts';

const mebi = 1024 ** 2;
const now = Date.parse('2026-01-01T00:00:00Z');
const resources = (cpu: string, memory: string) => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});
const main = (cpu: string, memory: string, more: Partial<Container> = {}): Container => ({
  name: 'main',
  resources: resources(cpu, memory),
  ...more,
});
const podOf = (container: Container, more: Partial<Pod> = {}, spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p', namespace: 'n', uid: 'u1', generation: 2 },
  spec: { containers: [container], ...spec },
  ...more,
});
const running: ContainerPhase = { type: 'running', startedAt: now };
const exited: ContainerPhase = {
  type: 'exited',
  exitCode: 0,
  oomKilled: false,
  startedAt: now,
  finishedAt: now,
  message: '',
};
const viewOf = (
  given: ContainerResources,
  phase: ContainerPhase = running,
  attempt = 0,
  name = 'main',
): ContainerView => {
  const container = {
    podUid: 'u1',
    name,
    attempt,
    image: 'a',
    imageId: 'a',
    resources: given,
  } as ContainerState;
  return { id: runId('u1', name, attempt), container, phase, pid: undefined, logFile: '/l' };
};
const told = (status: Partial<ContainerStatus>): Pod['status'] => ({
  containerStatuses: [{ name: 'main', ready: true, restartCount: 0, image: 'a', imageID: 'a', ...status }],
});
const room =
  (cpu = 0, memory = 0) =>
  () => ({
    allocatable: { cpu: 4000, memory: 1024 * mebi },
    used: { cpu, memory },
  });
const onRestart = (resourceName: string) => ({
  resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }],
});

describe('what a node takes on', () => {
  const before = viewOf(composeResources(main('1', '64Mi'), {}));

  it('is asked for nothing while amounts say the same', () => {
    const pod = podOf(main('1000m', '65536Ki'));
    const refuse = () => expect.unreachable('nobody need look for room');
    expect(allocate(pod, [before], refuse)).toEqual({ pod, isNew: false });
    expect(stepsOf(pod, [before])).toEqual([]);
  });

  it('is what fits', () => {
    const pod = podOf(main('2', '64Mi'));
    expect(allocate(pod, [before], room(2000))).toEqual({ pod, isNew: true });
    expect(stepsOf(pod, [before])).toMatchObject([{ container: { name: 'main' }, restart: false }]);
  });

  it.each([
    [main('5', '64Mi'), room(), 'Infeasible', 'capacity: cpu, requested: 5000, capacity: 4000'],
    [main('5', '2Gi'), room(), 'Infeasible', 'capacity: memory, requested: 2147483648, capacity: 1073741824'],
    [main('2', '64Mi'), room(2001), 'Deferred', 'resource: cpu, requested: 2000, used: 2001, capacity: 4000'],
  ])('is what it was when it does not: %#', (container, given, reason, why) => {
    const { pod, isNew, pending } = allocate(podOf(container), [before], given);
    expect([isNew, pending]).toEqual([false, { reason, message: `Node didn't have enough ${why}` }]);
    expect(pod.spec.containers[0]?.resources).toEqual(resources('1', '64Mi'));
    expect(stepsOf(pod, [before])).toEqual([]);
  });

  it('is less also on a node that was given too much', () => {
    expect(allocate(podOf(main('500m', '64Mi')), [before], room(9000)).isNew).toBe(true);
  });

  it('is what was told of containers that do not run, and what is asked for of new ones', () => {
    const pod = podOf(main('5', '64Mi'));
    expect(allocate(pod, [], room()).isNew).toBe(false);
    const known = { ...pod, status: told({ resources: resources('1', '64Mi') }) };
    for (const views of [[], [viewOf(composeResources(main('3', '64Mi'), {}), exited)]]) {
      const { pod: allocated, pending } = allocate(known, views, room());
      expect([allocated.spec.containers[0]?.resources?.limits?.['cpu'], pending?.reason]).toEqual([
        '1',
        'Infeasible',
      ]);
    }
  });

  it('is asked for anew where an older agent wrote down limits alone', () => {
    const { given: _, ...limits } = composeResources(main('1', '64Mi'), {});
    expect(allocate(podOf(main('1', '64Mi')), [viewOf(limits)], room()).isNew).toBe(false);
    expect(stepsOf(podOf(main('1', '64Mi')), [viewOf(limits)])).toEqual([]);
    expect(stepsOf(podOf(main('2', '64Mi')), [viewOf(limits)])).toHaveLength(1);
  });

  it('counts sidecars, the greatest init container and the overhead', () => {
    const init = (name: string, cpu: string, more = {}) => ({
      name,
      resources: resources(cpu, '1Mi'),
      ...more,
    });
    const pod = podOf(
      main('1', '1Mi'),
      {},
      {
        initContainers: [init('a', '3'), init('b', '500m', { restartPolicy: 'Always' })],
        overhead: { cpu: '250m' },
      },
    );
    expect(amountsOf(pod)).toEqual({ cpu: 3250, memory: 2 * mebi });
  });
});

describe('a restart for a resize', () => {
  const asked = podOf(main('1', '128Mi', onRestart('memory')), {}, { restartPolicy: 'OnFailure' });
  const run = viewOf(composeResources(main('1', '64Mi'), {}));

  it('is left to be done only for resources whose policy wants it', () => {
    expect(stepsOf(asked, [run])).toMatchObject([{ restart: true }]);
    expect(stepsOf(podOf(main('2', '64Mi', onRestart('memory'))), [run])).toMatchObject([{ restart: false }]);
  });

  it('follows at once, whatever the restart policy and the back-off', () => {
    const status = told({
      containerID: `patchbay://${runId('u1', 'main', 3)}`,
      state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
    });
    const ended = viewOf(composeResources(main('1', '64Mi'), {}), exited, 3);
    const plan = (pod: Pod) =>
      planPod({ pod, views: [ended], probes: new Map(), resized: endedForResize(pod, [ended]), now });
    const { start, over } = plan({ ...asked, status });
    expect([start.map(({ attempt }) => attempt), over]).toEqual([[4], undefined]);
    // Known to have ended: by itself, before it was resized.
    expect(plan({ ...asked, status: told({ state: { terminated: { exitCode: 0 } } }) }).over).toBe(
      'Succeeded',
    );
  });
});

describe('a status', () => {
  it('tells what is set aside and what is in force', () => {
    const statusOf = (views: readonly ContainerView[]) =>
      plainStatus({
        pod: podOf(main('2', '64Mi')),
        views,
        plan: { start: [], backOff: [], initialized: true, over: undefined },
        probes: new Map(),
        waiting: new Map(),
        networks: [],
        hostIPs: [],
        now,
      }).containerStatuses?.[0];
    expect(statusOf([viewOf(composeResources(main('1', '64Mi'), {}))])).toMatchObject({
      allocatedResources: { cpu: '2', memory: '64Mi' },
      resources: resources('1', '64Mi'),
    });
    expect(statusOf([])).toMatchObject({ resources: resources('2', '64Mi') });
  });
});

describe('the resizer', () => {
  class Node {
    readonly driver = new FakeContainerDriver(() => now);
    readonly said: string[] = [];
    readonly ended: string[] = [];
    readonly woken: string[] = [];
    readonly pods: Pod[] = [];
    readonly views = () => this.driver.list('u1');

    /** An agent process: it knows nothing of the one before. */
    agent(): Resizer {
      return new Resizer({
        driver: this.driver,
        events: {
          event: (_about: unknown, type: string, reason: string) => void this.said.push(`${type} ${reason}`),
        } as never,
        pods: () => this.pods,
        cpus: 4,
        memory: 1024 * mebi,
        end: (_pod, { id }) => this.ended.push(id) > 0,
        wake: (uid) => void this.woken.push(uid),
      });
    }

    async runs(container: Container): Promise<void> {
      const state = {
        podUid: 'u1',
        name: container.name,
        attempt: 0,
        resources: composeResources(container, {}),
      };
      await this.driver.start(state as ContainerState);
    }

    async pass(agent: Resizer, pod: Pod) {
      await agent.apply(agent.admit(pod, this.views()), this.views);
      return agent.conditions(pod);
    }
  }

  it('changes limits once, and tells the beginning and the end', async () => {
    const node = new Node();
    await node.runs(main('1', '64Mi'));
    const agent = node.agent();
    expect(await node.pass(agent, podOf(main('1', '64Mi')))).toEqual([]);
    expect(node.said).toEqual([]);
    for (let pass = 0; pass < 3; pass += 1) {
      expect(await node.pass(agent, podOf(main('2', '128Mi')))).toEqual([]);
    }
    expect(node.driver.updates).toMatchObject([{ cpuQuota: 200_000, memory: 128 * mebi, cpuShares: 2048 }]);
    expect(node.said).toEqual(['Normal ResizeStarted', 'Normal ResizeCompleted']);
    await node.pass(node.agent(), podOf(main('2', '128Mi')));
    expect(node.driver.updates).toHaveLength(1);
  });

  it('raises limits of the whole pod before those of its containers, and lowers them after', async () => {
    const node = new Node();
    await node.runs(main('1', '64Mi'));
    const agent = node.agent();
    const whole = { resources: { requests: { cpu: '100m' } } };
    const limits: unknown[] = [];
    const limitPod = node.driver.limitPod.bind(node.driver);
    node.driver.limitPod = async (uid, given) => {
      limits.push([given.cpuQuota, given.memory, node.driver.updates.length]);
      await limitPod(uid, given);
    };
    await node.pass(agent, podOf(main('1', '64Mi'), {}, whole));
    expect(limits).toEqual([]);
    await node.pass(agent, podOf(main('2', '32Mi'), {}, whole));
    expect(limits).toEqual([
      [200_000, 64 * mebi, 0],
      [200_000, 32 * mebi, 1],
    ]);
  });

  it('waits for room, and takes it when others go', async () => {
    const node = new Node();
    await node.runs(main('1', '64Mi'));
    node.pods.push(podOf(main('3', '1Mi'), { metadata: { name: 'other', uid: 'u2' } }));
    const agent = node.agent();
    const pending = {
      type: 'PodResizePending',
      status: 'True',
      reason: 'Deferred',
      message: "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
      observedGeneration: 2,
    };
    for (const one of [agent, agent, node.agent()]) {
      expect(await node.pass(one, podOf(main('2', '64Mi')))).toEqual([pending]);
    }
    expect(agent.nextLook('u1')).toBeGreaterThan(0);
    node.pods.length = 0;
    agent.forget('u2');
    expect(node.woken).toEqual(['u1']);
    expect(await node.pass(agent, podOf(main('2', '64Mi')))).toEqual([]);
    expect(node.said).toEqual([
      'Warning ResizeDeferred',
      'Warning ResizeDeferred',
      'Normal ResizeStarted',
      'Normal ResizeCompleted',
    ]);
  });

  it('does not give the same room to two', async () => {
    const node = new Node();
    await node.runs(main('1', '64Mi'));
    const other = podOf(main('1', '1Mi'), { metadata: { name: 'other', uid: 'u2', generation: 2 } });
    const told = { ...other, status: { containerStatuses: [] } };
    node.pods.push(podOf(main('1', '64Mi')), told);
    const agent = node.agent();
    agent.admit(podOf(main('3', '64Mi')), node.views());
    const more = podOf(main('2', '1Mi'), { metadata: other.metadata });
    const view = { ...viewOf(composeResources(main('1', '1Mi'), {})), id: 'o' };
    agent.admit(more, [view]);
    expect(agent.conditions(more)).toMatchObject([{ reason: 'Deferred' }]);
  });

  it('tells why limits cannot be changed, tries again, and goes on', async () => {
    const node = new Node();
    await node.runs(main('1', '64Mi'));
    node.driver.updateError = new PatchbayError('MemoryInUse', 'too much is used');
    const agent = node.agent();
    const failed = {
      type: 'PodResizeInProgress',
      status: 'True',
      reason: 'Error',
      message: 'container "main": too much is used',
      observedGeneration: 2,
    };
    for (const one of [agent, agent]) {
      expect(await node.pass(one, podOf(main('1', '32Mi')))).toEqual([failed]);
    }
    expect(agent.nextLook('u1')).toBeGreaterThan(0);
    node.driver.updateError = undefined;
    expect(await node.pass(agent, podOf(main('1', '32Mi')))).toEqual([]);
    expect(agent.nextLook('u1')).toBeUndefined();
    expect(node.said).toEqual(['Normal ResizeStarted', 'Warning ResizeError', 'Normal ResizeCompleted']);
  });

  it('ends a container whose policy wants it restarted', async () => {
    const node = new Node();
    await node.runs(main('1', '64Mi'));
    const agent = node.agent();
    const asked = podOf(main('1', '128Mi', onRestart('memory')));
    expect(await node.pass(agent, asked)).toMatchObject([{ type: 'PodResizeInProgress', status: 'True' }]);
    expect([node.ended, node.driver.updates]).toEqual([[runId('u1', 'main', 0)], []]);
    await node.driver.remove(runId('u1', 'main', 0));
    await node.runs(main('1', '128Mi'));
    expect(await node.pass(agent, asked)).toEqual([]);
    expect(node.said).toEqual(['Normal ResizeStarted', 'Normal Killing', 'Normal ResizeCompleted']);
  });
});
