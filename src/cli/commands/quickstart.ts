import type { Command } from 'commander';
import {
  addInstanceOptions,
  addOutputOption,
  type InstanceOptions,
  type OutputOptions,
  subCommand,
} from '../command.ts';

/** `patchbay quickstart`: two nodes, two virtual machines, and the proof that they reach each other. */
export function registerQuickstart(program: Command): void {
  const command = subCommand(
    program,
    'quickstart',
    'start two nodes and two virtual machines, and prove that they reach each other',
  );
  addOutputOption(addInstanceOptions(command)).action(async (options: InstanceOptions & OutputOptions) => {
    const { runQuickstart } = await import('../quickstart/quickstart.ts');
    await runQuickstart(options);
  });
}
