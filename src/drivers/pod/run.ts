/** One run of a container: its files, its creation, its end by force. */
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerResources, ContainerState } from '#node-state/container.ts';
import { cgroupPath, memoryInUse } from './cgroups.ts';
import { cgroupSteps, type EnterStep } from './enter.ts';
import { hostRootSteps, hostSecrets, imageRootSteps } from './host-root.ts';
import { startMonitor } from './monitor.ts';
import { composeOciConfig } from './oci-config.ts';
import { exitsDirectory, type PodDirectories, podDirectory, type RunPaths } from './paths.ts';
import { fromPidFileOf, isRunning, type ProcessId, processesNaming, sendSignal } from './process.ts';
import type { RunRecord } from './record.ts';

/** Makes the directories and files of a run; what an earlier one left there is removed. */
export async function prepareRun(
  dirs: PodDirectories,
  paths: RunPaths,
  container: ContainerState,
): Promise<void> {
  await rm(paths.directory, { recursive: true, force: true });
  await mkdir(podDirectory(dirs, container.podUid), { recursive: true, mode: 0o700 });
  await mkdir(paths.persist, { recursive: true, mode: 0o700 });
  await mkdir(paths.rootfs, { mode: 0o755 });
  await mkdir(paths.scratch, { mode: 0o755 });
  if (container.root.type === 'image') {
    const like = await stat(container.root.path);
    for (const directory of [paths.upper, paths.work]) await mkdir(directory, { mode: 0o755 });
    await chmod(paths.upper, like.mode & 0o7777);
  }
  await writeFile(paths.log, '', { mode: 0o600 });
  await writeFile(paths.terminationLog, '', { mode: 0o666 });
  // Whatever our umask is: the container's user writes it.
  await chmod(paths.terminationLog, 0o666);
}

/** What a run is created from. */
export interface RunCreation {
  readonly dirs: PodDirectories;
  readonly tag: string;
  readonly paths: RunPaths;
  readonly id: string;
  readonly container: ContainerState;
  /** File of the process table to join. */
  readonly pidNamespace: string | undefined;
}

/** Creates the container; it waits to be started. Resolves with the id of its first process. */
export async function createRun(creation: RunCreation): Promise<number> {
  const { dirs, tag, paths, id, container, pidNamespace } = creation;
  const { root } = container;
  const config = composeOciConfig({
    container,
    rootfs: paths.rootfs,
    cgroupsPath: cgroupPath(tag, container.podUid, id),
    terminationLog: paths.terminationLog,
    maskedPaths: root.type === 'host' ? await hostSecrets() : [],
    pidNamespace,
  });
  await writeFile(paths.config, JSON.stringify(config), { mode: 0o600 });
  const rootSteps = root.type === 'host' ? await hostRootSteps(paths) : imageRootSteps(paths, root.path);
  const steps: readonly EnterStep[] = [...cgroupSteps(), ...rootSteps];
  await rm(path.join(exitsDirectory(dirs), id), { force: true });
  return startMonitor({ id, container, paths, dirs, steps });
}

/**
 * Checks a memory limit against what a container uses: the unified hierarchy would not refuse a lower one, but kill.
 * @throws PatchbayError `MemoryInUse`
 */
export async function checkMemory(
  { container: { podUid }, id }: RunRecord,
  tag: string,
  { memory }: ContainerResources,
): Promise<void> {
  const used = memory === undefined ? undefined : await memoryInUse(cgroupPath(tag, podUid, id));
  if (memory !== undefined && used !== undefined && used > memory) {
    throw new PatchbayError(
      'MemoryInUse',
      `memory limit ${memory} is below the ${used} bytes that the container uses now; ask for more, or let it be restarted for it (resizePolicy RestartContainer)`,
    );
  }
}

/** Milliseconds that a process may take to end after it was killed. */
const endMs = 5_000;

/**
 * Ends the first process, with it all others of its process table, and waits for its monitor. Of a run whose making was cut
 * short, whatever is still at work on it is ended.
 * @throws PatchbayError `ContainerStuck`
 */
export async function killRun({ id, process: target }: RunRecord, paths: RunPaths): Promise<void> {
  if (target === undefined) {
    await killMakers(id);
    return;
  }
  sendSignal(target, 'SIGKILL');
  const monitor = fromPidFileOf(paths.monitorPidFile, id);
  await untilGone([target]);
  if (monitor !== undefined) {
    // It may not notice the end of a process that was not its child.
    await untilGone([monitor]).catch(() => sendSignal(monitor, 'SIGKILL'));
  }
}

/** They start each other: looked for until none is left. */
async function killMakers(id: string): Promise<void> {
  const deadline = performance.now() + endMs;
  for (;;) {
    const makers = await processesNaming(id);
    if (makers.length === 0) {
      return;
    }
    for (const maker of makers) sendSignal(maker, 'SIGKILL');
    await untilGone(makers, deadline);
  }
}

/** The kernel tells only parents of an end: those of others have to be looked at. */
async function untilGone(
  processes: readonly ProcessId[],
  deadline = performance.now() + endMs,
): Promise<void> {
  for (;;) {
    const stuck = processes.find(isRunning);
    if (stuck === undefined) {
      return;
    }
    if (performance.now() > deadline) {
      throw new PatchbayError('ContainerStuck', `process ${stuck.pid} does not end although it was killed`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
