/** Events of both groups are the same objects. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture, type WatchLine } from './apiserver-fixture.ts';

let server: Fixture;
const core = '/api/v1/namespaces/default/events';
const group = '/apis/events.k8s.io/v1/namespaces/default/events';
const at = '2026-01-01T00:00:00.000001Z';
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

const fresh = (name: string, more: object = {}) => ({
  metadata: { name },
  eventTime: at,
  reportingController: 'example.com/loop',
  reportingInstance: 'loop-1',
  action: 'Looking',
  reason: 'Looked',
  type: 'Normal',
  note: 'it is there',
  regarding: { kind: 'Pod', namespace: 'default', name: 'web', apiVersion: 'v1' },
  ...more,
});

test('what one group writes the other shows, under its own names', async () => {
  expect((await server.request('POST', group, { body: fresh('one') })).code).toBe(201);
  expect((await server.request('GET', `${core}/one`)).body).toMatchObject({
    apiVersion: 'v1',
    kind: 'Event',
    involvedObject: { name: 'web' },
    message: 'it is there',
    reportingComponent: 'example.com/loop',
  });
  await server.request('POST', core, {
    body: {
      metadata: { name: 'two' },
      involvedObject: { kind: 'Node', name: 'n', namespace: 'default' },
      message: 'old way',
      count: 3,
      source: { component: 'c' },
    },
  });
  const { body } = await server.request('GET', `${group}/two`);
  expect(body).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    regarding: { name: 'n' },
    note: 'old way',
    deprecatedCount: 3,
    deprecatedSource: { component: 'c' },
  });
  expect(body).not.toHaveProperty('message');
  const list = (await server.request('GET', group)).body;
  expect([list['kind'], list['apiVersion'], (list['items'] as object[]).length]).toEqual([
    'EventList',
    'events.k8s.io/v1',
    2,
  ]);
});

test('a patch, a watch, selectors and a deletion go through either', async () => {
  const type = 'application/merge-patch+json';
  const body = { series: { count: 2, lastObservedTime: at }, note: 'again' };
  expect((await server.request('PATCH', `${group}/one`, { type, body })).code).toBe(200);
  const seen = await server.watch(
    `${group}?watch=true&fieldSelector=regarding.name%3Dweb`,
    (all) => all.length > 0,
  );
  expect((seen[0] as WatchLine).object).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    note: 'again',
    series: { count: 2 },
  });
  const picked = await server.request('GET', `${core}?fieldSelector=involvedObject.name%3Dweb`);
  expect(picked.body['items']).toMatchObject([{ metadata: { name: 'one' }, message: 'again' }]);
  await server.request('DELETE', `${group}/one`);
  expect((await server.request('GET', `${core}/one`)).code).toBe(404);
});

test('new ones say who tells what; kubectl shows them', async () => {
  const { body } = await server.request('POST', group, {
    body: { metadata: { name: 'bad' }, regarding: {}, type: 'Odd' },
  });
  for (const text of [
    'eventTime: Required',
    'reportingController: Required',
    'action: Required',
    'type: Unsupported value: "Odd"',
  ]) {
    expect(body['message']).toContain(text);
  }
  await server.request('POST', group, { body: fresh('three') });
  const { out } = await server.kubectl('get', 'events.events.k8s.io', 'three', '--no-headers');
  expect(out).toMatch(/Normal +Looked +pod\/web +it is there$/);
  expect((await server.kubectl('events', '--for', 'pod/web')).out).toContain('it is there');
});
