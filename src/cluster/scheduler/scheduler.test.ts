import { afterEach, describe, expect, it } from 'vitest';
import { type Node, node } from '#api/core/node.ts';
import { pod } from '#api/core/pod.ts';
import { createEventRecorder } from '#machinery/events.ts';
import { FakeApiClient } from '#machinery/fake-api-client.ts';
import { FakeClock } from '#machinery/fake-clock.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { silentLog } from '#machinery/log.ts';
import { runControllers } from '#machinery/run-controllers.ts';
import { createScheduler } from './scheduler.ts';
import { br1, nodeNamed, podNamed } from './test-objects.ts';

describe('scheduler', () => {
  const stop = { controller: new AbortController() };
  afterEach(() => {
    stop.controller.abort();
    stop.controller = new AbortController();
  });

  async function running(...nodes: readonly Node[]) {
    const clock = new FakeClock();
    const client = new FakeApiClient(clock);
    for (const one of nodes) {
      await client.create(node, { ...one });
      await client.patch(
        node,
        { name: one.metadata.name },
        { type: 'merge', body: { status: one.status } },
        { subresource: 'status' },
      );
    }
    const factory = createInformerFactory(client, { clock });
    const events = createEventRecorder(client, { component: 'scheduler', clock });
    const scheduler = createScheduler(factory, { clock, log: silentLog, events });
    const { signal } = stop.controller;
    await factory.start(signal);
    void runControllers([scheduler], { signal, log: silentLog, clock });
    client.writes.length = 0;
    const nodeOf = async (name: string) =>
      (await client.get(pod, { name, namespace: 'default' })).spec.nodeName;
    return { client, clock, events, nodeOf };
  }

  it('binds pods with one write each, counting those whose binding is not seen yet', async () => {
    const { client, clock, nodeOf } = await running(nodeNamed('node1'), nodeNamed('node2'));
    await Promise.all(['a', 'b'].map((name) => client.create(pod, podNamed(name, {}, { memory: '5Gi' }))));
    await clock.advance(1000);
    expect([await nodeOf('a'), await nodeOf('b')].toSorted()).toEqual(['node1', 'node2']);
    expect(client.writes.map(({ verb, subresource }) => `${verb} ${subresource ?? ''}`)).toEqual([
      'create ',
      'create ',
      'create binding',
      'create binding',
    ]);
  });

  it('says once why a pod does not fit, and binds it as soon as a node gets the bridge', async () => {
    const { client, clock, events, nodeOf } = await running(nodeNamed('node1'));
    await client.create(pod, podNamed('a', {}, { [br1]: '1' }));
    await clock.advance(100_000);
    await events.flush();
    const refused = await client.get(pod, { name: 'a', namespace: 'default' });
    expect(refused.status?.conditions?.[0]).toMatchObject({
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
    });
    expect(client.writes.map(({ verb, kind }) => `${verb} ${kind}`)).toEqual([
      'create Pod',
      'patch Pod',
      'create Event',
    ]);
    const body = { status: { allocatable: { [br1]: '1k' } } };
    await client.patch(node, { name: 'node1' }, { type: 'merge', body }, { subresource: 'status' });
    await clock.advance(0);
    await clock.advance(0);
    expect(await nodeOf('a')).toBe('node1');
  });

  it('binds a waiting pod when another leaves', async () => {
    const { client, clock, nodeOf } = await running(nodeNamed('node1'));
    await client.create(pod, podNamed('a', {}, { memory: '7Gi' }));
    await clock.advance(100);
    await client.create(pod, podNamed('b', {}, { memory: '7Gi' }));
    await clock.advance(100);
    expect(await nodeOf('b')).toBeUndefined();
    await client.delete(pod, { name: 'a', namespace: 'default' }, { gracePeriodSeconds: 0 });
    await clock.advance(100);
    expect(await nodeOf('b')).toBe('node1');
  });

  it('tries again after a binding that failed', async () => {
    const { client, clock, nodeOf } = await running(nodeNamed('node1'));
    let failures = 2;
    client.intercept = ({ subresource }) => {
      if (subresource === 'binding' && failures > 0) {
        failures -= 1;
        throw new Error('the server went away');
      }
    };
    await client.create(pod, podNamed('a'));
    await clock.advance(1000);
    expect(await nodeOf('a')).toBe('node1');
  });
});
