/** What watchers that do not read cost the server: little, and not for ever. */
import { objectOf } from './lib/client.ts';
import { TestServer } from './lib/server.ts';
import type { Run } from './lib/trial.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const watchers = 30;
const objects = 80;
const bytes = 256 * 1024;
/** MiB that the server may need for one of them. */
const allowed = 8;

/** Opens watches of 20 MiB each that nobody reads, changes everything once, and looks at the server's memory. */
export async function stalledWatchers(run: Run): Promise<void> {
  const server = await TestServer.create({ speed: 600 });
  try {
    await server.start();
    const client = server.client('admin', 128);
    const put = (at: number, round: number) =>
      client.request('PUT', `${configMaps}/big-${at}`, {
        body: { metadata: { name: `big-${at}` }, data: { round: String(round), text: 'x'.repeat(bytes) } },
      });
    for (let at = 0; at < objects; at++) {
      await client.request('POST', configMaps, { body: { metadata: { name: `big-${at}` } } });
      await put(at, 0);
    }
    await client.request('GET', configMaps);
    const before = server.rss();
    const streams = await Promise.all(
      Array.from({ length: watchers }, () => client.open(`${configMaps}?watch=true`)),
    );
    for (const stream of streams) {
      stream.pause();
    }
    for (let at = 0; at < objects; at++) {
      await put(at, 1);
    }
    run.limit('MiB for a watcher that does not read', (server.rss() - before) / watchers, allowed);
    run.check(
      objectOf(await client.request('GET', `${configMaps}/big-0`)).data?.['round'] === '1',
      () => 'a write was lost while watchers stalled',
    );
    // Once compaction has passed them they are lost anyway: the server must let them go although they do not read.
    await until(async () => (await openWatches(client)) <= 0, 20_000).catch(() =>
      run.violation('watchers that do not read are never cut'),
    );
    for (const stream of streams) {
      stream.destroy();
    }
  } finally {
    await server.remove();
  }
}

async function openWatches(client: ReturnType<TestServer['client']>): Promise<number> {
  const { text } = await client.request('GET', '/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith('apiserver_longrunning_requests{'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function until(condition: () => Promise<boolean>, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error('not within the time');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
