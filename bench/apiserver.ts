/**
 * The API server alone, over TLS, with a token and every check that a user's request passes: requests per second, CPU time
 * of the server per request, lists, watches, start and memory, beside what kube-apiserver does. See README.md.
 */
import { configMaps, fill, prepare, type Row, rows } from './lib/api-rows.ts';
import { ServerHome, type ServerProcess, usageOf } from './lib/api-server-process.ts';
import { watchLatencies } from './lib/api-watch.ts';
import { calibrate, calibrationLine } from './lib/calibrate.ts';
import { Client, closedLoop } from './lib/http-load.ts';
import { runBench, type Session } from './lib/session.ts';
import { median, summary } from './lib/stats.ts';

const seconds = 3;
const listed = 5000;

/** Milliseconds that are wanted: what kube-apiserver takes. */
const listGoals: readonly (readonly [
  name: string,
  goal: number,
  query: string,
  headers: Record<string, string>,
])[] = [
  ['list 5,000', 57, '', {}],
  ['list 5,000, gzip', 43, '', { 'accept-encoding': 'gzip' }],
  ['list 5,000, Table', 43, '', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }],
  [
    'list 5,000, metadata only',
    26,
    '',
    { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json' },
  ],
  ['list 500 of 5,000', 8, '?limit=500', {}],
  ['list 1 of 10 by label', 9.4, '?labelSelector=bucket%3Db1', {}],
  ['list 1 by name', 0.9, '?fieldSelector=metadata.name%3Dcm-42', {}],
];
const goals = { watchMs: 6.9, readyMs: 400, memory: 290 };

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: number;
  readonly met: boolean;
  readonly note: string;
}

await runBench(10, async (session) => {
  const calibration = await calibrate();
  session.say(calibrationLine(calibration));
  const home = await ServerHome.make();
  session.undoLater(() => home.remove());
  const ready: number[] = [];
  await home.start(); // compiles
  for (let round = 0; round < 3; round += 1) {
    await home.stop();
    ready.push((await home.start()).readyMs);
  }
  await home.stop();
  const server = await home.start();
  const figures = [below('start until /readyz', median(ready), 'ms', goals.readyMs)];
  const atRest = await usageOf(server.pid);
  figures.push(...(await measure(session, server)));
  const after = await usageOf(server.pid);
  figures.push(
    below('memory (RSS) after the run', after.rss, 'MiB', goals.memory, `${Math.round(atRest.rss)} at rest`),
  );
  return { result: { calibration, figures }, lines: [calibrationLine(calibration), ...figures.map(line)] };
});

async function measure(session: Session, server: ServerProcess): Promise<Figure[]> {
  const client = new Client(server, 8);
  await prepare(client);
  const figures: Figure[] = [];
  const take = (figure: Figure): void => {
    figures.push(figure);
    session.say(line(figure));
  };
  for (const row of rows) {
    session.signal.throwIfAborted();
    take(await measureRow(server, row));
  }
  await fill(client, 'list', listed);
  for (const [name, goal, query, headers] of listGoals) {
    const samples: number[] = [];
    for (let at = 0; at < session.options.rounds + 2; at += 1) {
      samples.push((await client.request('GET', `${configMaps('list')}${query}`, undefined, headers)).ms);
    }
    take(below(name, median(samples.slice(2)), 'ms', goal));
  }
  const latencies = await watchLatencies(server, 60, 50);
  take(below('a write to the last of 100 watchers', median(latencies), 'ms', goals.watchMs));
  client.close();
  return figures;
}

async function measureRow(server: ServerProcess, row: Row): Promise<Figure> {
  const before = await usageOf(server.pid);
  const { perSecond, samples } = await closedLoop(server, row, seconds);
  const { cpu } = await usageOf(server.pid);
  const { p50, p99 } = summary(samples);
  const each = Math.round(((cpu - before.cpu) * 1e6) / samples.length);
  return {
    name: `${row.name}, ${row.connections} clients`,
    value: Math.round(perSecond),
    unit: 'per second',
    goal: row.goal,
    met: perSecond >= row.goal,
    note: `p50 ${p50} ms, p99 ${p99} ms, ${each} us of the server's CPU each`,
  };
}

function below(name: string, value: number, unit: string, goal: number, note = ''): Figure {
  return { name, value: Math.round(value * 10) / 10, unit, goal, met: value <= goal, note };
}

function line({ name, value, unit, goal, met, note }: Figure): string {
  return `${name}: ${value} ${unit} (goal ${goal}, ${met ? 'met' : 'missed'})${note === '' ? '' : `; ${note}`}`;
}
