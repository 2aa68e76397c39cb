import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
  await rm(pidfile, { force: true });
  await run(['tail', `--pid=${pid}`, '-s', '0.01', '-f', '/dev/null']);
}
