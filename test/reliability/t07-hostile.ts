/** T07: bodies, headers and connections that no honest client sends. Each is refused at once, and nobody else notices. */
import type { TLSSocket } from 'node:tls';
import type { Client } from './lib/client.ts';
import { fuzz } from './lib/fuzz.ts';
import { attack, attacks, connect } from './lib/hostile.ts';
import { TestServer } from './lib/server.ts';
import type { TenantReport } from './lib/tenant.ts';
import { startTenant, type Tenant } from './lib/tenant-process.ts';
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
      const usual = run.plan.bug === undefined ? await reads(server, 2).report : undefined;
      const other = usual === undefined ? undefined : reads(server, 3_600);
      const memory = new PeakMemory(server);
      await attackAll(run, server);
      if (run.plan.bug === undefined) {
        await slowConnections(run, server);
      }
      run.limit('memory MiB', memory.stop(), 64);
      other?.stop();
      compare(run, usual, await other?.report);
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

/** An honest client that reads all the time, in a process of its own. */
function reads(server: TestServer, seconds: number): Tenant {
  const paths = [`${configMaps}/victim`];
  return startTenant(server, 'admin', { paths, clients: 1, everyMs: 5, seconds });
}

function compare(run: Run, usual: TenantReport | undefined, during: TenantReport | undefined): void {
  if (usual === undefined || during === undefined) {
    return;
  }
  const before = percentile(usual.took, 0.99);
  run.figure('other client reads', during.took.length);
  run.figure('other client p99 ms before', before);
  // Below 10 ms a client cannot tell three times from chance.
  run.limit('other client p99 ms', percentile(during.took, 0.99), Math.max(10, 3 * before));
  run.check(
    Object.keys(during.codes).join() === '200',
    () => `the other client got ${JSON.stringify(during.codes)}`,
  );
}

/** An eye on the server's memory. */
class PeakMemory {
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(server: TestServer) {
    const before = server.rss();
    this.#timer = setInterval(() => {
      this.#peak = Math.max(this.#peak, server.rss() - before);
    }, 10);
  }

  /** Ends looking; the most MiB above what it was at the beginning. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#peak;
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
  for (const socket of sockets) {
    socket.resume();
  }
  const open = (): number => sockets.filter((socket) => !socket.destroyed).length;
  const drip = setInterval(() => {
    for (const socket of sockets) {
      if (!socket.destroyed) {
        socket.write('x');
      }
    }
  }, 1_000);
  const seconds = run.plan.share < 1 ? 2 : 75;
  const started = performance.now();
  while (open() > 0 && performance.now() - started < seconds * 1_000) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  clearInterval(drip);
  run.figure('slow connections', count);
  if (run.plan.share >= 1) {
    run.figure('s until all slow connections are cut', (performance.now() - started) / 1_000);
    run.check(
      open() === 0,
      () => `${open()} of ${count} connections with an unfinished head are open after ${seconds} s`,
    );
  }
  for (const socket of sockets) {
    socket.destroy();
  }
}
