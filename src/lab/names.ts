/** Names and paths of an instance: one place, so that `up`, `down`, `status` and the tests agree. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { PatchbayError } from '#machinery/errors.ts';

/** Where instances keep what outlives a reboot, unless `--state-dir` says otherwise. */
export const defaultStateRoot = '/var/lib/patchbay';
/** Where instances keep sockets and pid files. */
export const runRoot = '/run/patchbay';
/** Guest images, shared by all instances. */
export const imageDir = '/var/lib/patchbay/images';
/** Our programs as they are run, shared by all instances: `patchbay up` builds them anew when they are missing. */
export const programsDir = '/var/cache/patchbay/programs';
/** The instance that commands speak of without `--name`. */
export const defaultInstance = 'patchbay';

const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/**
 * Checks an instance's name: it becomes part of namespace, directory and tag names.
 * Throws a PatchbayError `InvalidName`.
 */
function checkedInstance(name: string): string {
  return checkedLabel('--name', name, 12);
}

/** Checks a node's name; throws a PatchbayError `InvalidName`. */
export function checkedNode(name: string): string {
  return checkedLabel('node name', name, 63);
}

function checkedLabel(what: string, name: string, longest: number): string {
  if (label.test(name) && name.length <= longest) {
    return name;
  }
  throw new PatchbayError(
    'InvalidName',
    `${what} "${name}" is refused: allowed are 1 to ${longest} lower-case letters, digits and "-", with a letter or digit at both ends`,
    { retryable: false },
  );
}

/** Directories and files of an instance. */
export interface InstancePaths {
  readonly instance: string;
  /** `/var/lib/patchbay/<instance>` */
  readonly state: string;
  /** `/run/patchbay/<instance>` */
  readonly run: string;
  readonly instanceFile: string;
  readonly pki: string;
  /** The admin's kubeconfig. */
  readonly kubeconfig: string;
  readonly controlPlane: string;
  readonly ovn: string;
  readonly log: string;
  readonly ovnRun: string;
  readonly supervisorFile: string;
  readonly supervisorSocket: string;
  readonly lock: string;
  /** In the run directory: link to the state directory, for commands that are given only the name. */
  readonly stateLink: string;
}

/** Paths of an instance below a state root. */
export function instancePaths(instance: string, stateRoot: string = defaultStateRoot): InstancePaths {
  const state = path.join(stateRoot, checkedInstance(instance));
  const run = path.join(runRoot, instance);
  return {
    instance,
    state,
    run,
    instanceFile: path.join(state, 'instance.json'),
    pki: path.join(state, 'pki'),
    kubeconfig: path.join(state, 'kubeconfig'),
    controlPlane: path.join(state, 'control-plane'),
    ovn: path.join(state, 'ovn'),
    log: path.join(state, 'log'),
    ovnRun: path.join(run, 'ovn'),
    supervisorFile: path.join(state, 'supervisor.json'),
    supervisorSocket: path.join(run, 'supervisor.sock'),
    lock: path.join(run, 'lock'),
    stateLink: path.join(run, 'state'),
  };
}

/** Directories of one node. */
export interface NodePaths {
  readonly state: string;
  readonly run: string;
  readonly ovs: string;
  readonly confDb: string;
  readonly agentConfig: string;
  readonly kubeconfig: string;
}

/** Paths of a node of an instance. */
export function nodePaths(paths: InstancePaths, node: string): NodePaths {
  const state = path.join(paths.state, 'nodes', checkedNode(node));
  const run = path.join(paths.run, 'nodes', node);
  return {
    state,
    run,
    ovs: path.join(run, 'ovs'),
    confDb: path.join(state, 'conf.db'),
    agentConfig: path.join(state, 'agent.json'),
    kubeconfig: path.join(state, 'kubeconfig'),
  };
}

/** Network namespace of a node. */
export function nodeNetns(instance: string, node: string): string {
  return `${instance}.${node}`;
}

/** Alias of every link the lab makes; what an agent makes adds `.<node>.`. */
export function linkAlias(instance: string): string {
  return `patchbay:${instance}`;
}

/** True for the alias of a link that this instance (lab or an agent of it) made. */
export function isAliasOf(instance: string, alias: string | undefined): boolean {
  const own = linkAlias(instance);
  return alias !== undefined && (alias === own || alias.startsWith(`${own}.`) || alias.startsWith(`${own} `));
}

/** A MAC address that stays the same for the same instance, node and NIC: locally administered, unicast. */
export function stableMac(...parts: readonly string[]): string {
  const digest = createHash('sha256').update(parts.join('/')).digest();
  return ['02', ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
