/** T01: `kill -9` while 32 clients write. What was acknowledged is there, whole, and time does not go back. */
import { type ApiObject, type Client, objectOf, revisionOf } from './lib/client.ts';
import { TestServer } from './lib/server.ts';
import { percentile, type Run, type Trial } from './lib/trial.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const clients = 32;

/** What may be stored under one name after the kill: the acknowledged state, or that of the write without an answer. */
interface Expected {
  acknowledged: Version | undefined;
  /** A write that got no answer; absent when none is open. */
  unsure: { readonly value: string | undefined } | undefined;
}

interface Version {
  readonly value: string;
  readonly revision: number;
}

/** Two fields that every write changes together: half of a write would show as a difference between them. */
const bodyOf = (name: string, value: string) => ({
  metadata: { name, labels: { value } },
  data: { value, padding: value.repeat(8) },
});

export const killTrial: Trial = {
  id: 'T01',
  title: 'kill -9 during writes',
  bugs: ['acknowledge-early'],
  smoke: 1 / 100,
  async run(run) {
    const server = await TestServer.create({ bug: run.plan.bug });
    try {
      const restarts = await killAgainAndAgain(run, server, run.scaled(500), () => Promise.resolve());
      run.figure('restart p50 ms', percentile(restarts, 0.5));
      run.limit('restart to serving p99 ms', percentile(restarts, 0.99), 1_000);
    } finally {
      await server.remove();
    }
  },
};

/** Has clients write until the server is killed, starts it again and compares. Returns how long the starts took, in milliseconds. */
export async function killAgainAndAgain(
  run: Run,
  server: TestServer,
  rounds: number,
  whileDead: (round: number) => Promise<unknown>,
): Promise<readonly number[]> {
  const known = new Map<string, Expected>();
  const restarts: number[] = [];
  let revision = 0;
  await server.start();
  const client = server.client();
  for (let round = 0; round < rounds && !run.done; round++) {
    await writeUntilKilled(run, server, client, known, round);
    await whileDead(round);
    restarts.push(await server.start());
    revision = await inspect(run, client, known, revision);
    run.count('rounds');
  }
  return restarts;
}

async function writeUntilKilled(
  run: Run,
  server: TestServer,
  client: Client,
  known: Map<string, Expected>,
  round: number,
): Promise<void> {
  const delay = run.random.between(20, 500);
  let killed: Promise<void> | undefined;
  const timer = setTimeout(() => {
    killed = server.kill();
  }, delay);
  // Names live for 20 rounds, so that what is read back does not grow without end.
  const era = Math.floor(round / 20);
  await Promise.all(
    Array.from({ length: clients }, (_, at) =>
      writer(run, client, known, `e${era}-c${at}`, () => killed !== undefined),
    ),
  );
  clearTimeout(timer);
  await killed;
}

/** One client: writes its own names only, one after another, until it gets no answer. */
async function writer(
  run: Run,
  client: Client,
  known: Map<string, Expected>,
  prefix: string,
  killed: () => boolean,
): Promise<void> {
  while (!killed()) {
    const name = `${prefix}-n${run.random.between(0, 4)}`;
    const state = known.get(name) ?? { acknowledged: undefined, unsure: undefined };
    known.set(name, state);
    const there = state.acknowledged !== undefined;
    const deleting = there && run.random.oneIn(4);
    const value = deleting ? undefined : `v${run.random.between(0, 1e9)}`;
    state.unsure = { value };
    try {
      const path = `${configMaps}/${name}`;
      const reply = deleting
        ? await client.request('DELETE', path)
        : there
          ? await client.request('PATCH', path, {
              body: bodyOf(name, value ?? ''),
              type: 'application/merge-patch+json',
            })
          : await client.request('POST', configMaps, { body: bodyOf(name, value ?? '') });
      state.unsure = undefined;
      if (reply.code >= 300) {
        run.violation(`${name}: ${reply.code} ${reply.text}`);
        return;
      }
      run.count('acknowledged writes');
      state.acknowledged = value === undefined ? undefined : { value, revision: revisionOf(reply) };
    } catch (error) {
      run.check(killed(), () => `${name}: no answer from a server that runs: ${String(error)}`);
      return;
    }
  }
}

/** Compares what is stored with what was answered. Returns the list's revision. */
async function inspect(
  run: Run,
  client: Client,
  known: Map<string, Expected>,
  before: number,
): Promise<number> {
  const list = objectOf(await client.request('GET', configMaps));
  const revision = Number(list.metadata.resourceVersion);
  run.check(revision >= before, () => `the revision went back from ${before} to ${revision}`);
  const stored = new Map((list.items ?? []).map((item) => [item.metadata.name, item]));
  for (const [name, state] of known) {
    const found = stored.get(name);
    judge(run, name, state, found);
    run.check(
      (state.acknowledged?.revision ?? 0) <= revision,
      () => `${name} was acknowledged at ${state.acknowledged?.revision}, the store is at ${revision}`,
    );
    const value = found?.data?.['value'];
    state.acknowledged =
      value === undefined ? undefined : { value, revision: Number(found?.metadata.resourceVersion) };
    state.unsure = undefined;
  }
  return revision;
}

function judge(run: Run, name: string, state: Expected, found: ApiObject | undefined): void {
  const value = found?.data?.['value'];
  const whole =
    found === undefined ||
    (value !== undefined &&
      found.metadata.labels?.['value'] === value &&
      found.data?.['padding'] === value.repeat(8));
  run.check(whole, () => `half a write: ${name} is ${JSON.stringify(found)}`);
  const allowed = [state.acknowledged?.value, ...(state.unsure === undefined ? [] : [state.unsure.value])];
  run.check(
    allowed.includes(value),
    () => `lost: ${name} is ${value}, acknowledged was ${state.acknowledged?.value}`,
  );
}
