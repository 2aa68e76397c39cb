/** Starts conmon, which creates the container and stays as its parent. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { commandEnv } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerState } from '#node-state/container.ts';
import { type EnterStep, entering } from './enter.ts';
import {
  exitsDirectory,
  type PodDirectories,
  type RunPaths,
  runtimeRoot,
  socketsDirectory,
} from './paths.ts';

/** A container about to be created. */
export interface Launch {
  readonly id: string;
  readonly container: ContainerState;
  readonly paths: RunPaths;
  readonly dirs: PodDirectories;
  /** What is mounted for it. */
  readonly steps: readonly EnterStep[];
}

/** Milliseconds until a container must be created. */
const createMs = 30_000;
/** A log never grows beyond this, even while no agent runs to rotate it. */
const hardLogLimit = 64 * 1024 * 1024;

/** conmon's arguments. Pure. */
export function monitorArgv({ id, container, paths, dirs }: Omit<Launch, 'steps'>): readonly string[] {
  return [
    'conmon',
    ...['--api-version', '1'],
    ...['--cid', id, '--cuuid', id, '--name', container.name],
    ...['--runtime', '/usr/bin/crun', `--runtime-arg=--root=${runtimeRoot(dirs)}`],
    '--runtime-arg=--cgroup-manager=cgroupfs',
    ...['--bundle', paths.directory, '--persist-dir', paths.persist],
    ...['--container-pidfile', paths.pidFile, '--conmon-pidfile', paths.monitorPidFile],
    ...['--exit-dir', exitsDirectory(dirs), '--socket-dir-path', socketsDirectory(dirs)],
    ...['--log-path', `k8s-file:${paths.log}`, '--log-size-max', String(hardLogLimit)],
    ...(container.terminal ? ['--terminal'] : []),
    ...(container.stdin ? ['--stdin'] : []),
    ...(container.stdin && !container.stdinOnce ? ['--leave-stdin-open'] : []),
  ];
}

/** Resolves with the id of the container's first process. @throws PatchbayError `ContainerCannotRun` */
export async function startMonitor(launch: Launch): Promise<number> {
  const [file = '', ...rest] = entering(launch.steps, monitorArgv(launch));
  const child = spawn(file, rest, {
    cwd: launch.paths.directory,
    detached: true,
    env: { ...commandEnv(), _OCI_SYNCPIPE: '3' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const report = child.stdio[3] as Readable;
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString().slice(0, 4096);
  });
  try {
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(cannotRun(`it was not created within ${createMs} ms`)), createMs);
      const finish = (text: string): void => {
        clearTimeout(timer);
        resolve(text);
      };
      let text = '';
      report.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('\n')) finish(text);
      });
      report.once('end', () => finish(text));
      child.once('error', (cause) => reject(cannotRun(cause.message, cause)));
      // A wrapper that fails never starts the monitor.
      child.once('exit', (code) => {
        if (code !== 0) finish(text);
      });
    });
    return pidOf(line, errors);
  } finally {
    // Descendants keep their ends: they must not keep us.
    report.destroy();
    child.stderr?.destroy();
    child.unref();
  }
}

/** Reads conmon's report: `{"data": PID}`, or `{"data": -1, "message": …}`. */
function pidOf(line: string, errors: string): number {
  if (line.trim() === '') {
    throw cannotRun(errors.trim() || 'its monitor ended without a word');
  }
  const { data = -1, message = '' } = JSON.parse(line) as {
    readonly data?: number;
    readonly message?: string;
  };
  if (data <= 0) {
    throw cannotRun(message.trim() || errors.trim() || `crun ended with status ${-data}`);
  }
  return data;
}

function cannotRun(why: string, cause?: unknown): PatchbayError {
  return new PatchbayError('ContainerCannotRun', why, { cause });
}
