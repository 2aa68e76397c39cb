/** How soon the last of many watchers sees a write. */

import { configMaps } from './api-rows.ts';
import { Client, type Target } from './http-load.ts';

const watchers = 100;

/** Milliseconds from sending each write until the last watcher has read its event. */
export async function watchLatencies(target: Target, writes: number, everyMs: number): Promise<number[]> {
  const client = new Client(target, watchers + 1);
  const arrivals = new Map<string, { count: number; all: (at: number) => void }>();
  const path = `${configMaps('watch')}?watch=1&resourceVersion=0`;
  const ends = await Promise.all(
    Array.from({ length: watchers }, () =>
      client.lines(path, (line) => {
        const name = /"name":"([^"]+)"/.exec(line)?.[1] ?? '';
        const arrival = arrivals.get(name);
        if (arrival !== undefined && --arrival.count === 0) {
          arrival.all(performance.now());
        }
      }),
    ),
  );
  const results: Promise<number>[] = [];
  const started = performance.now();
  for (let at = 0; at < writes; at += 1) {
    await new Promise((resolve) =>
      setTimeout(resolve, Math.max(0, started + at * everyMs - performance.now())),
    );
    const name = `w-${at}`;
    const sent = performance.now();
    results.push(
      new Promise((resolve) => {
        arrivals.set(name, { count: watchers, all: (seen) => resolve(seen - sent) });
      }),
    );
    await client.expect('POST', configMaps('watch'), { metadata: { name } });
  }
  const latencies = await Promise.all(results);
  for (const end of ends) {
    end();
  }
  client.close();
  return latencies;
}
