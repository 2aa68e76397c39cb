/** The command line: parses, runs one command, turns what is thrown into a message and an exit code. */
import { Command, CommanderError } from 'commander';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { commands } from './commands.ts';
import { exitCodes } from './exit-codes.ts';
import { paint, wantsColours } from './output.ts';

/** Runs the command of an argument vector (`process.argv`). Sets the process's exit code. */
export async function runCli(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endOnBrokenPipe);
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** The whole command tree. */
function createProgram(): Command {
  const program = new Command('patchbay')
    .description('Connects virtual machines to networks the Kubernetes way, on this machine.')
    .exitOverride()
    .configureHelp({ sortSubcommands: false });
  for (const register of commands) {
    register(program);
  }
  return program;
}

/** Says what went wrong; the exit code that goes with it. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version were asked for; everything else commander has already explained.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  const label = paint({ text: 'error:', style: 'red' }, wantsColours(process.stderr));
  process.stderr.write(`${label} ${messageOf(error)}\n`);
  if (!(error instanceof PatchbayError) && error instanceof Error && error.stack !== undefined) {
    process.stderr.write(`${error.stack}\n`);
  }
  return exitCodes.failure;
}

/** `patchbay … | head` is no failure. */
function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') {
    process.exit(exitCodes.ok);
  }
  throw error;
}
