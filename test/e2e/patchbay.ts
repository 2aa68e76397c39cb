/** Runs the command line as a user would. */
import { spawn } from 'node:child_process';
import path from 'node:path';

/** What a command did. */
export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

const launcher = path.resolve(import.meta.dirname, '../../bin/patchbay');

/**
 * The instance that all files of this folder share; made by the first that needs it, removed by `global-setup.ts`.
 * PATCHBAY_TEST_INSTANCE names another, for runs side by side on one machine.
 */
export const instance = process.env['PATCHBAY_TEST_INSTANCE'] ?? 'e2e';

/** Runs `bin/patchbay` with arguments; `--name` of the shared instance is added unless `bare`. */
export async function patchbay(
  args: readonly string[],
  options: { readonly bare?: boolean } = {},
): Promise<CliResult> {
  const named = options.bare === true ? args : [...args, '--name', instance];
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(launcher, named, { stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({
        status: code ?? 1,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
        seconds: (performance.now() - begin) / 1000,
      }),
    );
  });
}
