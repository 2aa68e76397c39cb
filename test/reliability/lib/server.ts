/** An API server under test: a child process with a store, certificates and clients, started, stopped and killed at will. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import * as https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueCertificate, type KeyPair } from '#certs/certificates.ts';
import { boundedArenas, boundedHeap } from '#lab/config.ts';
import { builtPrograms, ownSources } from '#lab/programs.ts';
import { Client } from './client.ts';
import type { ProcessConfig, ProcessMessage } from './server-process.ts';

/** How a server is made. */
export interface ServerOptions {
  /** A planted bug: a file of `bugs/` without its ending. */
  readonly bug?: string | undefined;
  /** How much faster the server's clock runs; default 1. */
  readonly speed?: number | undefined;
  /** Where the store is kept; default: a folder of its own. Not removed. */
  readonly storeDirectory?: string | undefined;
}

/** Users by name; `admin` may do everything. */
const identities = {
  admin: { commonName: 'system:admin', organizations: ['system:masters'] },
  tenantA: { commonName: 'tenant-a', organizations: [] },
  tenantB: { commonName: 'tenant-b', organizations: [] },
} as const;

/** Who asks. */
export type Identity = keyof typeof identities;

/** What is built, and what was compiled, is kept from one start, and one run, to the next. */
const kept = join(import.meta.dirname, '../../../node_modules/.cache/reliability');
const sources = 'test/reliability/lib/server-process.ts';

/** A bug is planted into the modules of the sources, which a bundle has not any more. */
async function programOf(bug: string | undefined): Promise<{ script: string; compiled: string }> {
  if (bug !== undefined) {
    return { script: join(ownSources.root, sources), compiled: join(kept, 'compiled') };
  }
  const { root } = await builtPrograms(join(kept, 'programs'), { 'server-process': sources });
  return { script: join(root, 'bin/server-process.js'), compiled: join(root, 'compiled') };
}

/** One server. */
export class TestServer {
  readonly directory: string;
  readonly storePath: string;
  readonly ca: string;
  readonly pairs: Readonly<Record<Identity, KeyPair>>;
  readonly #options: ServerOptions;
  readonly #serving: KeyPair;
  readonly #clients: Client[] = [];
  #child: ChildProcess | undefined;
  #port = 0;

  private constructor(
    directory: string,
    options: ServerOptions,
    ca: string,
    serving: KeyPair,
    pairs: Readonly<Record<Identity, KeyPair>>,
  ) {
    this.directory = directory;
    this.#options = options;
    this.storePath = join(options.storeDirectory ?? directory, 'store.db');
    this.ca = ca;
    this.#serving = serving;
    this.pairs = pairs;
  }

  /** Makes a server that is not started yet. */
  static async create(options: ServerOptions = {}): Promise<TestServer> {
    const directory = await mkdtemp(join(tmpdir(), 'patchbay-reliability-'));
    const authority = await createAuthority('reliability-ca');
    const serving = await issueCertificate(authority, {
      commonName: 'apiserver',
      names: ['127.0.0.1'],
      usage: 'server',
    });
    const issue = (name: Identity) => issueCertificate(authority, { ...identities[name], usage: 'client' });
    const pairs = {
      admin: await issue('admin'),
      tenantA: await issue('tenantA'),
      tenantB: await issue('tenantB'),
    };
    return new TestServer(directory, options, authority.cert, serving, pairs);
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** A client with connections of its own. */
  client(identity: Identity = 'admin', connections = 64): Client {
    const agent = new https.Agent({
      keepAlive: true,
      maxSockets: connections,
      ca: this.ca,
      cert: this.pairs[identity].cert,
      key: this.pairs[identity].key,
    });
    const client = new Client(() => this.url, agent);
    this.#clients.push(client);
    return client;
  }

  /** Starts the process. Resolves with the milliseconds until a request was answered; rejects with what the process said. */
  async start(): Promise<number> {
    const config: ProcessConfig = {
      storePath: this.storePath,
      listen: [{ host: '127.0.0.1', port: this.#port }],
      tls: { ...this.#serving, ca: this.ca },
      speed: this.#options.speed ?? 1,
    };
    const file = join(this.directory, 'config.json');
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    const { bug } = this.#options;
    const { script, compiled } = await programOf(bug);
    const started = performance.now();
    const child = fork(script, [file], {
      // As `patchbay up` starts it: bundled, bounded, and compiled once.
      execArgv: [
        ...boundedHeap,
        ...(bug === undefined ? [] : ['--import', new URL(`../bugs/${bug}.ts`, import.meta.url).href]),
      ],
      env: { ...process.env, ...boundedArenas, NODE_COMPILE_CACHE: compiled },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    const message = await firstMessage(child);
    if (!('url' in message)) {
      await this.#gone();
      throw new Error('error' in message ? message.error : 'the server spoke unasked');
    }
    this.#port = Number(new URL(message.url).port);
    const probe = this.client('admin', 1);
    await probe.request('GET', '/readyz');
    probe.close();
    return performance.now() - started;
  }

  /** `kill -9`: nothing is said, nothing is flushed by the process. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#gone();
  }

  /** The proper end. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.#gone();
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** What `Object.prototype` has in the server. */
  async prototypeKeys(): Promise<readonly string[]> {
    const child = this.#child;
    if (child === undefined) {
      throw new Error('the server does not run');
    }
    child.send('prototype');
    const [message] = (await once(child, 'message')) as [ProcessMessage];
    return 'prototypeKeys' in message ? message.prototypeKeys : [];
  }

  /** Resident memory in MiB. */
  rss(): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  /** Ends everything and removes what was made. */
  async remove(): Promise<void> {
    for (const client of this.#clients) {
      client.close();
    }
    if (this.#child !== undefined) {
      await this.kill();
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  async #gone(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      await once(child, 'exit');
    }
    for (const client of this.#clients) {
      client.dropConnections();
    }
  }
}

function firstMessage(child: ChildProcess): Promise<ProcessMessage> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as ProcessMessage));
    child.once('exit', (code, signal) => resolve({ error: `the server ended: ${signal ?? code}` }));
    child.once('error', (error) => resolve({ error: error.message }));
  });
}
