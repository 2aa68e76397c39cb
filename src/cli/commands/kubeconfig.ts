import type { Command } from 'commander';
import { locateInstance, requireInstance } from '#lab/instance.ts';
import { addInstanceOptions, type InstanceOptions, subCommand } from '../command.ts';

/** `patchbay kubeconfig`: prints the path of the admin's kubeconfig. */
export function registerKubeconfig(program: Command): void {
  addInstanceOptions(subCommand(program, 'kubeconfig', "print the path of the admin's kubeconfig")).action(
    (options: InstanceOptions) => {
      const paths = locateInstance(options.name, options.stateDir);
      requireInstance(paths);
      process.stdout.write(`${paths.kubeconfig}\n`);
    },
  );
}
