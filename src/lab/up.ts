/** Brings an instance up: whatever of it is missing is made, whatever is there stays. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { IpFamily } from '#api/ip-range.ts';
import { writePrivateFile } from '#certs/files.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Accelerator } from '#node-state/vm.ts';
import {
  compileCacheOf,
  composeAgentConfig,
  composeControlPlaneConfig,
  composeSupervisorConfig,
  controlPlaneConfigFile,
  nodeCommand,
} from './config.ts';
import { composeDaemonSpecs, raiseLab } from './daemons.ts';
import { ensureDirectory } from './files.ts';
import { type InstanceState, readInstance, writeInstance } from './instance.ts';
import { lockHolder, takeLock, writeJsonFile } from './lock.ts';
import { type InstancePaths, nodePaths, programsDir } from './names.ts';
import { claimMachineSubnet } from './network.ts';
import { issueCertificates } from './pki.ts';
import { composeLab, type Datapath, type LabPlan } from './plan.ts';
import { choosePort } from './port.ts';
import { builtPrograms, type Programs } from './programs.ts';
import { askSupervisor, type SupervisorStatus } from './supervisor-protocol.ts';
import { controlPlaneUser, ensureUser, qemuUser, type SystemUser } from './users.ts';
import { until } from './wait.ts';

/** How to bring an instance up. What is absent stays as it was, or gets its default. */
export interface UpOptions {
  /** Number of nodes; an instance that has more keeps them. Default 1. */
  readonly nodes?: number;
  readonly port?: number;
  /** `auto` forgets an earlier choice. */
  readonly accelerator?: 'auto' | Accelerator;
  readonly datapath: Datapath;
  /** Address families of pods and nodes, the primary one first. Default: both, or IPv4 where the machine has no IPv6. */
  readonly ipFamilies?: readonly IpFamily[];
  /** Largest packet on the wires, bytes. Default 1500. */
  readonly mtu?: number;
  /** Finds out how guests run, while the nodes are laid out; `forced` is what `--accel` said, now or earlier. */
  readonly chooseAccelerator: (forced: Accelerator | undefined) => Promise<Accelerator>;
  readonly progress: (line: string) => void;
}

/** An instance that was brought up; its API may still be starting. */
export interface UpResult {
  readonly state: InstanceState;
  readonly plan: LabPlan;
  readonly supervisor: SupervisorStatus;
}

interface Users {
  readonly own: SystemUser;
  readonly qemu: SystemUser;
  readonly programs: Programs;
}

/** Brings an instance up. Throws a PatchbayError `Busy` while another command changes the same instance. */
export async function bringUp(paths: InstancePaths, options: UpOptions): Promise<UpResult> {
  ensureDirectory(paths.run, 0o755);
  const lock = takeLock(paths.lock);
  if ('holder' in lock) {
    throw new PatchbayError(
      'Busy',
      `process ${lock.holder.pid} is changing instance "${paths.instance}"; wait for it, or end it and run this again`,
    );
  }
  try {
    return await bringUpLocked(paths, options);
  } finally {
    lock.release();
  }
}

async function bringUpLocked(paths: InstancePaths, options: UpOptions): Promise<UpResult> {
  ensureDirectory(path.dirname(programsDir), 0o755);
  ensureDirectory(programsDir, 0o755);
  const users = {
    own: await ensureUser(controlPlaneUser),
    qemu: await ensureUser(qemuUser),
    programs: await builtPrograms(programsDir),
  };
  prepareDirectories(paths, users);
  const state = await settleState(paths, options);
  const plan = composeLab({ ...state, paths });
  prepareNodeDirectories(plan);
  options.progress(`laying out ${plan.nodes.length} nodes on 192.168.${state.machineSubnet}.0/24`);
  const [firstAnswer, accelerator] = await Promise.all([
    startControlPlane(paths, plan, state, users),
    options.chooseAccelerator(state.accelerator),
    raiseLab(plan, users.own),
  ]);
  await configureAgents(paths, plan, users, accelerator);
  options.progress('starting the agents');
  const kept = { nodes: plan.nodes, daemons: composeDaemonSpecs(plan, users.own), network: plan };
  writeJsonFile(paths.supervisorFile, composeSupervisorConfig(paths, kept, users.own, users.programs));
  const supervisor = (await askSupervisor(paths.supervisorSocket, 'reload', 15_000)) ?? firstAnswer;
  return { state, plan, supervisor };
}

/** Directories with their owners: what the unprivileged user owns holds nothing that root reads back as a program. */
function prepareDirectories(paths: InstancePaths, { own, programs }: Users): void {
  for (const directory of [paths.state, paths.log, path.join(paths.state, 'nodes')]) {
    ensureDirectory(directory, 0o755);
  }
  ensureDirectory(paths.pki, 0o700);
  for (const directory of [paths.controlPlane, paths.ovn, paths.ovnRun, path.join(paths.log, 'ovn')]) {
    ensureDirectory(directory, 0o700, own);
  }
  ensureDirectory(compileCacheOf('root', programs), 0o700);
  ensureDirectory(compileCacheOf('control-plane', programs), 0o700, own);
  linkState(paths);
}

function prepareNodeDirectories(plan: LabPlan): void {
  for (const node of plan.nodes) {
    ensureDirectory(node.paths.state, 0o755);
    ensureDirectory(node.paths.run, 0o755);
    ensureDirectory(node.paths.ovs, 0o755);
  }
}

/** Leaves a pointer to the state directory, so that later commands need no `--state-dir`. */
function linkState({ stateLink, state }: InstancePaths): void {
  try {
    if (readlinkSync(stateLink) === state) {
      return;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
  }
  rmSync(stateLink, { force: true });
  symlinkSync(state, stateLink);
}

/** Decides what the instance consists of: what it had before, what the options ask for, defaults. */
async function settleState(paths: InstancePaths, options: UpOptions): Promise<InstanceState> {
  const before = readInstance(paths);
  const count = Math.max(options.nodes ?? 1, before?.nodes.length ?? 0);
  if (options.nodes !== undefined && before !== undefined && options.nodes < before.nodes.length) {
    options.progress(
      `instance "${paths.instance}" has ${before.nodes.length} nodes and keeps them (asked for: ${options.nodes})`,
    );
  }
  const machineSubnet = await claimMachineSubnet(paths.instance, before?.machineSubnet);
  const isRunning =
    lockHolder(path.join(paths.run, 'supervisor.pid')) !== undefined ||
    lockHolder(path.join(paths.run, 'pids', 'control-plane.pid')) !== undefined;
  const accelerator =
    options.accelerator === undefined
      ? before?.accelerator
      : options.accelerator === 'auto'
        ? undefined
        : options.accelerator;
  const state: InstanceState = {
    version: 1,
    instance: paths.instance,
    nodes: Array.from({ length: count }, (_, index) => `node${index + 1}`),
    machineSubnet,
    port: await choosePort({ asked: options.port, before: before?.port, isOwn: isRunning, machineSubnet }),
    datapath: before?.datapath ?? options.datapath,
    ...(accelerator === undefined ? {} : { accelerator }),
    ipFamilies: options.ipFamilies ?? before?.ipFamilies ?? (hasIpv6() ? [4, 6] : [4]),
    mtu: options.mtu ?? before?.mtu ?? 1500,
  };
  writeInstance(paths, state);
  return state;
}

/** False on machines whose kernel has no IPv6, or where it was switched off. */
function hasIpv6(): boolean {
  const file = '/proc/sys/net/ipv6/conf/default/disable_ipv6';
  return existsSync(file) && readFileSync(file, 'utf8').trim() === '0';
}

/** Certificates, and a supervisor that starts the control plane while the nodes are laid out. */
async function startControlPlane(
  paths: InstancePaths,
  plan: LabPlan,
  state: InstanceState,
  users: Users,
): Promise<SupervisorStatus> {
  await issueCertificates(paths, plan, state.port, users.own);
  const config = composeControlPlaneConfig(paths, plan, state.port);
  await writePrivateFile(
    controlPlaneConfigFile(paths),
    `${JSON.stringify(config, undefined, 2)}\n`,
    users.own,
  );
  const running = await askSupervisor(paths.supervisorSocket, 'status');
  if (running !== undefined) {
    return running;
  }
  const first = { nodes: [], daemons: [], network: plan };
  writeJsonFile(paths.supervisorFile, composeSupervisorConfig(paths, first, users.own, users.programs));
  return startSupervisor(paths, users.programs);
}

async function configureAgents(
  paths: InstancePaths,
  plan: LabPlan,
  users: Users,
  accelerator: Accelerator,
): Promise<void> {
  await Promise.all(
    plan.nodes.map((node) => {
      const agent = composeAgentConfig(paths, node, users.qemu, accelerator, plan.podMtu);
      return writePrivateFile(
        nodePaths(paths, node.name).agentConfig,
        `${JSON.stringify(agent, undefined, 2)}\n`,
      );
    }),
  );
}

/** Starts the supervisor in a session of its own and waits for its first answer. */
async function startSupervisor(paths: InstancePaths, programs: Programs): Promise<SupervisorStatus> {
  const logFile = path.join(paths.log, 'supervisor.log');
  const log = openSync(logFile, 'a', 0o600);
  const [file, ...rest] = [...nodeCommand('supervisor', programs), '--config', paths.supervisorFile];
  const child = spawn(file, rest, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCacheOf('root', programs) },
  });
  closeSync(log);
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = signal ?? `exit ${code}`;
  });
  child.unref();
  let answer: SupervisorStatus | undefined;
  await until('the supervisor', 15_000, async () => {
    if (ended !== undefined) {
      throw new PatchbayError('SupervisorFailed', `the supervisor ended (${ended}); see ${logFile}`);
    }
    answer = await askSupervisor(paths.supervisorSocket, 'status');
    return answer !== undefined;
  });
  if (answer === undefined) {
    throw new PatchbayError('SupervisorFailed', `the supervisor does not answer; see ${logFile}`);
  }
  return answer;
}
