/** Removes an instance from the machine, whole or half broken, and looks whether anything is left. */
import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { netnsDir, run } from '#drivers/command.ts';
import { removeCgroupsOf } from '#drivers/pod/cgroups.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { describeInventory, findProcesses, type Inventory, takeInventory } from './inventory.ts';
import { type InstancePaths, imageDir } from './names.ts';
import { ipBatch, observeNetns } from './network.ts';
import { isRunning, ownProgram, type ProcessView, signalProcess } from './process.ts';
import { until } from './wait.ts';

/** How to take an instance down. */
export interface DownOptions {
  /** Keep the state directory: store, certificates, OVN databases. */
  readonly keepState: boolean;
  readonly progress: (line: string) => void;
}

/** What became of it. */
export interface DownResult {
  /** Lines that name what was there before. */
  readonly removed: readonly string[];
  /** Lines that name what could not be removed; empty = clean. */
  readonly left: readonly string[];
}

/** Takes an instance down. A step that fails does not keep the others from running. */
export async function takeDown(paths: InstancePaths, options: DownOptions): Promise<DownResult> {
  const before = await takeInventory(paths);
  const problems: string[] = [];
  const attempt = async (what: string, step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      problems.push(`${what}: ${messageOf(error)}`);
    }
  };
  options.progress(`stopping ${before.processes.length} processes`);
  await attempt('processes', () => stopProcesses(paths, before));
  await attempt('mounts', () => unmount(before.mounts));
  await attempt('control groups', () => removeCgroupsOf(`${paths.instance}.`));
  options.progress(`removing ${before.netns.length} network namespaces and ${before.links.length} links`);
  // Looked up again: an agent may have removed some before it ended.
  await attempt('network namespaces', async () => deleteNetns(await observeNetns(paths.instance)));
  await attempt('links', () => deleteLinks(paths));
  await attempt('nft tables', () => deleteTables(before.nftTables));
  await attempt('run directory', () => removeDirectory(paths.run));
  if (!options.keepState) {
    await attempt('state directory', () => removeState(paths));
  }
  await attempt('/run/netns', unmountNetnsDir);
  const after = await takeInventory(paths);
  const kept = options.keepState ? [paths.state] : [];
  const directories = after.directories.filter((directory) => !kept.includes(directory));
  return {
    removed: describeInventory(before),
    left: [...problems, ...describeInventory({ ...after, directories })],
  };
}

/**
 * Stops the supervisor first, so that it restarts nothing, then all others but the daemons' monitors, which end by
 * themselves when what they watch ends in order (and reap it). Each gets SIGTERM; what is still there after a moment
 * gets SIGKILL. New ones may have been started meanwhile, hence the rounds.
 */
async function stopProcesses(paths: InstancePaths, before: Inventory): Promise<void> {
  const supervisor = before.processes.filter(isSupervisor);
  await stopAll(supervisor, 3000);
  for (let round = 0; round < 5; round++) {
    const left = findProcesses(paths, await observeNetns(paths.instance));
    if (left.length === 0) {
      return;
    }
    const watched = left.filter((one) => !isMonitor(one));
    await stopAll(round === 0 ? watched : left, round === 0 ? 2000 : 200);
  }
}

/** The part of a `--monitor` daemon that only waits for the other; it says so in its title. */
function isMonitor({ argv }: ProcessView): boolean {
  return argv[0]?.includes(': monitoring pid ') === true;
}

function isSupervisor({ argv }: ProcessView): boolean {
  return ownProgram(argv) === 'supervisor';
}

async function stopAll(processes: readonly ProcessView[], graceMs: number): Promise<void> {
  const running = () => processes.filter(isRunning);
  if (graceMs > 0) {
    for (const one of processes) {
      signalProcess(one, 'SIGTERM');
    }
    try {
      await until('end of processes', graceMs, () => running().length === 0);
      return;
    } catch (error) {
      if (!(error instanceof PatchbayError && error.reason === 'TimedOut')) {
        throw error;
      }
    }
  }
  for (const one of running()) {
    signalProcess(one, 'SIGKILL');
  }
  await until(
    `end of killed processes ${processes.map(({ pid }) => pid).join(' ')}`,
    5000,
    () => running().length === 0,
  );
}

async function unmount(points: readonly string[]): Promise<void> {
  for (const point of points.toReversed()) {
    await run(['umount', '--lazy', point]);
  }
}

async function deleteNetns(names: readonly string[]): Promise<void> {
  await ipBatch(names.map((name) => `netns delete ${name}`));
}

/** Cables go with the nodes' namespaces, so what is left is looked up again. */
async function deleteLinks(paths: InstancePaths): Promise<void> {
  const { links } = await takeInventory(paths);
  // One process for each: a cable's other end may vanish with the first, and a batch would end there.
  for (const name of links) {
    try {
      await run(['ip', 'link', 'delete', name]);
    } catch (error) {
      if (!messageOf(error).includes('Cannot find device')) {
        throw error;
      }
    }
  }
}

async function deleteTables(tables: Inventory['nftTables']): Promise<void> {
  for (const { family, name } of tables) {
    await run(['nft', 'delete', 'table', family, name]);
  }
}

/** Removes a directory of ours; a symbolic link in its place is refused rather than followed. */
async function removeDirectory(directory: string): Promise<void> {
  const found = await lstat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
  if (found === undefined) {
    return;
  }
  if (!found.isDirectory()) {
    throw new PatchbayError('NotADirectory', `${directory} is not a directory; remove it by hand`);
  }
  await rm(directory, { recursive: true, force: true });
  await removeIfEmpty(path.dirname(directory));
}

/** Removes the state directory but for images, should those lie inside. */
async function removeState(paths: InstancePaths): Promise<void> {
  if (imageDir === paths.state || imageDir.startsWith(`${paths.state}/`)) {
    throw new PatchbayError('HoldsImages', `${paths.state} holds the images of all instances; it stays`);
  }
  await removeDirectory(paths.state);
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOTEMPTY', 'ENOENT', 'EBUSY', 'EEXIST'].includes(code)) {
      throw error;
    }
  }
}

/** `ip netns add` turns /run/netns into a mount; without names in it, it goes too (the next `ip netns add` remakes it). */
async function unmountNetnsDir(): Promise<void> {
  const names = await readdir(netnsDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
  if (names?.length !== 0) {
    return;
  }
  const { stdout } = await run(['findmnt', '--json', '--output', 'TARGET', '--list']);
  const mounted = JSON.parse(stdout) as { readonly filesystems: readonly { readonly target: string }[] };
  if (mounted.filesystems.some(({ target }) => target === netnsDir)) {
    await run(['umount', netnsDir]);
  }
}
