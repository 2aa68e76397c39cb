import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { amountText } from '#api/amount.ts';
import type { ResourceQuota } from '#api/core/resource-quota.ts';
import { systemClock } from '#machinery/clock.ts';
import { Store } from '#store/store.ts';
import { UsageTracker } from './tracker.ts';

let directory: string;
let store: Store;
let changed: string[];
let tracker: UsageTracker;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'patchbay-quota-'));
  store = new Store({ path: join(directory, 'store.db') });
  changed = [];
  tracker = new UsageTracker(store, systemClock, (namespace) => changed.push(namespace));
});
afterEach(async () => {
  store.close();
  await rm(directory, { recursive: true });
});

const quota: ResourceQuota = { metadata: { name: 'q', namespace: 'n' }, spec: { hard: { configmaps: '2' } } };
const used = () => amountText(tracker.used(quota).get('configmaps') ?? { nano: -1n, form: 'decimal' });
const map = (name: string) => ({ metadata: { name, namespace: 'n' } });
const key = (name: string) => ({ resource: 'configmaps', namespace: 'n', name });
const put = (name: string) =>
  store.put({ key: key(name), encode: () => JSON.stringify({ metadata: { name, namespace: 'n' } }) });
const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

test('what was let through counts at once, and once when it is on disk', async () => {
  await put('old');
  expect(used()).toBe('1');
  tracker.reserve('configmaps', 'n', 'new', map('new'));
  expect(used()).toBe('2');
  const written = put('new');
  expect(used()).toBe('2');
  await written;
  expect(used()).toBe('2');
  expect(changed).toEqual(['n']);
  await store.delete({ key: key('old'), encode: () => '{"metadata":{"name":"old"}}' });
  expect(used()).toBe('1');
});

test('what was not written after all is free again', async () => {
  tracker.reserve('configmaps', 'n', 'never', map('never'));
  expect(used()).toBe('1');
  await turn();
  await turn();
  await turn();
  expect(used()).toBe('0');
});

test('a second version of an object is not a second object', async () => {
  await put('one');
  tracker.reserve('configmaps', 'n', 'one', map('one'));
  expect(used()).toBe('1');
});

test('namespaces without quotas are forgotten and counted anew', async () => {
  await put('one');
  expect(used()).toBe('1');
  tracker.keepOnly(new Set());
  await put('two');
  expect(changed).toEqual([]);
  expect(used()).toBe('2');
});
