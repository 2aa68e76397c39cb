import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { run } from '#drivers/command.ts';

export const OVN_NB_SCHEMA = '/usr/share/ovn/ovn-nb.ovsschema';
export const OVN_SB_SCHEMA = '/usr/share/ovn/ovn-sb.ovsschema';
export const VSWITCH_SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** A real ovsdb-server on a database of its own. */
export interface OvsdbServer {
  readonly directory: string;
  readonly socket: string;
  readonly remote: string;
  start(): Promise<void>;
  /** Kills the server; the database stays. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes a database from a schema in a temporary directory and serves it on a unix socket. */
export async function startOvsdb(schema: string, directory?: string, netns?: string): Promise<OvsdbServer> {
  const dir = directory ?? (await mkdtemp(join(tmpdir(), 't-ovsdb-')));
  const [db, socket, pidfile] = [join(dir, 'db'), join(dir, 'db.sock'), join(dir, 'ovsdb-server.pid')];
  await run(['ovsdb-tool', 'create', db, schema]);
  const server: OvsdbServer = {
    directory: dir,
    socket,
    remote: `unix:${socket}`,
    async start() {
      const files = [
        `--pidfile=${pidfile}`,
        `--unixctl=${join(dir, 'ovsdb.ctl')}`,
        `--log-file=${join(dir, 'ovsdb.log')}`,
      ];
      await run(
        ['ovsdb-server', '--detach', '--no-chdir', '-vconsole:off', ...files, `--remote=punix:${socket}`, db],
        {
          ...(netns === undefined ? {} : { netns }),
        },
      );
    },
    async kill() {
      await killPidfile(pidfile);
    },
    async [Symbol.asyncDispose]() {
      await killPidfile(pidfile);
      if (directory === undefined) {
        await rm(dir, { recursive: true, force: true });
      }
    },
  };
  await server.start();
  return server;
}

/** Kills the daemon of a pid file and waits until it is gone. */
export async function killPidfile(pidfile: string): Promise<void> {
  const text = await readFile(pidfile, 'utf8').catch(() => '');
  const pid = Number(text.trim());
  if (!Number.isInteger(pid) || pid <= 1) {
    return;
  }
  while (await isAlive(pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it ended since the look
    }
    await setTimeout(1);
  }
  await rm(pidfile, { force: true });
}

/** False also for a process that ended and that its parent has not asked about yet: it holds nothing any more. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** A unix socket in front of another one: its connections can be cut, and its transactions are counted. */
export interface Relay {
  readonly path: string;
  /** `transact` requests that passed. */
  transactions(): number;
  cut(): void;
  refuse(on: boolean): void;
  close(): void;
}

/** Relays `path` to `target`. */
export async function startRelay(path: string, target: string): Promise<Relay> {
  const open = new Set<Socket>();
  let refusing = false;
  let transactions = 0;
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      transactions += chunk.toString('latin1').split('"method":"transact"').length - 1;
    });
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const cut = (): void => {
    for (const socket of open) {
      socket.destroy();
    }
  };
  return {
    path,
    transactions: () => transactions,
    cut,
    refuse: (on) => {
      refusing = on;
    },
    close: () => {
      server.close();
      cut();
    },
  };
}
