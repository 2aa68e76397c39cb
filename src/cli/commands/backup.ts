import type { Command } from 'commander';
import { locateInstance, requireInstance } from '#lab/instance.ts';
import { addInstanceOptions, type InstanceOptions, subCommand } from '../command.ts';

/** `patchbay backup FILE`: copies the store of an instance, whether it runs or not. */
export function registerBackup(program: Command): void {
  addInstanceOptions(
    subCommand(program, 'backup', 'copy every API object of an instance into a file').argument(
      '<file>',
      'where to write; the digest goes beside it, to <file>.sha256',
    ),
  ).action(async (file: string, options: InstanceOptions) => {
    const paths = locateInstance(options.name, options.stateDir);
    requireInstance(paths);
    const { backUp } = await import('../store-copies.ts');
    const { revision, sha256, bytes } = await backUp(
      { store: `${paths.controlPlane}/store.db`, kubeconfig: paths.kubeconfig },
      file,
    );
    process.stdout.write(`${file}: revision ${revision}, ${bytes} bytes, sha256 ${sha256}\n`);
  });
}
