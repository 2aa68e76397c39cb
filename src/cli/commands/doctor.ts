import type { Command } from 'commander';
import { addOutputOption, subCommand } from '../command.ts';
import type { DoctorOptions } from '../show-doctor.ts';

/** `patchbay doctor`: what this machine has, what is chosen because of it and why, and how to mend what is missing. */
export function registerDoctor(program: Command): void {
  const command = subCommand(
    program,
    'doctor',
    'show what this machine has, what is chosen and why, how to mend it',
  );
  addOutputOption(command)
    .option('--refresh', 'try KVM again instead of using the kept answer')
    .action(async (options: DoctorOptions) => {
      const { showDoctor } = await import('../show-doctor.ts');
      await showDoctor(options);
    });
}
