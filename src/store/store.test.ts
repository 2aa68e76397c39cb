import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Store } from './store.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'patchbay-store-'));
  path = join(directory, 'store.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

const key = (name: string, namespace = 'a', resource = 'things') => ({ resource, namespace, name });
const encode = (text: string) => (revision: number) => `${text}@${revision}`;
const names = (store: Store, revision?: number) =>
  [...store.list({ resource: 'things', revision })].map((entry) => `${entry.name}=${entry.value}`);

test('a write is readable only once it is on disk, and survives reopening', async () => {
  const store = new Store({ path });
  const written = store.put({ key: key('x'), expected: 0, encode: encode('one') });
  expect(store.get(key('x'))).toBeUndefined();
  expect(store.head(key('x'))?.value).toBe('one@1');
  expect((await written).revision).toBe(1);
  store.close();
  const again = new Store({ path });
  expect(again.get(key('x'))?.value).toBe('one@1');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
  again.close();
});

test('expectations are checked against writes that are still on their way', async () => {
  const store = new Store({ path });
  const results = await Promise.allSettled([
    store.put({ key: key('x'), expected: 0, encode: encode('one') }),
    store.put({ key: key('x'), expected: 0, encode: encode('two') }),
    store.put({ key: key('x'), expected: 1, encode: encode('three') }),
    store.put({ key: key('x'), expected: 1, encode: encode('four') }),
    store.delete({ key: key('y'), encode: encode('none') }),
  ]);
  expect(
    results.map((each) => (each.status === 'fulfilled' ? each.value.value : each.reason.reason)),
  ).toEqual(['one@1', 'AlreadyExists', 'three@2', 'Conflict', 'NotFound']);
  store.close();
});

test('a list shows one moment, also a past one, in order of namespace and name', async () => {
  const store = new Store({ path, window: 2 });
  for (const name of ['b', 'a', 'c']) {
    await store.put({ key: key(name), encode: encode(name) });
  }
  await store.put({ key: key('a'), encode: encode('A') });
  await store.delete({ key: key('b'), encode: encode('gone') });
  await store.put({ key: key('b', '0'), encode: encode('B') });
  expect(names(store)).toEqual(['b=B@6', 'a=A@4', 'c=c@3']);
  expect(names(store, 3)).toEqual(['a=a@2', 'b=b@1', 'c=c@3']);
  expect(names(store, 1)).toEqual(['b=b@1']);
  expect(() => names(store, 9)).toThrow(/does not exist yet/);
  const rest = store.list({ resource: 'things', revision: 4, after: { namespace: 'a', name: 'a' } });
  expect([...rest].map((entry) => entry.name)).toEqual(['b', 'c']);
  store.close();
});

test('a subscription reads every event in order, from disk what left the memory, also after reopening', async () => {
  let store = new Store({ path, window: 3 });
  for (let i = 0; i < 20; i++) {
    await store.put({ key: key(i % 2 === 0 ? 'even' : 'odd'), encode: encode(`v${i}`) });
    await store.put({ key: key('other', '', 'others'), encode: encode('') });
  }
  store.close();
  store = new Store({ path, window: 3 });
  const subscription = store.subscribe('things', 5, () => undefined);
  const seen: string[] = [];
  for (let batch = subscription.read(2); batch.length > 0; batch = subscription.read(2)) {
    seen.push(...batch.map((entry) => `${entry.revision}<${entry.previous?.revision}`));
  }
  expect(seen).toEqual(Array.from({ length: 17 }, (_, i) => `${7 + 2 * i}<${3 + 2 * i}`));
  expect(subscription.revision).toBe(40);
  store.close();
});

test('a subscription is woken once for a commit of many writes', async () => {
  const store = new Store({ path });
  let woken = 0;
  const subscription = store.subscribe('things', 0, () => woken++);
  await Promise.all(['x', 'y', 'z'].map((name) => store.put({ key: key(name), encode: encode(name) })));
  await new Promise((resolve) => setImmediate(resolve));
  expect(woken).toBe(1);
  expect(subscription.read(10).map((entry) => entry.name)).toEqual(['x', 'y', 'z']);
  store.close();
});

test('big events are read from disk a few at a time', async () => {
  let store = new Store({ path });
  for (let i = 0; i < 5; i++) {
    await store.put({ key: key('big'), encode: () => 'x'.repeat(700_000) });
  }
  store.close();
  store = new Store({ path, window: 1 });
  const subscription = store.subscribe('things', 0, () => undefined);
  const read = () => subscription.read(100).map((entry) => entry.revision);
  expect([read(), read(), read(), read()]).toEqual([[1, 2], [3, 4], [5], []]);
  store.close();
});

test('compaction overtakes who has something to read, and nobody else', async () => {
  const store = new Store({ path });
  const behind = store.subscribe('things', 0, () => undefined);
  const idle = store.subscribe('quiet', 0, () => undefined);
  await store.put({ key: key('a'), encode: encode('a') });
  await store.put({ key: key('a'), encode: encode('b') });
  await store.compact(2);
  expect(() => behind.check()).toThrow(/too old/);
  expect(() => behind.read(1)).toThrow(/too old/);
  expect([idle.revision, idle.read(1)]).toEqual([2, []]);
  idle.check();
  await store.put({ key: key('q', '', 'quiet'), encode: encode('q') });
  expect(idle.read(9).map((entry) => entry.revision)).toEqual([3]);
  store.close();
});

test('compaction forgets history, keeps the state, and frees the disk in batches', async () => {
  let store = new Store({ path });
  for (let i = 0; i < 50; i++) {
    await store.put({ key: key(`k${i % 5}`), encode: encode(`v${i}`) });
  }
  await store.delete({ key: key('k0'), encode: encode('gone') });
  const behind = store.subscribe('things', 10, () => undefined);
  const before = names(store);
  await store.compact(51, undefined, 7);
  expect(() => behind.read(1)).toThrow(/too old resource version: 10 \(51\)/);
  expect(() => store.subscribe('things', 50, () => undefined)).toThrow(/too old/);
  expect(() => names(store, 50)).toThrow();
  expect(names(store)).toEqual(before);
  store.close();
  const database = new DatabaseSync(path);
  const rows = database.prepare('SELECT count(*) AS n FROM log').get();
  database.close();
  expect(rows).toEqual({ n: 4 });
  store = new Store({ path });
  expect(names(store)).toEqual(before);
  expect((await store.put({ key: key('new'), encode: encode('') })).revision).toBe(52);
  store.close();
});

test('a second process is refused', () => {
  const store = new Store({ path });
  expect(() => new Store({ path })).toThrow(/in use by another process/);
  store.close();
});

/** Says of an event that it replaced another, as if it had been written so. */
function relink(db: DatabaseSync, revision: number, previous: number): void {
  const {
    deleted,
    key: text,
    value,
  } = db.prepare('SELECT * FROM log WHERE revision = ?').get(revision) ?? {};
  const sum = crc32(String(value), crc32(`${revision} ${previous} ${String(deleted)} ${String(text)}\n`));
  db.prepare('UPDATE log SET previous = ?, checksum = ? WHERE revision = ?').run(previous, sum, revision);
}

test.each([
  [
    'a changed value',
    (db: DatabaseSync) => db.exec("UPDATE log SET value = 'forged' WHERE revision = 2"),
    /checksum of revision 2/,
  ],
  [
    'a missing row',
    (db: DatabaseSync) => db.exec('DELETE FROM log WHERE revision = 1'),
    /revision 1 of things\/a\/x was replaced, and is missing/,
  ],
  [
    'a second life',
    (db: DatabaseSync) => relink(db, 2, 0),
    /revision 2 of things\/a\/x does not say that it replaced 1/,
  ],
  [
    'a mix-up of two objects',
    (db: DatabaseSync) => relink(db, 3, 2),
    /revision 2 is of things\/a\/x, but an event of things\/a\/y replaced it/,
  ],
  ['a newer format', (db: DatabaseSync) => db.exec('PRAGMA user_version = 99'), /has format 99/],
])('%s is found at opening', async (_, damage, message) => {
  const store = new Store({ path });
  await store.put({ key: key('x'), encode: encode('one') });
  await store.put({ key: key('x'), encode: encode('two') });
  await store.put({ key: key('y'), encode: encode('three') });
  store.close();
  const database = new DatabaseSync(path);
  damage(database);
  database.close();
  expect(() => new Store({ path })).toThrow(message);
});

test('a changed value of history is told to who reads it, and hinders nobody else', async () => {
  let store = new Store({ path });
  await store.put({ key: key('x'), encode: encode('one') });
  await store.put({ key: key('x'), encode: encode('two') });
  store.close();
  const database = new DatabaseSync(path);
  database.exec("UPDATE log SET value = 'forged' WHERE revision = 1");
  database.close();
  store = new Store({ path });
  expect(names(store)).toEqual(['x=two@2']);
  expect(() => names(store, 1)).toThrow(/checksum of revision 1/);
  const subscription = store.subscribe('things', 0, () => undefined);
  expect(() => subscription.read(10)).toThrow(/checksum of revision 1/);
  store.close();
});

test('what was removed does not come back when compaction was cut short and a link is damaged', async () => {
  const store = new Store({ path });
  await store.put({ key: key('x'), encode: encode('one') });
  await store.put({ key: key('x'), encode: encode('two') });
  await store.delete({ key: key('x'), encode: encode('gone') });
  store.close();
  const database = new DatabaseSync(path);
  database.exec("UPDATE mark SET revision = 3 WHERE name = 'compacted'");
  database.exec('UPDATE log SET previous = 0 WHERE revision = 2');
  database.close();
  expect(() => new Store({ path })).toThrow(/checksum of revision 2/);
});

test('a file that is no store, and a torn page, are found at opening', async () => {
  writeFileSync(
    path,
    'something else, long enough to be a header of a database, which it is not at all, really not it\n',
  );
  expect(() => new Store({ path })).toThrow(/damaged/);
  rmSync(path);
  const store = new Store({ path });
  for (let i = 0; i < 100; i++) {
    await store.put({ key: key(`k${i}`), encode: encode('x'.repeat(200)) });
  }
  store.close();
  const bytes = readFileSync(path);
  writeFileSync(
    path,
    Buffer.concat([bytes.subarray(0, 8192), Buffer.alloc(4096, 0xff), bytes.subarray(12288)]),
  );
  expect(() => new Store({ path })).toThrow(/damaged/);
});

test('a closed store refuses writes', async () => {
  const store = new Store({ path });
  await store.put({ key: key('x'), encode: encode('one') });
  store.close();
  await expect(store.put({ key: key('x'), encode: encode('late') })).rejects.toMatchObject({
    reason: 'StoreClosed',
  });
});

test('texts beyond the budget are read from the disk again, and damage there is noticed', async () => {
  const store = new Store({ path, texts: 10 });
  for (const name of ['a', 'b', 'c']) {
    await store.put({ key: key(name), encode: encode(`text-${name}`) });
  }
  const derived = store.get(key('a'));
  expect(names(store)).toEqual(['a=text-a@1', 'b=text-b@2', 'c=text-c@3']);
  expect(names(store, 2)).toEqual(['a=text-a@1', 'b=text-b@2']);
  await store.put({ key: key('a'), encode: encode('new') });
  expect([derived?.value, store.get(key('a'))?.value]).toEqual(['text-a@1', 'new@4']);
  await store.compact(4);
  expect(() => derived?.value).toThrow(/revision 1 was compacted \(4\)/);
  store.close();
});

test('what a reader holds is readable until it is done, whatever is compacted', async () => {
  const store = new Store({ path, texts: 0 });
  await store.put({ key: key('changed'), encode: encode('old') });
  await store.put({ key: key('deleted'), encode: encode('there') });
  const entries = [...store.list({ resource: 'things' })];
  const release = store.hold();
  await store.put({ key: key('changed'), encode: encode('new') });
  await store.delete({ key: key('deleted'), encode: encode('gone') });
  await store.compact(4);
  expect(entries.map(({ value }) => value)).toEqual(['old@1', 'there@2']);
  expect(() => store.subscribe('things', 2, () => undefined)).toThrow(/too old/);
  release();
  await store.compact(4);
  expect(() => entries[0]?.value).toThrow(/revision 1 was compacted/);
  expect(names(store)).toEqual(['changed=new@3']);
  store.close();
});
