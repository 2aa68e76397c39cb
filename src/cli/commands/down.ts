import type { Command } from 'commander';
import { takeDown } from '#lab/down.ts';
import { requireRoot } from '#lab/files.ts';
import { locateInstance } from '#lab/instance.ts';
import { addInstanceOptions, type InstanceOptions, subCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { createProgress } from '../progress.ts';

interface DownCommandOptions extends InstanceOptions {
  readonly keepState?: boolean;
}

/** `patchbay down`: removes an instance, and says what could not be removed. */
export function registerDown(program: Command): void {
  addInstanceOptions(
    subCommand(program, 'down', 'stop an instance and remove everything it made (images stay)'),
  )
    .option('--keep-state', 'keep the state directory: objects, certificates, OVN databases')
    .action(down);
}

async function down(options: DownCommandOptions): Promise<void> {
  requireRoot('down');
  const paths = locateInstance(options.name, options.stateDir);
  const progress = createProgress();
  progress.step(`taking down instance "${options.name}"`);
  const { removed, left } = await takeDown(paths, {
    keepState: options.keepState === true,
    progress: (line) => progress.detail(line),
  });
  if (left.length === 0) {
    progress.done(removed.length === 0 ? 'nothing was there' : 'nothing is left');
    return;
  }
  progress.done(`${left.length} things are left`);
  process.stdout.write(left.map((line) => `left: ${line}\n`).join(''));
  process.exitCode = exitCodes.failure;
}
