/** Sources of mounts, looked at right before a container starts. */
import { realpath } from 'node:fs/promises';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerMount } from '#node-state/container.ts';

/**
 * Refuses a source that leads out of its volume: an earlier container may have put a symbolic link there.
 * @throws PatchbayError `MountRefused`
 */
export async function checkMounts(mounts: readonly ContainerMount[]): Promise<void> {
  for (const { source, within, destination } of mounts) {
    if (within === undefined) {
      continue;
    }
    const [real, volume] = await Promise.all([realpath(source), realpath(within)]);
    if (real !== volume && !real.startsWith(`${volume}/`)) {
      throw new PatchbayError(
        'MountRefused',
        `mount ${destination} is refused: its subPath leads out of the volume`,
        {
          retryable: false,
        },
      );
    }
  }
}
