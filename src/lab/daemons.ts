/** Starts the lab's daemons (OVN, Open vSwitch): each detaches itself, and a running one is left alone. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { applyNodeAddress, observeLinks } from './network.ts';
import type { DaemonPlan, LabPlan, NodePlan } from './plan.ts';
import { type ProcessId, readPidFile, viewProcess } from './process.ts';
import type { SystemUser } from './users.ts';
import { until } from './wait.ts';

/** The process of a daemon: its pid file names one whose program and arguments are the daemon's. */
export function findDaemon({ argv, pidFile }: DaemonPlan): ProcessId | undefined {
  const noted = readPidFile(pidFile);
  const seen = noted === undefined ? undefined : viewProcess(noted.pid);
  return seen !== undefined && seen.program === argv[0] && seen.argv.includes(`--pidfile=${pidFile}`)
    ? { pid: seen.pid, startTime: seen.startTime }
    : undefined;
}

/** Starts a daemon that does not run. True when it was started. Returns once it serves. */
export async function startDaemon(daemon: DaemonPlan, user: SystemUser): Promise<boolean> {
  if (findDaemon(daemon) !== undefined) {
    return false;
  }
  if (daemon.database !== undefined && !existsSync(daemon.database.file)) {
    const { file, schema } = daemon.database;
    await run([...as(daemon, user), 'ovsdb-tool', 'create', file, schema]);
  }
  await run([...as(daemon, user), ...daemon.argv], {
    env: daemon.env,
    ...(daemon.netns === undefined ? {} : { netns: daemon.netns }),
  });
  return true;
}

function as({ unprivileged }: DaemonPlan, { uid, gid }: SystemUser): string[] {
  return unprivileged
    ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', '--']
    : [];
}

/** Starts OVN's databases, then northd. */
export async function startCentral({ central }: LabPlan, user: SystemUser): Promise<void> {
  await Promise.all(central.databases.map((daemon) => startDaemon(daemon, user)));
  await startDaemon(central.northd, user);
}

/**
 * Starts one node's Open vSwitch and gives the node its address. In a fresh namespace the switch starts from an empty
 * database: what an older one lists (ports of pods) went with the old namespace.
 */
export async function startNodeSwitch(
  plan: LabPlan,
  node: NodePlan,
  isFresh: boolean,
  user: SystemUser,
): Promise<void> {
  await mkdir(node.paths.ovs, { recursive: true, mode: 0o755 });
  await mkdir(node.paths.state, { recursive: true, mode: 0o755 });
  if (isFresh && findDaemon(node.ovsdb) === undefined) {
    await rm(node.paths.confDb, { force: true });
  }
  const startedDatabase = await startDaemon(node.ovsdb, user);
  if (startedDatabase || findDaemon(node.vswitchd) === undefined) {
    await vsctl(node, ['--no-wait'], node.ovsSettings);
  }
  await startDaemon(node.vswitchd, user);
  await until(`br-ex of node ${node.name}`, 10_000, async () =>
    (await observeLinks(node.netns)).some(({ ifname }) => ifname === 'br-ex'),
  );
  await applyNodeAddress(plan, node);
}

/** Starts a node's ovn-controller; the southbound database must serve. */
export async function startNodeController(node: NodePlan, user: SystemUser): Promise<void> {
  await startDaemon(node.controller, user);
}

async function vsctl(
  node: NodePlan,
  options: readonly string[],
  commands: readonly (readonly string[])[],
): Promise<void> {
  const words = commands.flatMap((command, index) => (index === 0 ? [...command] : ['--', ...command]));
  const db = `--db=unix:${path.join(node.paths.ovs, 'db.sock')}`;
  const first = commands[0];
  if (first === undefined) {
    throw new PatchbayError('InvalidLab', `node ${node.name} has no settings for Open vSwitch`);
  }
  await run(['ovs-vsctl', db, '--timeout=10', ...options, ...words], { netns: node.netns });
}
