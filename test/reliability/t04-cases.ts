/** What etcd's watches once got wrong, as cases by the number of its issue (etcd-io/etcd, tests/robustness/README.md). */
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, objectOf, revisionOf } from './lib/client.ts';
import { TestServer } from './lib/server.ts';
import type { Run } from './lib/trial.ts';
import { openWatch, type WatchEvent } from './lib/watch.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
/** History is kept for half a second and compacted ten times a second. */
const speed = 600;

/** Watches that are not ended by the server: its clock would do so after seconds. */
const lasting = '&timeoutSeconds=86400';

/** What the cases share. */
interface Stage {
  readonly run: Run;
  readonly server: TestServer;
  readonly client: Client;
}

const cases: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  'etcd 15220: no bookmark before the events that it covers': bookmarksInOrder,
  'etcd 15271: time does not go back after the server is gone': noTimeTravel,
  'etcd 17247: events of one commit come once': oneCommit,
  'etcd 17529: a starved watch loses nothing silently': starved,
  'etcd 18089: a deletion that is the newest compacted event hides no later one': deletionAtCompaction,
  'etcd 19179: a watch from before a compacted deletion is told 410': deletionCompacted,
  'a watch of what does not change outlives compaction': idle,
  'etcd 20221: a watch from the future gets nothing old': future,
};

/** Runs them, each against the same server. */
export async function watchCases(run: Run): Promise<void> {
  const server = await TestServer.create({ bug: run.plan.bug, speed });
  try {
    await server.start();
    const client = server.client();
    for (const [name, body] of Object.entries(cases)) {
      const before = run.violations.length;
      await body({ run, server, client });
      run.violations.splice(
        before,
        Number.POSITIVE_INFINITY,
        ...run.violations.slice(before).map((v) => `${name}: ${v}`),
      );
      run.count('named cases');
      if (run.done) {
        return;
      }
    }
  } finally {
    await server.remove();
  }
}

async function create({ client }: Stage, name: string): Promise<number> {
  return revisionOf(await client.request('POST', configMaps, { body: { metadata: { name } } }));
}

async function remove({ client }: Stage, name: string): Promise<void> {
  await client.request('DELETE', `${configMaps}/${name}`);
}

async function revisionNow({ client }: Stage): Promise<number> {
  return revisionOf(await client.request('GET', configMaps));
}

/** Waits until compaction has reached the newest revision: nothing is written meanwhile. */
async function compactedUpTo({ client }: Stage, revision: number): Promise<void> {
  const path = `${configMaps}?resourceVersion=${revision - 1}&resourceVersionMatch=Exact`;
  const deadline = performance.now() + 10_000;
  while ((await client.request('GET', path)).code !== 410) {
    if (performance.now() > deadline) {
      throw new Error(`revision ${revision - 1} was not compacted within 10 s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Milliseconds after which a watch that tells nothing is not waited for. */
const silence = 1_500;

/** Events after `from`, up to the one about `last`, or those that came in time. */
async function eventsUntil({ client }: Stage, from: number, last: string): Promise<readonly WatchEvent[]> {
  const events: WatchEvent[] = [];
  const watch = await openWatch(client, `${configMaps}?resourceVersion=${from}${lasting}`, (event) =>
    events.push(event),
  );
  const told = watch.until(() =>
    events.some(({ type, object }) => type === 'ERROR' || object.metadata.name === last),
  );
  const timer = new AbortController();
  await Promise.race([told, pause(silence, undefined, { signal: timer.signal })]);
  timer.abort();
  watch.close();
  return events;
}

/** Does what needs history of a moment ago, again when a busy machine took so long that it was compacted: a 410 is right then. */
async function inTime(body: (attempt: number) => Promise<readonly WatchEvent[]>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const events = await body(attempt);
    if (!isGone(events)) return;
    if (attempt === 10) throw new Error('history was compacted before it could be read, ten times');
  }
}

function isGone(events: readonly WatchEvent[]): boolean {
  return events.at(-1)?.object.code === 410;
}

async function bookmarksInOrder(stage: Stage): Promise<void> {
  const { run, client } = stage;
  const from = await revisionNow(stage);
  const events: WatchEvent[] = [];
  const path = `${configMaps}?resourceVersion=${from}&allowWatchBookmarks=true${lasting}`;
  const watch = await openWatch(client, path, (event) => events.push(event));
  const written: number[] = [];
  for (let at = 0; at < 60; at++) {
    written.push(await create(stage, `bookmarked-${at}`));
  }
  await watch.until(() => events.some((e) => e.object.metadata.name === 'bookmarked-59'));
  await watch.until(() => events.at(-1)?.type === 'BOOKMARK');
  watch.close();
  let seen = from;
  for (const { type, object } of events) {
    const revision = Number(object.metadata.resourceVersion);
    const missed = written.filter((each) => each > seen && each < revision);
    run.check(
      missed.length === 0 && (type === 'BOOKMARK' ? revision >= seen : revision > seen),
      () =>
        `${type} at ${revision} after ${seen}, although ${missed.join() || 'nothing'} was written between`,
    );
    seen = revision;
  }
}

async function noTimeTravel(stage: Stage): Promise<void> {
  const { run, server } = stage;
  await inTime(async (attempt) => {
    const [first, second] = [`travel-${attempt}-1`, `travel-${attempt}-2`];
    const from = await revisionNow(stage);
    await create(stage, first);
    const before = await eventsUntil(stage, from, first);
    if (isGone(before)) return before;
    const seen = Number(before.at(-1)?.object.metadata.resourceVersion);
    await server.kill();
    await server.start();
    const next = await create(stage, second);
    const after = await eventsUntil(stage, seen, second);
    const revisions = after.map(({ object }) => Number(object.metadata.resourceVersion));
    run.check(
      isGone(after) || (revisions.length === 1 && revisions[0] === next),
      () => `seen up to ${seen}, then told ${revisions.join()}; ${next} was written`,
    );
    return after;
  });
}

async function oneCommit(stage: Stage): Promise<void> {
  await inTime(async (attempt) => {
    const from = await revisionNow(stage);
    const names = Array.from({ length: 100 }, (_, at) => `together-${attempt}-${at}`);
    const written = await Promise.all(names.map((name) => create(stage, name)));
    await create(stage, `together-${attempt}-end`);
    const events = await eventsUntil(stage, from, `together-${attempt}-end`);
    const told = events.slice(0, -1).map(({ object }) => Number(object.metadata.resourceVersion));
    const expected = written.toSorted((a, b) => a - b);
    stage.run.check(
      isGone(events) || told.join() === expected.join(),
      () => `written ${expected.join()}, told ${told.join()}`,
    );
    return events;
  });
}

async function starved(stage: Stage): Promise<void> {
  const { run, client } = stage;
  const from = await revisionNow(stage);
  const events: WatchEvent[] = [];
  const watch = await openWatch(client, `${configMaps}?resourceVersion=${from}${lasting}`, (event) =>
    events.push(event),
  );
  watch.stream.pause();
  const path = `${configMaps}/starving`;
  const first = await create(stage, 'starving');
  const written = [first];
  const padding = 'x'.repeat(200_000);
  for (let at = 0; at < 80; at++) {
    const body = { metadata: { name: 'starving' }, data: { at: String(at), padding } };
    written.push(revisionOf(await client.request('PUT', path, { body })));
  }
  await compactedUpTo(stage, written.at(-1) ?? 0);
  const resumed = performance.now();
  watch.stream.resume();
  await watch
    .until(() => events.at(-1)?.type === 'ERROR' || events.length === written.length)
    .catch(() => undefined);
  run.limit('ms until a starved watch knows', performance.now() - resumed, 1_000);
  watch.close();
  const cut = events.at(-1)?.type === 'ERROR';
  const told = events
    .slice(0, cut ? -1 : undefined)
    .map(({ object }) => Number(object.metadata.resourceVersion));
  run.check(
    told.join() === written.slice(0, told.length).join(),
    () => `told ${told.join()} of ${written.join()}`,
  );
  // Cut without a word is allowed as well: whoever comes back where it was is told 410.
  const again = told.length === written.length ? [] : await eventsUntil(stage, told.at(-1) ?? from, '');
  run.check(
    told.length === written.length || again[0]?.object.code === 410,
    () => `lost ${written.length - told.length} events without a 410`,
  );
  await remove(stage, 'starving');
}

async function deletionAtCompaction(stage: Stage): Promise<void> {
  const { run } = stage;
  await create(stage, 'compacted');
  await remove(stage, 'compacted');
  const deletion = await revisionNow(stage);
  await compactedUpTo(stage, deletion);
  const kept = [await create(stage, 'after-1'), await create(stage, 'after-2')];
  const events = await eventsUntil(stage, deletion, 'after-2');
  const told = events.map(({ object }) => Number(object.metadata.resourceVersion));
  run.check(told.join() === kept.join(), () => `told ${told.join()}, kept are ${kept.join()}`);
}

async function deletionCompacted(stage: Stage): Promise<void> {
  const created = await create(stage, 'deleted');
  await remove(stage, 'deleted');
  await compactedUpTo(stage, await revisionNow(stage));
  const started = performance.now();
  const [event] = await eventsUntil(stage, created, 'deleted');
  stage.run.limit('ms until 410', performance.now() - started, 1_000);
  stage.run.check(
    event?.type === 'ERROR' && event.object.code === 410,
    () => `a watch that missed a compacted deletion got ${JSON.stringify(event)}`,
  );
}

async function idle(stage: Stage): Promise<void> {
  const { run, client } = stage;
  const from = await revisionNow(stage);
  const path = '/api/v1/namespaces/default/secrets';
  const events: WatchEvent[] = [];
  const watch = await openWatch(client, `${path}?resourceVersion=${from}${lasting}`, (event) =>
    events.push(event),
  );
  await create(stage, 'busy');
  await compactedUpTo(stage, await create(stage, 'busier'));
  await client.request('POST', path, { body: { metadata: { name: 'woken' } } });
  await watch.until(() => events.length > 0);
  watch.close();
  const [first] = events;
  run.check(
    first?.type === 'ADDED' && first.object.metadata.name === 'woken',
    () => `after a quiet time the watch was told ${JSON.stringify(first)}`,
  );
}

async function future(stage: Stage): Promise<void> {
  const { run, client } = stage;
  const now = await revisionNow(stage);
  const ahead = now + 5;
  const events: WatchEvent[] = [];
  const path = `${configMaps}?resourceVersion=${ahead}&allowWatchBookmarks=true${lasting}`;
  const watch = await openWatch(client, path, (event) => events.push(event));
  // Bookmarks come ten times a second here: two of them would have come.
  const second = client.open(`${configMaps}?resourceVersion=${now}&allowWatchBookmarks=true&watch=true`);
  await new Promise((resolve) => void second.then((stream) => stream.once('data', resolve)));
  run.check(events.length === 0, () => `told ${JSON.stringify(events)} while the newest is ${now}`);
  for (let at = 0; at < 8; at++) {
    await create(stage, `future-${at}`);
  }
  await watch.until(() => events.some(({ object }) => object.metadata.name === 'future-7'));
  watch.close();
  (await second).destroy();
  const old = events.filter(({ object }) => Number(object.metadata.resourceVersion) <= ahead);
  run.check(old.length === 0, () => `from ${ahead} on, told ${JSON.stringify(old)}`);
  run.check(objectOf(await client.request('GET', configMaps)).items !== undefined, () => 'no list');
}
