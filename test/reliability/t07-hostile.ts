/** T07: bodies, headers and connections that no honest client sends. Each is refused at once, and nobody else notices. */
import type { TLSSocket } from 'node:tls';
import type { Client } from './lib/client.ts';
import { fuzz } from './lib/fuzz.ts';
import { attack, attacks, connect } from './lib/hostile.ts';
import { TestServer } from './lib/server.ts';
import { percentile, type Run, type Trial } from './lib/trial.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const mebibyte = 1024 * 1024;

export const hostileTrial: Trial = {
  id: 'T07',
  title: 'hostile requests',
  bugs: ['unscanned-bodies', 'unbounded-bodies'],
  smoke: 1 / 180,
  async run(run) {
    const server = await TestServer.create({ bug: run.plan.bug });
    try {
      await server.start();
      const client = server.client('admin', 8);
      await client.request('POST', configMaps, { body: { metadata: { name: 'victim' }, data: { a: 'b' } } });
      await warmUp(client);
      const usual = await someReads(client, 200);
      const other = new Bystander(server, client);
      await attackAll(run, server);
      if (run.plan.bug === undefined) {
        await slowConnections(run, server);
      }
      const { took, peak } = await other.stop();
      run.figure('other client p99 ms before', percentile(usual, 0.99));
      // Below 10 ms a client cannot tell three times from chance.
      run.limit('other client p99 ms', percentile(took, 0.99), Math.max(10, 3 * percentile(usual, 0.99)));
      run.limit('memory MiB', peak, 64);
      const keys = await server.prototypeKeys();
      const own = Reflect.ownKeys(Object.prototype).map(String);
      run.check(keys.join() === own.join(), () => `Object.prototype of the server has ${keys.join()}`);
    } finally {
      await server.remove();
    }
    if (run.plan.bug === undefined) {
      fuzz(run, run.scaled(180));
    }
  },
};

/** Big valid bodies: what the server needs for those is no damage. */
async function warmUp(client: Client): Promise<void> {
  const body = { metadata: { name: 'victim' }, data: { a: 'x'.repeat(mebibyte) } };
  for (let at = 0; at < 10; at++) {
    await client.request('PUT', `${configMaps}/victim`, {
      body: { ...body, data: { ...body.data, at: String(at) } },
    });
  }
  await client.request('PUT', `${configMaps}/victim`, { body: { ...body, data: { a: 'b' } } });
}

async function someReads(client: Client, count: number): Promise<number[]> {
  const took: number[] = [];
  for (let at = 0; at < count; at++) {
    const started = performance.now();
    await client.request('GET', `${configMaps}/victim`);
    took.push(performance.now() - started);
  }
  return took;
}

/** An honest client that reads all the time, and an eye on the server's memory. */
class Bystander {
  readonly #took: number[] = [];
  readonly #reading: Promise<void>;
  #peak = 0;
  #stopped = false;

  constructor(server: TestServer, client: Client) {
    const before = server.rss();
    this.#reading = (async () => {
      while (!this.#stopped) {
        this.#took.push(...(await someReads(client, 1)));
        this.#peak = Math.max(this.#peak, server.rss() - before);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
  }

  async stop(): Promise<{ readonly took: readonly number[]; readonly peak: number }> {
    this.#stopped = true;
    await this.#reading;
    return { took: this.#took, peak: this.#peak };
  }
}

async function attackAll(run: Run, server: TestServer): Promise<void> {
  let slowest = 0;
  for (let round = 0; round < run.scaled(60); round++) {
    for (const each of attacks) {
      const { code, ms, sent } = await attack(server, each);
      slowest = Math.max(slowest, ms);
      run.count('attacks');
      run.check(code >= 400 && code < 500, () => `${each.name}: answered ${code}`);
      run.check(ms <= 100 * run.plan.slack, () => `${each.name}: answered after ${ms.toFixed(0)} ms`);
      run.check(sent <= 64 * mebibyte, () => `${each.name}: ${sent} bytes were taken`);
      if (run.done) {
        return;
      }
    }
  }
  run.figure('slowest refusal ms', slowest);
}

/** Slowloris: heads that never end. The honest client reads meanwhile. */
async function slowConnections(run: Run, server: TestServer): Promise<void> {
  const sockets: TLSSocket[] = [];
  const count = run.scaled(1_000, 50);
  while (sockets.length < count) {
    sockets.push(...(await Promise.all(Array.from({ length: 10 }, () => connect(server)))));
  }
  for (const socket of sockets) {
    socket.write(`POST ${configMaps} HTTP/1.1\r\nx-slow: `);
  }
  let open = sockets.length;
  for (const socket of sockets) {
    socket.resume();
    socket.on('close', () => {
      open -= 1;
    });
  }
  const drip = setInterval(() => {
    for (const socket of sockets) {
      if (!socket.destroyed) {
        socket.write('x');
      }
    }
  }, 1_000);
  const seconds = run.plan.share < 1 ? 2 : 75;
  const started = performance.now();
  while (open > 0 && performance.now() - started < seconds * 1_000) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  clearInterval(drip);
  run.figure('slow connections', count);
  if (run.plan.share >= 1) {
    run.figure('s until all slow connections are cut', (performance.now() - started) / 1_000);
    run.check(
      open === 0,
      () => `${open} of ${count} connections with an unfinished head are open after ${seconds} s`,
    );
  }
  for (const socket of sockets) {
    socket.destroy();
  }
}
