import type { Command } from 'commander';
import {
  addInstanceOptions,
  addOutputOption,
  type InstanceOptions,
  type OutputOptions,
  subCommand,
} from '../command.ts';

/** `patchbay status`: what runs where, and what memory it takes. */
export function registerStatus(program: Command): void {
  const command = subCommand(program, 'status', 'show processes with their memory, nodes and sandboxes');
  addOutputOption(addInstanceOptions(command)).action(async (options: InstanceOptions & OutputOptions) => {
    const { showStatus } = await import('../show-status.ts');
    await showStatus(options);
  });
}
