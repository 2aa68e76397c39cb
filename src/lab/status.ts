/** What runs of an instance: processes with their memory, by group. */
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { findProcesses, type Inventory, takeInventory } from './inventory.ts';
import type { InstancePaths } from './names.ts';
import { ownProgram, type ProcessView, pssOf } from './process.ts';

/** What a process is part of, in the order it is shown. */
export const processGroups = [
  'control plane',
  'agent',
  'supervisor',
  'OVN',
  'Open vSwitch',
  'VM',
  'other',
] as const;
export type ProcessGroup = (typeof processGroups)[number];

/** One process of an instance. */
export interface ProcessStatus {
  readonly group: ProcessGroup;
  /** `control-plane`, `agent node1`, `ovs-vswitchd`, `qemu default_example-vm`, … */
  readonly name: string;
  /** Node it belongs to. */
  readonly node?: string;
  readonly pid: number;
  /** Proportional share of memory, KiB; absent when it may not be read. */
  readonly pssKib?: number;
}

/** What there is of an instance on this machine. */
export interface LabStatus {
  readonly processes: readonly ProcessStatus[];
  /** Sandboxes: namespaces `<instance>.<node>.<pod uid>`. */
  readonly sandboxes: readonly { readonly netns: string; readonly node: string; readonly podUid: string }[];
  readonly inventory: Inventory;
}

/** Looks at an instance. Memory of processes of other users is readable by root only. */
export async function observeLab(paths: InstancePaths): Promise<LabStatus> {
  const inventory = await takeInventory(paths);
  const processes = findProcesses(paths, inventory.netns);
  return {
    processes: describeProcesses(paths, processes, pssOf),
    sandboxes: inventory.netns.flatMap((netns) => {
      const [, node, podUid] = netns.split('.');
      return node === undefined || podUid === undefined ? [] : [{ netns, node, podUid }];
    }),
    inventory,
  };
}

/** Names and groups processes. Pure but for `memoryOf`. */
export function describeProcesses(
  paths: Pick<InstancePaths, 'run' | 'state'>,
  processes: readonly ProcessView[],
  memoryOf: (pid: number) => number | undefined,
): readonly ProcessStatus[] {
  const byPid = new Map(processes.map((one) => [one.pid, one]));
  const described = processes.map((seen): ProcessStatus => {
    const pssKib = memoryOf(seen.pid);
    return {
      ...nameProcess(paths, seen, byPid),
      pid: seen.pid,
      ...(pssKib === undefined ? {} : { pssKib }),
    };
  });
  return described.toSorted(
    (a, b) =>
      processGroups.indexOf(a.group) - processGroups.indexOf(b.group) ||
      (a.node ?? '').localeCompare(b.node ?? '') ||
      a.name.localeCompare(b.name),
  );
}

type Named = Pick<ProcessStatus, 'group' | 'name' | 'node'>;

function nameProcess(
  paths: Pick<InstancePaths, 'run' | 'state'>,
  seen: ProcessView,
  byPid: ReadonlyMap<number, ProcessView>,
): Named {
  const program = ownProgram(seen.argv);
  const node = nodeOf(paths, seen.argv);
  if (program !== undefined) {
    const parent = byPid.get(seen.ppid);
    // A child that still looks like its parent is about to become the command that it was started for.
    const isForked = parent?.pid !== seen.pid && isDeepStrictEqual(parent?.argv, seen.argv);
    return isForked ? nameHelper(paths, seen, byPid) : nameOwn(program, node);
  }
  if (seen.argv[0]?.includes(': monitoring pid ') === true) {
    return nameMonitor(paths, seen, byPid);
  }
  if (/^(ovs|ovn)/.test(seen.program)) {
    return nameDaemon(seen, node);
  }
  if (seen.program.startsWith('qemu-system-')) {
    return { group: 'VM', name: `qemu ${guestOf(seen.argv)}`, ...(node === undefined ? {} : { node }) };
  }
  if (seen.program === 'dnsmasq') {
    return { group: 'VM', name: 'dnsmasq', ...(node === undefined ? {} : { node }) };
  }
  return nameHelper(paths, seen, byPid);
}

function nameOwn(program: string, node: string | undefined): Named {
  switch (program) {
    case 'control-plane':
      return { group: 'control plane', name: 'control-plane' };
    case 'agent':
      return { group: 'agent', name: 'agent', ...(node === undefined ? {} : { node }) };
    case 'supervisor':
      return { group: 'supervisor', name: 'supervisor' };
    default:
      return { group: 'other', name: program };
  }
}

function nameDaemon(seen: ProcessView, node: string | undefined): Named {
  return node === undefined
    ? { group: 'OVN', name: centralName(seen) }
    : { group: 'Open vSwitch', name: seen.program, node };
}

function centralName({ program, argv }: ProcessView): string {
  const database = argv.find((word) => word.endsWith('.db') && !word.startsWith('-'));
  return database === undefined ? program : `${program} ${path.basename(database, '.db')}`;
}

/** The half of a `--monitor` daemon that waits: belongs to the daemon it watches. */
function nameMonitor(
  paths: Pick<InstancePaths, 'run' | 'state'>,
  seen: ProcessView,
  byPid: ReadonlyMap<number, ProcessView>,
): Named {
  const watched = [...byPid.values()].find(
    ({ ppid, program }) => ppid === seen.pid && program === seen.program,
  );
  const named = watched === undefined ? undefined : nameProcess(paths, watched, byPid);
  return named === undefined
    ? { group: 'other', name: `${seen.program} monitor` }
    : { ...named, name: `${named.name} monitor` };
}

/** Any other process is a helper of the agent (or command) that started it. */
function nameHelper(
  paths: Pick<InstancePaths, 'run' | 'state'>,
  seen: ProcessView,
  byPid: ReadonlyMap<number, ProcessView>,
): Named {
  const parent = byPid.get(seen.ppid);
  const named =
    parent === undefined || parent.pid === seen.pid ? undefined : nameProcess(paths, parent, byPid);
  return named?.group === 'agent'
    ? { ...named, name: `agent helper ${seen.program}` }
    : { group: 'other', name: seen.argv.slice(0, 3).join(' ') };
}

/** The node whose directories an argument vector names. */
function nodeOf(
  { run, state }: Pick<InstancePaths, 'run' | 'state'>,
  argv: readonly string[],
): string | undefined {
  for (const word of argv) {
    for (const directory of [run, state]) {
      const at = word.indexOf(`${directory}/nodes/`);
      if (at !== -1) {
        return word.slice(at + directory.length + '/nodes/'.length).split('/')[0];
      }
    }
  }
  return undefined;
}

/** `<namespace>_<name>` of `-name guest=…`. */
function guestOf(argv: readonly string[]): string {
  const name = argv[argv.indexOf('-name') + 1] ?? '';
  return /(?:^|,)guest=([^,]*)/.exec(name)?.[1] ?? name;
}
