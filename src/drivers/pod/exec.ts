/** Byte streams into containers: commands run in them, their own input, TCP ports of their pod. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { commandEnv, inNetns, run } from '#drivers/command.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { ContainerState } from '#node-state/container.ts';
import type { ExecOptions, ExecSession, TerminalSize } from './driver.ts';
import { cgroupSteps, entering } from './enter.ts';
import { composeProcess } from './oci-config.ts';
import { type PodDirectories, type RunPaths, runtimeRoot } from './paths.ts';
import { fromPidFile, sendSignal } from './process.ts';

/** A container that runs. */
export interface ExecTarget {
  readonly id: string;
  readonly container: ContainerState;
  readonly paths: RunPaths;
  readonly dirs: PodDirectories;
}

/** crun wants a terminal of its own to give one: util-linux' `script` makes it. Constant; words come by environment. */
const terminalCommand =
  'exec crun --root "$PB_ROOT" --cgroup-manager=cgroupfs exec --tty --pid-file "$PB_PID" --process "$PB_PROCESS" "$PB_ID"';

/** Starts a command in a container. */
export async function execIn(target: ExecTarget, options: ExecOptions): Promise<ExecSession> {
  const { id, container, paths, dirs } = target;
  const name = path.join(paths.directory, `exec-${randomUUID()}`);
  const [processFile, pidFile] = [`${name}.json`, `${name}.pid`];
  const { argv, terminal } = options;
  const env = terminal
    ? [...container.env.filter((one) => !one.startsWith('TERM=')), 'TERM=xterm']
    : container.env;
  const description = composeProcess({ ...container, argv, terminal, env });
  await writeFile(processFile, JSON.stringify(description), { mode: 0o600 });
  const crun = [
    'crun',
    '--root',
    runtimeRoot(dirs),
    '--cgroup-manager=cgroupfs',
    'exec',
    '--pid-file',
    pidFile,
  ];
  const command = terminal
    ? [
        'script',
        '--quiet',
        '--return',
        '--flush',
        '--echo',
        'never',
        '--command',
        terminalCommand,
        '/dev/null',
      ]
    : [...crun, '--process', processFile, id];
  const child = start(entering(cgroupSteps(), command), {
    env: {
      SHELL: '/bin/sh',
      PB_ROOT: runtimeRoot(dirs),
      PB_PID: pidFile,
      PB_PROCESS: processFile,
      PB_ID: id,
    },
  });
  if (!options.stdin && !terminal) {
    child.stdin?.end();
  }
  const exited = cleanedUp(exitOf(child), [processFile, pidFile]);
  return {
    ...streamsOf(child),
    exited,
    resize: (size) => resizeTerminal(pidFile, size),
    kill: () => {
      const inside = child.exitCode === null ? fromPidFile(pidFile) : undefined;
      if (inside !== undefined) sendSignal(inside, 'SIGKILL');
      child.kill('SIGKILL');
    },
  };
}

/** The outcome, once the files are removed. */
async function cleanedUp(exited: Promise<number>, files: readonly string[]): Promise<number> {
  try {
    return await exited;
  } finally {
    await Promise.all(files.map((file) => rm(file, { force: true })));
  }
}

/** Connects to a container's own input. What it prints is in its log. */
export function attachInput(paths: RunPaths): ExecSession {
  // A sequenced-packet socket (type 5), which Node cannot open. Its name is long: it is reached from its directory.
  const child = start(['socat', '-t', '1', '-', 'UNIX-CONNECT:attach,type=5'], { cwd: paths.directory });
  child.stdout?.resume();
  return {
    ...streamsOf(child),
    exited: exitOf(child),
    resize: (size) => writeControl(paths, `1 ${size.height} ${size.width}\n`),
    kill: () => child.kill('SIGKILL'),
  };
}

/** Connects to a TCP port in a network namespace. */
export function connectIn(netns: string, port: number, host = '127.0.0.1'): ExecSession {
  const address = host.includes(':') ? `[${host}]` : host;
  const child = start(
    inNetns(netns, ['socat', '-t', '30', '-', `TCP:${address}:${port},connect-timeout=10`]),
    {},
  );
  return {
    ...streamsOf(child),
    exited: exitOf(child),
    resize: async () => undefined,
    kill: () => child.kill('SIGKILL'),
  };
}

/** Whether a TCP port answers in a network namespace. */
export async function reachesIn(
  netns: string,
  port: number,
  host: string,
  timeoutMs: number,
): Promise<boolean> {
  const address = host.includes(':') ? `[${host}]` : host;
  const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
  const argv = ['socat', '-u', 'OPEN:/dev/null', `TCP:${address}:${port},connect-timeout=${seconds}`];
  return run(argv, { netns, timeoutMs: timeoutMs + 1000 }).then(
    () => true,
    () => false,
  );
}

/** Writes a line to the container's monitor: `1 HEIGHT WIDTH` resizes its terminal, `2 0 0` opens its log anew. */
export async function writeControl(paths: RunPaths, line: string): Promise<void> {
  const file = await open(path.join(paths.directory, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    await file.write(line);
  } finally {
    await file.close();
  }
}

interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function start([file = '', ...rest]: readonly string[], { cwd = '/', env = {} }: StartOptions): ChildProcess {
  return spawn(file, rest, { cwd, env: commandEnv(env), stdio: ['pipe', 'pipe', 'pipe'] });
}

function streamsOf(child: ChildProcess): Pick<ExecSession, 'stdin' | 'stdout' | 'stderr'> {
  const stdin: Writable = child.stdin ?? new PassThrough();
  const stdout: Readable = child.stdout ?? new PassThrough();
  const stderr: Readable = child.stderr ?? new PassThrough();
  // A command that ends without reading its input breaks the pipe; its status tells what happened.
  stdin.on('error', () => undefined);
  return { stdin, stdout, stderr };
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new PatchbayError('CommandFailed', `it cannot be started: ${messageOf(cause)}`, { cause })),
    );
    child.once('close', (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
  });
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === 'SIGTERM' ? 15 : 9;
}

/** Sets the size of the terminal a process has as its input: the kernel tells those who run on it. */
async function resizeTerminal(pidFile: string, { width, height }: TerminalSize): Promise<void> {
  const deadline = performance.now() + 5_000;
  for (let inside = fromPidFile(pidFile); ; inside = fromPidFile(pidFile)) {
    if (inside !== undefined) {
      setSize(inside.pid, width, height);
      return;
    }
    if (performance.now() > deadline) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function setSize(pid: number, width: number, height: number): void {
  const terminal = openSync(`/proc/${pid}/fd/0`, constants.O_RDWR | constants.O_NOCTTY);
  const child = spawn('stty', ['rows', String(height), 'cols', String(width)], {
    env: commandEnv(),
    stdio: [terminal, 'ignore', 'ignore'],
  });
  // The terminal may be gone already: then there is nothing to resize.
  child.on('error', () => undefined);
  closeSync(terminal);
}
