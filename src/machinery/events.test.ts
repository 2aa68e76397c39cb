import { describe, expect, it } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import { event } from '#api/core/event.ts';
import { node } from '#api/core/node.ts';
import { createEventRecorder, referable } from './events.ts';
import { FakeApiClient } from './fake-api-client.ts';
import { FakeClock } from './fake-clock.ts';

function recording() {
  const clock = new FakeClock();
  const client = new FakeApiClient(clock);
  const recorder = createEventRecorder(client, { component: 'test', host: 'node1', clock });
  const list = async () => {
    await recorder.flush();
    return (await client.list(event)).items;
  };
  return { clock, client, recorder, list };
}

const object = referable(configMap, { metadata: { name: 'a', namespace: 'team', uid: 'u1' } });

describe('event recorder', () => {
  it('writes what happened to what', async () => {
    const { recorder, list } = recording();
    recorder.event(object, 'Warning', 'Broken', 'it broke');
    expect(await list()).toMatchObject([
      {
        metadata: { namespace: 'team' },
        involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', namespace: 'team', uid: 'u1' },
        type: 'Warning',
        reason: 'Broken',
        message: 'it broke',
        count: 1,
        firstTimestamp: '2026-01-01T00:00:00Z',
        source: { component: 'test', host: 'node1' },
      },
    ]);
  });

  it('tells for other programs', async () => {
    const { list, recorder } = recording();
    recorder.as('job-controller').event(object, 'Normal', 'Completed', 'done');
    recorder.event(object, 'Normal', 'Completed', 'done');
    const sources = (await list()).map(({ source, reportingComponent }) => [
      source?.component,
      reportingComponent,
    ]);
    expect(sources).toEqual([
      ['job-controller', 'job-controller'],
      ['test', 'test'],
    ]);
  });

  it('counts equal events on one object of the API', async () => {
    const { clock, recorder, list } = recording();
    for (let i = 0; i < 3; i += 1) {
      recorder.event(object, 'Warning', 'Broken', 'it broke');
      await clock.advance(60_000);
    }
    recorder.event(object, 'Warning', 'Broken', 'otherwise');
    expect((await list()).map(({ count, lastTimestamp }) => [count, lastTimestamp])).toEqual([
      [3, '2026-01-01T00:02:00Z'],
      [1, '2026-01-01T00:03:00Z'],
    ]);
  });

  it('starts anew when the Event has expired on the server', async () => {
    const { client, recorder, list } = recording();
    recorder.event(object, 'Warning', 'Broken', 'it broke');
    const [first] = await list();
    await client.delete(event, { name: first?.metadata.name ?? '', namespace: 'team' });
    recorder.event(object, 'Warning', 'Broken', 'it broke');
    await list();
    recorder.event(object, 'Warning', 'Broken', 'it broke');
    expect(await list()).toHaveLength(1);
  });

  it('keeps one object from flooding, and lets the others speak', async () => {
    const { clock, recorder, list } = recording();
    for (let i = 0; i < 100; i += 1) {
      recorder.event(object, 'Warning', 'Broken', `message ${i}`);
    }
    recorder.event(referable(node, { metadata: { name: 'n', uid: 'u2' } }), 'Normal', 'Fine', 'fine');
    expect(
      (await list()).map(({ metadata }) => metadata.namespace).filter((ns) => ns === 'default'),
    ).toHaveLength(1);
    expect(await list()).toHaveLength(26);
    await clock.advance(300_000);
    recorder.event(object, 'Warning', 'Broken', 'one more');
    recorder.event(object, 'Warning', 'Broken', 'and another');
    expect(await list()).toHaveLength(27);
  });

  it('does not fail when the server does', async () => {
    const { client, recorder, list } = recording();
    client.intercept = () => {
      throw new Error('away');
    };
    recorder.event(object, 'Warning', 'Broken', 'it broke');
    expect(await list()).toEqual([]);
  });
});
