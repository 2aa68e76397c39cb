import { afterEach, describe, expect, it } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import { ApiError } from './errors.ts';
import { FakeApiClient } from './fake-api-client.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { createInformerFactory } from './informer-factory.ts';

const stop = { controller: new AbortController() };
afterEach(() => {
  stop.controller.abort();
  stop.controller = new AbortController();
});

async function watching(names: readonly string[] = []) {
  const client = new FakeApiClient();
  const clock = new FakeClock();
  for (const name of names) {
    await client.create(configMap, { metadata: { name, namespace: 'default', labels: { app: name } } });
  }
  const factory = createInformerFactory(client, { clock, random: () => 0 });
  const informer = factory.informer(configMap, {
    indexes: { app: (one) => [one.metadata.labels?.['app'] ?? ''] },
  });
  const events: string[] = [];
  informer.subscribe(({ type, object }) => events.push(`${type} ${object.metadata.name}`));
  await factory.start(stop.controller.signal);
  return { client, clock, factory, informer, events };
}

describe('informer', () => {
  it('holds what there is and follows changes', async () => {
    const { client, informer, events } = await watching(['a']);
    const key = { name: 'b', namespace: 'default' };
    await client.create(configMap, { metadata: key });
    await client.patch(configMap, key, { type: 'merge', body: { data: { x: '1' } } });
    await client.delete(configMap, key);
    await settle();
    expect(events).toEqual(['added a', 'added b', 'updated b', 'deleted b']);
    expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  it('tells a late subscriber of everything there', async () => {
    const { informer } = await watching(['a', 'b']);
    const seen: string[] = [];
    informer.subscribe(({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
    expect(seen).toEqual(['added a', 'added b']);
  });

  it('keeps indexes current', async () => {
    const { client, informer } = await watching(['a', 'b']);
    const body = { metadata: { labels: { app: 'b' } } };
    await client.patch(configMap, { name: 'a', namespace: 'default' }, { type: 'merge', body });
    await settle();
    const found = (value: string) => informer.byIndex('app', value).map(({ metadata }) => metadata.name);
    expect([found('a'), found('b').toSorted()]).toEqual([[], ['a', 'b']]);
  });

  it('freezes objects through and through', async () => {
    const { informer } = await watching(['a']);
    const labels = informer.list()[0]?.metadata.labels ?? {};
    expect(() => Object.assign(labels, { app: 'other' })).toThrow(TypeError);
  });

  it('lists again after 410 and tells only the differences', async () => {
    const { client, clock, events } = await watching(['a', 'b', 'c']);
    await settle();
    events.length = 0;
    client.expire();
    await client.delete(configMap, { name: 'a', namespace: 'default' });
    await client.patch(
      configMap,
      { name: 'b', namespace: 'default' },
      { type: 'merge', body: { data: { x: '1' } } },
    );
    await client.delete(configMap, { name: 'c', namespace: 'default' });
    await client.create(configMap, { metadata: { name: 'c', namespace: 'default' } });
    await clock.advance(1000);
    expect(events.toSorted()).toEqual(['added c', 'deleted a', 'deleted c', 'updated b']);
  });

  it('goes on from its version when the server ends the watch', async () => {
    const { client, clock, events } = await watching(['a']);
    await clock.advance(5000);
    client.disconnect();
    await client.create(configMap, { metadata: { name: 'b', namespace: 'default' } });
    await clock.advance(1000);
    expect(events).toEqual(['added a', 'added b']);
  });

  it('backs off while the server refuses, and then syncs', async () => {
    const client = new FakeApiClient();
    const clock = new FakeClock();
    const times: number[] = [];
    const start = clock.now();
    const list = client.list.bind(client);
    client.list = (kind, options) => {
      times.push(clock.now() - start);
      return times.length < 5
        ? Promise.reject(new ApiError({ code: 503, message: 'not yet' }))
        : list(kind, options);
    };
    const factory = createInformerFactory(client, { clock, random: () => 0.999_999 });
    factory.informer(configMap);
    let synced = false;
    void factory.start(stop.controller.signal).then(() => {
      synced = true;
    });
    await clock.advance(60_000);
    expect(synced).toBe(true);
    expect(times.map((time) => Math.round(time / 100))).toEqual([0, 2, 6, 14, 30]);
  });

  it('shares one watch among those who ask for the same', async () => {
    const { factory, informer } = await watching();
    expect(factory.informer(configMap)).toBe(informer);
    expect(factory.informer(configMap, { namespace: 'other' })).not.toBe(informer);
  });

  it('keeps metadata alone while nobody needs more', async () => {
    const client = new FakeApiClient();
    const key = { name: 'a', namespace: 'default' };
    const managedFields = [{ manager: 'm', operation: 'Update' as const, apiVersion: 'v1' }];
    await client.create(configMap, { metadata: { ...key, managedFields }, data: { x: '1' } });
    const factory = createInformerFactory(client, { clock: new FakeClock() });
    const informer = factory.metadataInformer(configMap);
    await factory.start(stop.controller.signal);
    const [held] = informer.list();
    expect(Object.keys(held ?? {})).not.toContain('data');
    expect(held?.metadata).toMatchObject({ ...key, resourceVersion: expect.any(String) });
    expect(held?.metadata.managedFields).toBeUndefined();
    expect(() => factory.informer(configMap)).toThrow(TypeError);
  });

  it('keeps whole objects for all when one needs them', async () => {
    const client = new FakeApiClient();
    await client.create(configMap, { metadata: { name: 'a', namespace: 'default' }, data: { x: '1' } });
    const factory = createInformerFactory(client, { clock: new FakeClock() });
    const metadata = factory.metadataInformer(configMap);
    expect(factory.informer(configMap)).toBe(metadata);
    await factory.start(stop.controller.signal);
    expect(metadata.list()).toEqual([expect.objectContaining({ data: { x: '1' } })]);
  });

  it('keeps telling the others when one handler fails', async () => {
    const { client, informer, events } = await watching();
    informer.subscribe(() => {
      throw new Error('mine');
    });
    await client.create(configMap, { metadata: { name: 'a', namespace: 'default' } });
    await client.create(configMap, { metadata: { name: 'b', namespace: 'default' } });
    await settle();
    expect(events).toEqual(['added a', 'added b']);
  });
});
