/** The container runtime, called with the control groups that containers see. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import { messageOf } from '#machinery/errors.ts';
import { cgroupSteps, entering } from './enter.ts';
import { type PodDirectories, runtimeRoot } from './paths.ts';

/** @throws PatchbayError with what crun said */
export async function crun(dirs: PodDirectories, argv: readonly string[]): Promise<void> {
  await run(
    entering(cgroupSteps(), ['crun', '--root', runtimeRoot(dirs), '--cgroup-manager=cgroupfs', ...argv]),
  );
}

/**
 * Deletes what crun keeps of a run; processes of it that are left are killed. It keeps a status and a configuration, and can
 * delete nothing that has only the first: a crun that was killed, or another that deletes it just now, leaves that.
 * @throws PatchbayError with what crun said
 */
export async function deleteRun(dirs: PodDirectories, id: string): Promise<void> {
  try {
    await crun(dirs, ['delete', '--force', id]);
  } catch (error) {
    const said = messageOf(error);
    if (/does not exist|no such/i.test(said)) return;
    if (!/error loading `[^`]*config\.json`/.test(said)) throw error;
    await rm(path.join(runtimeRoot(dirs), id), { recursive: true, force: true });
  }
}
