/** T04: watchers of all manners against writers and compaction: every change once, in order, or 410. */
import { type Client, type objectOf, revisionOf } from './lib/client.ts';
import { TestServer } from './lib/server.ts';
import type { Run, Trial } from './lib/trial.ts';
import { type Manner, summaryOf, Watcher } from './lib/watcher.ts';
import { Written } from './lib/written.ts';
import { watchCases } from './t04-cases.ts';
import { stalledWatchers } from './t04-stalled.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const manners: Readonly<Record<Manner, number>> = {
  fast: 12,
  slow: 8,
  paused: 6,
  reconnecting: 10,
  bookmarks: 8,
  streamed: 4,
  selective: 4,
};
/** The server's clock runs 60 times faster: history is kept for 5 s, compacted every second, and bookmarks come every second. */
const speed = 60;

export const watchTrial: Trial = {
  id: 'T04',
  title: 'watches: every change once and in order, or 410',
  bugs: ['lose-events', 'repeat-events', 'lose-compacted-deletion', 'swap-events'],
  smoke: 1 / 100,
  async run(run) {
    await watchCases(run);
    if (!run.done) {
      await traffic(run);
    }
    if (run.plan.bug === undefined) {
      await stalledWatchers(run);
    }
  },
};

async function traffic(run: Run): Promise<void> {
  const server = await TestServer.create({ bug: run.plan.bug, speed });
  try {
    await server.start();
    const client = server.client('admin', 128);
    const watchers = Object.entries(manners).flatMap(([manner, count]) =>
      Array.from({ length: count }, (_, at) => watcherOf(run, client, manner as Manner, at)),
    );
    const following = Promise.all(watchers.map((watcher) => watcher.follow()));
    const written = new Written();
    const until = performance.now() + run.scaled(300) * 1_000;
    const writing = Array.from({ length: 8 }, (_, at) => writer(run, client, written, at, until));
    await Promise.all([...writing, compareNowAndThen(run, client, watchers, until)]);
    await finish(run, client, watchers, written, following);
  } finally {
    await server.remove();
  }
}

function watcherOf(run: Run, client: Client, manner: Manner, at: number): Watcher {
  const path = manner === 'selective' ? `${configMaps}?labelSelector=side%3Dleft` : configMaps;
  return new Watcher(run, client, path, manner, at);
}

/** Writes, changes and deletes names of its own, some in bursts that share a commit. */
async function writer(run: Run, client: Client, written: Written, at: number, until: number): Promise<void> {
  const there = new Set<string>();
  const step = async (slot: number): Promise<void> => {
    const name = `w${at}-${slot}`;
    if (there.has(name) && run.random.oneIn(4)) {
      there.delete(name);
      const { code, text } = await client.request('DELETE', `${configMaps}/${name}`);
      run.check(code === 200, () => `DELETE ${name}: ${code} ${text}`);
      written.deleted(name);
      return;
    }
    const body = {
      metadata: { name, labels: { side: run.random.pick(['left', 'right']) } },
      data: { value: String(run.random.between(0, 1e9)), padding: 'x'.repeat(1_000) },
    };
    const reply = there.has(name)
      ? await client.request('PUT', `${configMaps}/${name}`, { body })
      : await client.request('POST', configMaps, { body });
    run.check(reply.code < 300, () => `${name}: ${reply.code} ${reply.text}`);
    there.add(name);
    written.put(name, revisionOf(reply));
  };
  while (performance.now() < until && !run.done) {
    await Promise.all(Array.from({ length: run.random.between(1, 6) }, (_, slot) => step(slot)));
    await new Promise((resolve) => setTimeout(resolve, run.random.between(20, 200)));
  }
}

/** A watcher's copy must be the list at exactly its revision, also while everything moves. */
async function compareNowAndThen(
  run: Run,
  client: Client,
  watchers: readonly Watcher[],
  until: number,
): Promise<void> {
  while (performance.now() < until && !run.done) {
    const watcher = run.random.pick(watchers.filter(({ manner }) => manner !== 'selective'));
    const { revision } = watcher;
    const state = new Map(watcher.state);
    if (revision > 0 && state.size > 0) {
      const exact = `${configMaps}?resourceVersion=${revision}&resourceVersionMatch=Exact`;
      const reply = await client.request('GET', exact);
      if (reply.code === 200) {
        compare(run, `${watcher.name} at ${revision}`, state, reply.text);
        run.count('copies compared with lists at their revision');
      } else {
        run.check(reply.code === 410, () => `GET ${exact}: ${reply.code} ${reply.text}`);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function compare(run: Run, what: string, state: ReadonlyMap<string, string>, listText: string): void {
  const items = (JSON.parse(listText) as ReturnType<typeof objectOf>).items ?? [];
  const listed = new Map(items.map((item) => [item.metadata.name, summaryOf(item)]));
  const names = new Set([...state.keys(), ...listed.keys()]);
  const wrong = [...names].filter((name) => state.get(name) !== listed.get(name));
  run.check(
    wrong.length === 0,
    () =>
      `${what}: ${wrong.map((name) => `${name} is ${state.get(name)}, listed ${listed.get(name)}`).join('; ')}`,
  );
}

async function finish(
  run: Run,
  client: Client,
  watchers: readonly Watcher[],
  written: Written,
  following: Promise<unknown>,
): Promise<void> {
  const body = { metadata: { name: 'end', labels: { side: 'left' } }, data: { value: 'end' } };
  const end = revisionOf(await client.request('POST', configMaps, { body }));
  written.put('end', end);
  for (const watcher of watchers) {
    watcher.finishAt(end);
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 20_000);
  });
  await Promise.race([following, late]);
  clearTimeout(timer);
  for (const watcher of watchers) {
    run.check(
      watcher.revision >= end,
      () => `${watcher.name} stays at ${watcher.revision}, the end is ${end}`,
    );
    const path = watcher.manner === 'selective' ? `${configMaps}?labelSelector=side%3Dleft` : configMaps;
    compare(run, `${watcher.name} at the end`, watcher.state, (await client.request('GET', path)).text);
  }
  run.figure('watchers', watchers.length);
  run.figure(
    'told 410 and listed again',
    watchers.reduce((sum, { expired }) => sum + expired, 0),
  );
  written.compare(run, watchers);
}
