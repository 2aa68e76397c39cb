/** What a command is to the command line. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultInstance } from '#lab/names.ts';
import type { OutputFormat } from './output.ts';

/** Adds itself to the program. */
export type RegisterCommand = (program: Command) => void;

/** Options that say which instance a command is about. */
export interface InstanceOptions {
  readonly name: string;
  readonly stateDir?: string;
}

/** Adds `--name` and `--state-dir`. */
export function addInstanceOptions(command: Command): Command {
  return command
    .option('--name <name>', 'instance', defaultInstance)
    .option('--state-dir <dir>', 'where instances keep their state (default: /var/lib/patchbay)');
}

/** Adds `-o json`. */
export function addOutputOption(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'),
  );
}

/** Options of a command that prints data. */
export interface OutputOptions {
  readonly output: OutputFormat;
}

/** Parses a whole number of an option within bounds; throws commander's `InvalidArgumentError` with what is allowed. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) {
      return value;
    }
    throw new InvalidArgumentError(`allowed is a whole number from ${least} to ${most}.`);
  };
}

/** A new sub-command. */
export function subCommand(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).showHelpAfterError('(see --help)');
}
