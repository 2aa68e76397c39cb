/** Starts the lab's daemons (OVN, Open vSwitch): each detaches itself, and a running one is left alone. */
import { statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { commandEnv, inNetns, netnsDir, run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { createDatabase } from './database.ts';
import { applyNetwork, applyNodeAddress, observeLinks } from './network.ts';
import type { DaemonPlan, LabPlan, NodePlan } from './plan.ts';
import { gatewayBridge } from './plan-switch.ts';
import { isRunning, type ProcessView, readPidFile, signalProcess, viewProcess } from './process.ts';
import type { DaemonSpec } from './supervisor-protocol.ts';
import { composeSwitchGreeting, greetSwitches } from './switch-greeting.ts';
import type { SystemUser } from './users.ts';
import { until } from './wait.ts';

/** The process of a daemon: its pid file names one whose program and arguments are the daemon's. */
function findDaemon({ argv, pidFile }: DaemonPlan): ProcessView | undefined {
  const noted = readPidFile(pidFile);
  const seen = noted === undefined ? undefined : viewProcess(noted.pid);
  return seen !== undefined && seen.program === argv[0] && seen.argv.includes(`--pidfile=${pidFile}`)
    ? seen
    : undefined;
}

/**
 * True when a daemon runs where it belongs. One that runs in a namespace whose name was taken away (`ip netns delete`
 * does not end what is inside) is ended: it serves nobody.
 */
async function isInPlace(daemon: DaemonPlan): Promise<boolean> {
  const found = findDaemon(daemon);
  if (found === undefined) {
    return false;
  }
  if (daemon.netns === undefined || found.netns === statSync(path.join(netnsDir, daemon.netns)).ino) {
    return true;
  }
  signalProcess(found, 'SIGKILL');
  await until(`end of ${daemon.name}`, 5000, () => !isRunning(found));
  return false;
}

/** Starts a daemon that does not run. True when it was started. Returns once it serves. */
async function startDaemon(daemon: DaemonPlan, user: SystemUser): Promise<boolean> {
  if (await isInPlace(daemon)) {
    return false;
  }
  if (daemon.database !== undefined) {
    await createDatabase(daemon.database.file, daemon.database.schema, as(daemon, user));
  }
  try {
    await run([...as(daemon, user), ...daemon.argv], {
      env: daemon.env,
      ...(daemon.netns === undefined ? {} : { netns: daemon.netns }),
    });
  } catch (error) {
    if (await isInPlace(daemon)) {
      return false; // the supervisor was faster: a pid file is locked by whom it names
    }
    throw error;
  }
  return true;
}

/**
 * ovn-controller removes patch ports of networks that are gone only when it has run for 10 s and taken in 20 changes: with
 * conditional monitoring it may not know all of the southbound database before (controller/patch.c, lib/ovn-util.c). Ours
 * monitors everything, hence knows all of it at once, and on a quiet node the 20 changes never come. The second command
 * makes its main loop run again, which removes what is left of before.
 */
const controllerGreeting: DaemonSpec['greeting'] = [
  { method: 'debug/ignore-startup-delay', params: [] },
  { method: 'version', params: [] },
];

/** What the supervisor needs to know to start the daemons of a lab again. Pure. */
export function composeDaemonSpecs(plan: LabPlan, user: SystemUser): readonly DaemonSpec[] {
  const spec = (daemon: DaemonPlan, greeting: DaemonSpec['greeting'] = []): DaemonSpec => ({
    name: daemon.name,
    argv: inNetns(daemon.netns, [...as(daemon, user), ...daemon.argv]),
    env: commandEnv(daemon.env),
    pidFile: daemon.pidFile,
    control: daemon.control,
    greeting,
  });
  return [
    ...[...plan.central.databases, plan.central.northd].map((daemon) => spec(daemon)),
    ...plan.nodes.flatMap((node) => [
      spec(node.ovsdb),
      spec(node.vswitchd, composeSwitchGreeting(plan, node)),
      spec(node.controller, controllerGreeting),
    ]),
  ];
}

function as({ unprivileged }: DaemonPlan, { uid, gid }: SystemUser): string[] {
  return unprivileged
    ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', '--']
    : [];
}

/** Starts OVN's databases, then northd. */
async function startCentral({ central }: LabPlan, user: SystemUser): Promise<void> {
  await Promise.all(central.databases.map((daemon) => startDaemon(daemon, user)));
  await startDaemon(central.northd, user);
}

/**
 * Starts one node's Open vSwitch and gives the node its address. In a fresh namespace the switch starts from an empty
 * database: what an older one lists (ports of pods) went with the old namespace.
 */
async function startNodeSwitch(
  plan: LabPlan,
  node: NodePlan,
  isFresh: boolean,
  user: SystemUser,
): Promise<void> {
  await mkdir(node.paths.ovs, { recursive: true, mode: 0o755 });
  await mkdir(node.paths.state, { recursive: true, mode: 0o755 });
  if (isFresh && !(await isInPlace(node.ovsdb))) {
    await rm(node.paths.confDb, { force: true });
  }
  const startedDatabase = await startDaemon(node.ovsdb, user);
  if (startedDatabase || findDaemon(node.vswitchd) === undefined) {
    await vsctl(node, ['--no-wait'], node.ovsSettings);
  } else {
    await vsctl(node, ['--no-wait'], node.mtuSettings);
  }
  await startDaemon(node.vswitchd, user);
  await until(`br-ex of node ${node.name}`, 10_000, async () => {
    const names = (await observeLinks(node.netns)).map(({ ifname }) => ifname);
    return names.includes('br-ex') && names.includes(gatewayBridge.name);
  });
  await applyNodeAddress(plan, node);
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

/**
 * Makes what is missing of a lab: OVN central beside wires and switches, ovn-controller once the southbound database
 * serves. A second run changes nothing.
 */
export async function raiseLab(plan: LabPlan, user: SystemUser): Promise<void> {
  const central = startCentral(plan, user);
  const nodes = async (): Promise<void> => {
    const { freshNodes } = await applyNetwork(plan);
    await Promise.all(
      plan.nodes.map(async (node) => {
        await startNodeSwitch(plan, node, freshNodes.has(node.name), user);
        await central;
        await startDaemon(node.controller, user);
      }),
    );
  };
  await Promise.all([central, nodes()]);
  await greetSwitches(plan);
}
