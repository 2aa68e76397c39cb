/** Finds everything an instance has on this machine, by what it is tagged with, whether it is whole or half broken. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { netnsDir, run } from '#drivers/command.ts';
import { type InstancePaths, isAliasOf } from './names.ts';
import { observeLinks, observeNetns } from './network.ts';
import { listProcesses, type ProcessView, readPidFile } from './process.ts';

/** What is there of an instance. */
export interface Inventory {
  readonly processes: readonly ProcessView[];
  readonly netns: readonly string[];
  readonly links: readonly string[];
  /** Mount points below the instance's directories. */
  readonly mounts: readonly string[];
  readonly nftTables: readonly { readonly family: string; readonly name: string }[];
  /** Directories that exist. */
  readonly directories: readonly string[];
}

/** Programs that an instance starts; others are only ever looked at inside its namespaces. */
const programs =
  /^(node|nsenter|setpriv|ovsdb-server|ovs-vswitchd|ovn-northd|ovn-controller|dnsmasq|qemu-system-.+|ip|nft)$/;

/** Looks everywhere an instance leaves something. */
export async function takeInventory(paths: InstancePaths): Promise<Inventory> {
  const [netns, links, nftTables] = await Promise.all([
    observeNetns(paths.instance),
    observeLinks(),
    observeNftTables(paths.instance),
  ]);
  return {
    processes: findProcesses(paths, netns),
    netns,
    links: links.filter(({ ifalias }) => isAliasOf(paths.instance, ifalias)).map(({ ifname }) => ifname),
    mounts: observeMounts([paths.run, paths.state]),
    nftTables,
    directories: [paths.run, paths.state].filter((directory) => existsSync(directory)),
  };
}

/**
 * Processes of an instance: those in its network namespaces; those of our programs whose arguments name a file in its
 * run or state directory; those its pid files name (with the start time noted there); and the monitors of its daemons,
 * which rewrite their arguments and are known as the parents of what they watch. Never a process by its name alone.
 */
export function findProcesses(paths: InstancePaths, netns: readonly string[]): readonly ProcessView[] {
  const all = listProcesses();
  const namespaces = new Set(netns.flatMap((name) => inodeOf(path.join(netnsDir, name)) ?? []));
  const noted = supervisorPids(paths);
  const prefixes = [`${paths.run}/`, `${paths.state}/`];
  const found = new Map<number, ProcessView>();
  for (const seen of all) {
    const inside = seen.netns !== undefined && namespaces.has(seen.netns);
    const named =
      programs.test(seen.program) && seen.argv.some((word) => prefixes.some((at) => names(word, at)));
    if (inside || named || noted.get(seen.pid) === seen.startTime) {
      found.set(seen.pid, seen);
    }
  }
  for (const seen of all) {
    const watches = [...found.values()].some(
      ({ ppid, program }) => ppid === seen.pid && program === seen.program && program.startsWith('ov'),
    );
    if (watches) {
      found.set(seen.pid, seen);
    }
  }
  found.delete(process.pid);
  return [...found.values()];
}

/** True when a word of an argument vector names a file below `prefix`: as a path, or after `=`, `:` or `,`. */
function names(word: string, prefix: string): boolean {
  const at = word.indexOf(prefix);
  return at === 0 || (at > 0 && /[=:,]/.test(word.charAt(at - 1)));
}

function supervisorPids({ run: directory }: InstancePaths): ReadonlyMap<number, string> {
  const files = [path.join(directory, 'supervisor.pid')];
  return new Map(
    files.flatMap((file) => {
      const noted = readPidFile(file);
      return noted?.startTime === undefined ? [] : [[noted.pid, noted.startTime] as const];
    }),
  );
}

function inodeOf(file: string): number | undefined {
  try {
    return statSync(file).ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

function observeMounts(below: readonly string[]): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1]?.replaceAll(/\\040/g, ' ') ?? [])
    .filter((point) => below.some((directory) => point === directory || point.startsWith(`${directory}/`)));
}

/** Tables of the machine's own namespace named `patchbay-<instance>` or `patchbay-<instance>-…`. */
async function observeNftTables(instance: string): Promise<Inventory['nftTables']> {
  const { stdout } = await run(['nft', '-j', 'list', 'tables']);
  const listed = JSON.parse(stdout) as {
    readonly nftables: readonly { readonly table?: { readonly family: string; readonly name: string } }[];
  };
  const own = new RegExp(`^patchbay[-_]${instance}([-_.]|$)`);
  return listed.nftables.flatMap(({ table }) =>
    table !== undefined && own.test(table.name) ? [{ family: table.family, name: table.name }] : [],
  );
}

/** One line for each thing found; none when the instance is gone. */
export function describeInventory(inventory: Inventory): readonly string[] {
  return [
    ...inventory.processes.map(({ pid, argv }) => `process ${pid}: ${argv.slice(0, 4).join(' ')}`),
    ...inventory.netns.map((name) => `network namespace ${name}`),
    ...inventory.links.map((name) => `link ${name}`),
    ...inventory.mounts.map((point) => `mount ${point}`),
    ...inventory.nftTables.map(({ family, name }) => `nft table ${family} ${name}`),
    ...inventory.directories.map((directory) => `directory ${directory}`),
  ];
}
