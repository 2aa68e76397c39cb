import type { Command } from 'commander';
import { addOutputOption, type OutputOptions, subCommand } from '../command.ts';

/** `patchbay doctor`: what this machine has, what is chosen because of it and why, and how to mend what is missing. */
export function registerDoctor(program: Command): void {
  const command = subCommand(
    program,
    'doctor',
    'show what this machine has, what is chosen and why, how to mend it',
  );
  addOutputOption(command).action(async (options: OutputOptions) => {
    const { showDoctor } = await import('../show-doctor.ts');
    await showDoctor(options);
  });
}
