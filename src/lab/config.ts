/** Configuration files of the processes the supervisor keeps running. Pure but for the names of Node and our sources. */
import path from 'node:path';
import type { AgentConfig } from '#agent/config.ts';
import type { IpFamily } from '#api/ip-range.ts';
import type { Accelerator } from '#node-state/vm.ts';
import { type InstancePaths, imageDir, nodePaths } from './names.ts';
import type { LabPlan, NodePlan } from './plan.ts';
import type { Programs } from './programs.ts';
import type { ChildSpec, DaemonSpec, SupervisorConfig } from './supervisor-protocol.ts';
import type { SystemUser } from './users.ts';

/** Files of a TLS server. */
interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Who may present client certificates. */
  readonly ca: string;
}

/** `control-plane.json`. */
export interface ControlPlaneConfig {
  readonly instance: string;
  readonly stateDir: string;
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly tls: TlsFiles;
  /** Key of the authority `tls.ca`: the control plane signs certificate requests. */
  readonly authorityKey: string;
  readonly kubeconfig: string;
  readonly ovnNb: string;
  /** Address families of the default pod network, the primary one first. */
  readonly ipFamilies: readonly IpFamily[];
  /** Largest packet of pods, bytes. */
  readonly podMtu: number;
}

/** Port of every agent's HTTPS endpoint. */
export const agentPort = 10250;

/** Configuration of the control plane. */
export function composeControlPlaneConfig(
  paths: InstancePaths,
  plan: LabPlan,
  port: number,
): ControlPlaneConfig {
  const own = paths.controlPlane;
  return {
    instance: paths.instance,
    stateDir: own,
    listen: [
      { host: '127.0.0.1', port },
      { host: plan.machine.address, port },
    ],
    tls: { cert: path.join(own, 'tls.crt'), key: path.join(own, 'tls.key'), ca: path.join(own, 'ca.crt') },
    authorityKey: path.join(own, 'ca.key'),
    kubeconfig: path.join(own, 'kubeconfig'),
    ovnNb: `unix:${path.join(paths.ovnRun, 'nb.sock')}`,
    ipFamilies: plan.ipFamilies,
    podMtu: plan.podMtu,
  };
}

/** Configuration of one node's agent. */
export function composeAgentConfig(
  paths: InstancePaths,
  node: NodePlan,
  user: SystemUser,
  accelerator: Accelerator,
  podMtu: number,
): AgentConfig {
  const own = nodePaths(paths, node.name);
  return {
    nodeName: node.name,
    kubeconfig: own.kubeconfig,
    sandboxPrefix: `${node.netns}.`,
    runDir: own.run,
    stateDir: own.state,
    imageDir,
    ovsDb: `unix:${path.join(own.ovs, 'db.sock')}`,
    qemuUser: { uid: user.uid, gid: user.gid },
    accelerator,
    nodeAddresses: node.addresses,
    podMtu,
    tls: {
      cert: path.join(own.state, 'tls.crt'),
      key: path.join(own.state, 'tls.key'),
      ca: path.join(own.state, 'ca.crt'),
    },
    port: agentPort,
  };
}

/** File that configures the control plane. */
export function controlPlaneConfigFile(paths: InstancePaths): string {
  return path.join(paths.controlPlane, 'control-plane.json');
}

/** What is kept running besides the control plane. */
interface Kept {
  readonly nodes: readonly NodePlan[];
  readonly daemons: readonly DaemonSpec[];
  /** Of the lab: control plane and agents are started anew when it changes, for they read their files once. */
  readonly network: Pick<LabPlan, 'ipFamilies' | 'podMtu'>;
}

/** What the supervisor keeps running: the control plane, the agents of `nodes`, and the daemons. */
export function composeSupervisorConfig(
  paths: InstancePaths,
  { nodes, daemons, network }: Kept,
  user: SystemUser,
  programs: Programs,
): SupervisorConfig {
  return {
    instance: paths.instance,
    socket: paths.supervisorSocket,
    pidFile: path.join(paths.run, 'supervisor.pid'),
    children: [
      composeControlPlane(paths, user, programs),
      ...nodes.map((node) => composeAgent(paths, node, programs)),
    ].map((child) => ({ ...child, env: { ...child.env, PATCHBAY_NETWORK: networkWord(network) } })),
    daemons,
  };
}

function networkWord({ ipFamilies, podMtu }: Kept['network']): string {
  return `${ipFamilies.map((family) => `ipv${family}`).join(',')} mtu ${podMtu}`;
}

function composeControlPlane(paths: InstancePaths, { uid, gid }: SystemUser, programs: Programs): ChildSpec {
  return {
    name: 'control-plane',
    argv: [
      'setpriv',
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      '--no-new-privs',
      '--',
      ...nodeCommand('control-plane', programs),
      '--config',
      controlPlaneConfigFile(paths),
    ],
    env: { ...childEnv('control-plane', programs), ...boundedArenas },
    logFile: path.join(paths.log, 'control-plane.log'),
  };
}

function composeAgent(paths: InstancePaths, node: NodePlan, programs: Programs): ChildSpec {
  return {
    name: `agent-${node.name}`,
    argv: [
      'nsenter',
      `--net=/run/netns/${node.netns}`,
      '--',
      ...nodeCommand('agent', programs),
      '--config',
      nodePaths(paths, node.name).agentConfig,
    ],
    env: childEnv('root', programs),
    logFile: path.join(paths.log, `agent-${node.name}.log`),
  };
}

/** Argument vector that runs one of our programs (of `src/bin/<name>.ts`). */
export function nodeCommand(name: string, { node, root }: Programs): readonly string[] {
  const heap = name === 'control-plane' ? boundedHeap : [];
  return [node, '--disable-warning=ExperimentalWarning', ...heap, path.join(root, 'bin', `${name}.js`)];
}

/**
 * Options of Node for the API server: a young generation of 8 MB halves and an old one that is collected when it has grown
 * by a fifth. By default they take 100 MB and up to four times what is alive, whatever that is.
 */
export const boundedHeap: readonly string[] = ['--max-semi-space-size=8', '--heap-growing-percent=20'];

/** And of the C library: by default every thread keeps free memory of its own. */
export const boundedArenas: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '2' };

/** Where Node keeps what it compiled of programs: one directory for each user, since whoever can write it decides what runs. */
export function compileCacheOf(owner: 'root' | 'control-plane', { root }: Programs): string {
  return path.join(root, 'compiled', owner);
}

function childEnv(owner: 'root' | 'control-plane', programs: Programs): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/',
    LC_ALL: 'C',
    NODE_COMPILE_CACHE: compileCacheOf(owner, programs),
  };
}
