import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '#drivers/command.ts';
import { killPidfile, type OvsdbServer, startOvsdb, VSWITCH_SCHEMA } from './ovsdb.ts';

/** An Open vSwitch of its own in a network namespace. */
export interface Switch {
  readonly netns: string;
  readonly directory: string;
  readonly db: OvsdbServer;
  vsctl(...words: string[]): Promise<string>;
  startVswitchd(): Promise<void>;
  killVswitchd(): Promise<void>;
  dispose(): Promise<void>;
}

/** Starts ovsdb-server and ovs-vswitchd in an existing network namespace; sockets lie in `directory`. */
export async function startSwitch(netns: string, directory: string): Promise<Switch> {
  await mkdir(directory, { recursive: true });
  const db = await startOvsdb(VSWITCH_SCHEMA, directory, netns);
  const env = { OVS_RUNDIR: directory, OVS_DBDIR: directory, OVS_LOGDIR: directory };
  const pidfile = join(directory, 'ovs-vswitchd.pid');
  const vsctl = async (...words: string[]): Promise<string> =>
    (await run(['ovs-vsctl', `--db=${db.remote}`, '--timeout=10', ...words], { netns, env })).stdout.trim();
  const node: Switch = {
    netns,
    directory,
    db,
    vsctl,
    async startVswitchd() {
      const files = [`--pidfile=${pidfile}`, `--log-file=${join(directory, 'ovs-vswitchd.log')}`];
      await run(['ovs-vswitchd', '--detach', '--no-chdir', '-vconsole:off', ...files, db.remote], {
        netns,
        env,
      });
    },
    killVswitchd: () => killPidfile(pidfile),
    async dispose() {
      await killPidfile(pidfile);
      await db[Symbol.asyncDispose]();
    },
  };
  await vsctl('--no-wait', 'init');
  await node.startVswitchd();
  return node;
}

/** Makes network namespaces; gives the way to remove them with all that lives in them. */
export async function makeNetns(...names: string[]): Promise<() => Promise<void>> {
  for (const name of names) {
    await run(['ip', 'netns', 'add', name]);
    await run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
  }
  return async () => {
    for (const name of names) {
      await run(['ip', 'netns', 'del', name]);
    }
  };
}
