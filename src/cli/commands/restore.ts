import type { Command } from 'commander';
import { requireRoot } from '#lab/files.ts';
import { locateInstance, requireInstance } from '#lab/instance.ts';
import { addInstanceOptions, type InstanceOptions, subCommand } from '../command.ts';

/** `patchbay restore FILE`: puts a copy in the place of the store of an instance that is down. */
export function registerRestore(program: Command): void {
  addInstanceOptions(
    subCommand(
      program,
      'restore',
      'put back the API objects that a backup holds; the instance must be stopped (patchbay down --keep-state)',
    ).argument('<file>', 'what patchbay backup wrote'),
  ).action(async (file: string, options: InstanceOptions) => {
    requireRoot('restore');
    const paths = locateInstance(options.name, options.stateDir);
    requireInstance(paths);
    const store = `${paths.controlPlane}/store.db`;
    const { restore } = await import('../store-copies.ts');
    const { revision, events } = await restore(file, store);
    process.stdout.write(
      `${store}: restored ${events} events up to revision ${revision}; what was there before is ${store}.before-restore\n`,
    );
  });
}
