/** The one place where commands are run: argument vectors, never a shell. */
import { spawn } from 'node:child_process';
import { PatchbayError } from '#machinery/errors.ts';

/** How to run a command. */
export interface RunOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string | Uint8Array;
  /** Named network namespace (`/run/netns/<name>`) to run in; absent or `''` = our own. */
  readonly netns?: string;
  /** Milliseconds after which the command is killed; default 30 s. */
  readonly timeoutMs?: number;
  /** Variables besides `PATH`, `LC_ALL=C` and `HOME`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a command that ended with status 0 printed. */
export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
}

const defaultTimeoutMs = 30_000;

/** Directory of named network namespaces, as `ip netns` keeps them. */
export const netnsDir = '/run/netns';

/** `argv` as it must be started to run in a named network namespace. */
export function inNetns(netns: string | undefined, argv: readonly string[]): readonly string[] {
  if (netns === undefined || netns === '') {
    return argv;
  }
  return ['nsenter', `--net=${netnsDir}/${checkedNetns(netns)}`, '--', ...argv];
}

/** Environment of every command: nothing of ours but the path, and messages in English. */
export function commandEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const path = process.env['PATH'] ?? '';
  const sbin = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin';
  return { PATH: path === '' ? sbin : `${path}:${sbin}`, LC_ALL: 'C', HOME: '/', ...extra };
}

/**
 * Runs a command to its end.
 * Throws a PatchbayError `CommandFailed` that names the command and what it wrote to standard error when it cannot be
 * started, exits with another status than 0, is killed, or takes longer than `timeoutMs`.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [file, ...rest] = inNetns(options.netns, argv);
  if (file === undefined) {
    throw new PatchbayError('CommandFailed', 'an empty command was to be run', { retryable: false });
  }
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, {
      env: commandEnv(options.env),
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(commandFailed(argv, options.netns, 'cannot be started', '', cause));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const result = { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
      if (code === 0) {
        resolve(result);
        return;
      }
      const outcome = timedOut
        ? `did not end within ${timeoutMs} ms`
        : `ended with ${signal ?? `status ${code}`}`;
      reject(commandFailed(argv, options.netns, outcome, result.stderr || result.stdout));
    });
    // A command that ends without reading its input breaks the pipe; its status tells what happened.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
  });
}

function commandFailed(
  argv: readonly string[],
  netns: string | undefined,
  outcome: string,
  output: string,
  cause?: unknown,
): PatchbayError {
  const where = netns === undefined || netns === '' ? '' : ` in network namespace ${netns}`;
  const said = output.trim() === '' ? '' : `: ${output.trim().slice(0, 2000)}`;
  return new PatchbayError('CommandFailed', `\`${argv.join(' ')}\`${where} ${outcome}${said}`, { cause });
}

function checkedNetns(netns: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(netns)) {
    throw new PatchbayError('CommandFailed', `"${netns}" is no name of a network namespace`, {
      retryable: false,
    });
  }
  return netns;
}
