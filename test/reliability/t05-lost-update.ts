/** T05: nobody's update is lost: counters by read and compare-and-set, server-side apply, deletion against finalizers. */
import { type ApiObject, type Client, objectOf } from './lib/client.ts';
import { TestServer } from './lib/server.ts';
import type { Run, Trial } from './lib/trial.ts';
import { openWatch } from './lib/watch.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const mergePatch = 'application/merge-patch+json';
const finalizer = 'reliability.patchbay.dev/held';

export const lostUpdateTrial: Trial = {
  id: 'T05',
  title: 'lost updates, apply conflicts, deletion against finalizers',
  bugs: ['forget-version', 'apply-without-conflicts'],
  smoke: 1 / 30,
  async run(run) {
    const server = await TestServer.create({ bug: run.plan.bug });
    try {
      await server.start();
      const client = server.client();
      await countTogether(run, client);
      await applyTogether(run, client);
      await deleteTogether(run, client);
    } finally {
      await server.remove();
    }
  },
};

/** 64 writers add one by reading and writing back; the count must be the number of writes that were answered 200. */
async function countTogether(run: Run, client: Client): Promise<void> {
  const path = `${configMaps}/counter`;
  await client.request('POST', configMaps, { body: { metadata: { name: 'counter' }, data: { n: '0' } } });
  const wanted = run.scaled(3_000);
  let written = 0;
  let conflicts = 0;
  const writer = async (): Promise<void> => {
    while (written < wanted && !run.done) {
      const read = objectOf(await client.request('GET', path));
      const body = { ...read, data: { n: String(Number(read.data?.['n']) + 1) } };
      const { code, text } = await client.request('PUT', path, { body });
      written += code === 200 ? 1 : 0;
      conflicts += code === 409 ? 1 : 0;
      run.check(code === 200 || code === 409, () => `PUT answered ${code}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: 64 }, writer));
  const n = Number(objectOf(await client.request('GET', path)).data?.['n']);
  run.figure('counter', n);
  run.figure('counter conflicts', conflicts);
  run.check(n === written, () => `the counter is ${n}, and ${written} writes were answered 200`);
}

const applyOf = (manager: string, force: boolean) =>
  `?fieldManager=${manager}&force=${force ? 'true' : 'false'}`;

/** Managers apply at once: fields of their own never vanish, and of those who want the same field one gets it. */
async function applyTogether(run: Run, client: Client): Promise<void> {
  for (let round = 0; round < run.scaled(200) && !run.done; round++) {
    const name = `applied-${round}`;
    const apply = (manager: string, data: object, force = false) =>
      client.request('PATCH', `${configMaps}/${name}${applyOf(manager, force)}`, {
        type: 'application/apply-patch+yaml',
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data },
      });
    const managers = Array.from({ length: 6 }, (_, at) => `m${at}`);
    const replies = await Promise.all(
      managers.map((each) => apply(each, { [each]: String(round), shared: each })),
    );
    const won = managers.filter((_, at) => (replies[at]?.code ?? 500) < 300);
    const lost = replies.filter(({ code }) => code === 409);
    const { data } = objectOf(await client.request('GET', `${configMaps}/${name}`));
    run.check(
      won.length === 1 && lost.length === 5 && data?.['shared'] === won[0],
      () =>
        `${name}: ${won.join()} were told they set the shared field, ${lost.length} that they conflict; it is ${data?.['shared']}`,
    );
    await Promise.all(managers.map((each) => apply(each, { [each]: 'mine' })));
    const after = objectOf(await client.request('GET', `${configMaps}/${name}`)).data;
    const kept = managers.filter((each) => after?.[each] === 'mine');
    run.check(kept.length === 6, () => `${name}: only ${kept.join()} kept their own fields`);
    const taken = await apply('m9', { m0: 'taken' }, true);
    run.check(objectOf(taken).data?.['m0'] === 'taken', () => `${name}: force took nothing: ${taken.text}`);
    run.count('apply rounds');
  }
}

/** Objects with a finalizer are deleted, released and written at once. They end, once, and nothing brings them back. */
async function deleteTogether(run: Run, client: Client): Promise<void> {
  const start = objectOf(await client.request('GET', configMaps)).metadata.resourceVersion;
  const events: { readonly type: string; readonly object: ApiObject }[] = [];
  const watch = await openWatch(client, `${configMaps}?resourceVersion=${start}`, (event) =>
    events.push(event),
  );
  const names = Array.from({ length: run.scaled(1_000) }, (_, at) => `held-${at}`);
  for (let at = 0; at < names.length; at += 20) {
    await Promise.all(names.slice(at, at + 20).map((name) => raceForOne(run, client, name)));
  }
  const left = objectOf(await client.request('GET', configMaps)).items ?? [];
  const resurrected = left.filter(({ metadata }) => metadata.name.startsWith('held-'));
  run.check(resurrected.length === 0, () => `resurrected: ${resurrected.map((e) => e.metadata.name).join()}`);
  await client.request('POST', configMaps, { body: { metadata: { name: 'end-of-races' } } });
  await watch.until(() => events.some(({ object }) => object.metadata.name === 'end-of-races'));
  watch.close();
  const ended = new Set<string>();
  for (const { type, object } of events) {
    const uid = object.metadata.uid ?? '';
    run.check(!ended.has(uid), () => `${type} of ${object.metadata.name} after it was DELETED`);
    if (type === 'DELETED') {
      ended.add(uid);
    }
  }
  run.figure('deletion races', names.length);
  run.check(ended.size === names.length, () => `${ended.size} of ${names.length} were told DELETED`);
}

async function raceForOne(run: Run, client: Client, name: string): Promise<void> {
  const path = `${configMaps}/${name}`;
  const made = await client.request('POST', configMaps, {
    body: { metadata: { name, finalizers: [finalizer] }, data: { n: '0' } },
  });
  const stale = objectOf(made);
  const release = async (): Promise<void> => {
    // Waits for the deletion first: a finalizer that is taken away before holds nothing.
    for (;;) {
      const reply = await client.request('GET', path);
      if (reply.code !== 200 || objectOf(reply).metadata.deletionTimestamp !== undefined) {
        break;
      }
    }
    await client.request('PATCH', path, { type: mergePatch, body: { metadata: { finalizers: null } } });
  };
  const [, , , late] = await Promise.all([
    client.request('DELETE', path),
    release(),
    client.request('PATCH', path, { type: mergePatch, body: { data: { n: '1' } } }),
    client.request('PATCH', path, {
      type: mergePatch,
      body: { metadata: { finalizers: [finalizer, 'reliability.patchbay.dev/late'] } },
    }),
  ]);
  // A new finalizer is accepted before the deletion or refused after it; when it was accepted, it holds the object.
  const held = await client.request('GET', path);
  if (held.code === 200) {
    run.check(late.code === 200, () => `${name} is held by a finalizer that was refused: ${held.text}`);
    await client.request('PATCH', path, { type: mergePatch, body: { metadata: { finalizers: null } } });
  }
  const again = await client.request('PUT', path, { body: { ...stale, data: { n: 'late' } } });
  run.check(again.code === 404 || again.code === 409, () => `a PUT after the end answered ${again.code}`);
  const gone = await client.request('GET', path);
  run.check(gone.code === 404, () => `${name} is still there: ${gone.text}`);
}
