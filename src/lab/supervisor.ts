/**
 * Keeps the control plane, the agents and the daemons running. Small on purpose, and imports only Node's own modules and
 * its own files: what restarts everything else must not fail with it. Daemons and guests are not its children.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { readJsonFile, takeLock } from './lock.ts';
import { SupervisedChild } from './supervised-child.ts';
import { SupervisedDaemon } from './supervised-daemon.ts';
import type { SupervisorConfig, SupervisorStatus } from './supervisor-protocol.ts';

/** How long children may take to end after SIGTERM before they are killed, ms. */
const graceMs = 5000;

/**
 * Runs until `signal` aborts, then stops its children and nothing else.
 * Throws when another supervisor runs for this instance or the configuration cannot be read.
 */
export async function runSupervisor(
  configFile: string,
  options: { readonly signal: AbortSignal; readonly log: (line: string) => void },
): Promise<void> {
  const config = readConfig(configFile);
  mkdirSync(pidDirectory(config), { recursive: true });
  const lock = takeLock(config.pidFile);
  if ('holder' in lock) {
    throw new Error(
      `instance ${config.instance} already has a supervisor: pid ${lock.holder.pid}; stop it first (patchbay down)`,
    );
  }
  const kept: Kept = { children: new Map(), daemons: new Map() };
  const apply = async (): Promise<void> => {
    const wanted = readConfig(configFile);
    applyDaemons(kept.daemons, wanted, options.log);
    await applyChildren(kept.children, wanted, options.log);
  };
  const server = serveControl(config, () => statusOf(config, kept), apply, options.log);
  try {
    await apply();
    await aborted(options.signal);
  } finally {
    options.log('stopping');
    for (const daemon of kept.daemons.values()) {
      daemon.stop();
    }
    await Promise.all([...kept.children.values()].map((child) => child.stop(graceMs)));
    server.close();
    rmSync(config.socket, { force: true });
    lock.release();
  }
}

interface Kept {
  readonly children: Map<string, SupervisedChild>;
  readonly daemons: Map<string, SupervisedDaemon>;
}

function readConfig(file: string): SupervisorConfig {
  const config = readJsonFile<SupervisorConfig>(file);
  if (config === undefined) {
    throw new Error(`${file} is missing; "patchbay up" writes it`);
  }
  return config;
}

function pidDirectory({ pidFile }: SupervisorConfig): string {
  return path.join(path.dirname(pidFile), 'pids');
}

/** Starts what is new or changed, stops what is no longer listed. */
async function applyChildren(
  children: Map<string, SupervisedChild>,
  config: SupervisorConfig,
  log: (line: string) => void,
): Promise<void> {
  const wanted = new Map(config.children.map((spec) => [spec.name, spec]));
  const outdated = [...children.values()].filter((child) => !child.isSame(wanted.get(child.spec.name)));
  await Promise.all(
    outdated.map(async (child) => {
      await child.stop(graceMs);
      children.delete(child.spec.name);
    }),
  );
  for (const spec of config.children) {
    if (!children.has(spec.name)) {
      const child = new SupervisedChild(spec, path.join(pidDirectory(config), `${spec.name}.pid`), log);
      children.set(spec.name, child);
      child.start();
    }
  }
}

/** Watches what is new or changed, looks no longer at what is no longer listed. */
function applyDaemons(
  daemons: Map<string, SupervisedDaemon>,
  config: SupervisorConfig,
  log: (line: string) => void,
): void {
  const wanted = new Map(config.daemons.map((spec) => [spec.name, spec]));
  for (const daemon of [...daemons.values()].filter((one) => !one.isSame(wanted.get(one.spec.name)))) {
    daemon.stop();
    daemons.delete(daemon.spec.name);
  }
  for (const spec of config.daemons) {
    if (!daemons.has(spec.name)) {
      const daemon = new SupervisedDaemon(spec, log);
      daemons.set(spec.name, daemon);
      daemon.start();
    }
  }
}

function statusOf({ instance }: SupervisorConfig, { children, daemons }: Kept): SupervisorStatus {
  return {
    instance,
    pid: process.pid,
    children: [...children.values()].map((child) => child.status()),
    daemons: [...daemons.values()].map((daemon) => daemon.status()),
  };
}

/** The control socket: one word in, one JSON document out. Root only. */
function serveControl(
  { socket }: SupervisorConfig,
  status: () => SupervisorStatus,
  reload: () => Promise<void>,
  log: (line: string) => void,
): Server {
  const answer = async (command: string): Promise<unknown> => {
    switch (command) {
      case 'status':
        return status();
      case 'reload':
        await reload();
        return status();
      default:
        return { error: `unknown command ${JSON.stringify(command.slice(0, 40))}; allowed: status, reload` };
    }
  };
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    readLine(connection)
      .then(answer)
      .catch((error: unknown) => ({ error: String(error) }))
      .then((reply) => connection.end(`${JSON.stringify(reply)}\n`))
      .catch((error: unknown) => log(`control socket: ${String(error)}`));
  });
  server.on('error', (error) => log(`control socket: ${error.message}`));
  rmSync(socket, { force: true }); // the lock is ours, so whoever listened there is gone
  const mask = process.umask(0o177);
  server.listen(socket, () => chmodSync(socket, 0o600));
  process.umask(mask);
  return server;
}

/** The first line a connection sends, of at most 100 bytes, within a second. */
async function readLine(connection: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    connection.setTimeout(1000, () => connection.destroy(new Error('no command came within a second')));
    connection.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n') || text.length > 100) {
        resolve(text.split('\n')[0]?.trim() ?? '');
      }
    });
    connection.on('end', () => resolve(text.trim()));
    connection.on('error', reject);
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
}
