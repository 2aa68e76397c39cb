/** QEMU's process: started so that it outlives us, recognised again by pid, start time and command line. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { commandEnv, inNetns } from '#drivers/command.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';
import type { VmPaths } from './paths.ts';

/** The unprivileged user that runs QEMU. */
export interface QemuUser {
  readonly uid: number;
  readonly gid: number;
}

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessId {
  readonly pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

/** A started QEMU; `exited` settles when it ends while we live. */
export interface StartedQemu extends ProcessId {
  readonly exited: Promise<void>;
}

/**
 * Starts QEMU in the machine's network namespace as the unprivileged user, in a session of its own, its output in
 * `qemu.log`. @throws PatchbayError `QemuStartFailed`
 */
export async function startQemu(
  vm: VirtualMachineState,
  paths: VmPaths,
  user: QemuUser,
  qemuArgv: readonly string[],
): Promise<StartedQemu> {
  const privileges = ['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all'];
  const argv = [
    ...['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, ...(await groups(vm)), ...privileges, '--'],
    ...['qemu-system-x86_64', ...qemuArgv],
  ];
  const [file = '', ...rest] = inNetns(vm.netns, argv);
  const log = await open(paths.log, constants.O_CREAT | constants.O_WRONLY | constants.O_APPEND, 0o600);
  try {
    const child = spawn(file, rest, {
      cwd: '/',
      detached: true,
      env: commandEnv(),
      stdio: ['ignore', log.fd, log.fd],
    });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(new PatchbayError('QemuStartFailed', `${file}: ${cause.message}`, { cause })),
      );
    });
    child.unref();
    const pid = child.pid ?? 0;
    return { pid, startTime: (await startTimeOf(pid)) ?? '', exited };
  } finally {
    await log.close();
  }
}

/** KVM's device belongs to a group; nothing else QEMU needs does. */
async function groups(vm: VirtualMachineState): Promise<readonly string[]> {
  if (vm.accelerator !== 'kvm') {
    return ['--clear-groups'];
  }
  const kvm = await stat('/dev/kvm');
  return ['--groups', String(kvm.gid)];
}

/** True while exactly this process lives (a zombie does not). */
export async function isAlive(process_: ProcessId): Promise<boolean> {
  return process_.pid > 0 && (await startTimeOf(process_.pid)) === process_.startTime;
}

/** Start time of a living process, undefined when there is none. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  const text = await readProc(`/proc/${pid}/stat`);
  // The command name, in parentheses, may contain anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields?.[0];
  return state === undefined || state === 'Z' || state === 'X' ? undefined : fields?.[19];
}

/** True when the process is a QEMU started for this machine. */
export async function isQemuOf(pid: number, uid: string): Promise<boolean> {
  const argv = (await readProc(`/proc/${pid}/cmdline`))?.split('\0') ?? [];
  const at = argv.indexOf('-uuid');
  return at >= 0 && argv[at + 1] === uid;
}

async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

/** True for the errors of a file or process that is gone. */
export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ESRCH';
}

/** Sends a signal to exactly this process; one that is gone already is fine. */
export async function signal(process_: ProcessId, name: NodeJS.Signals): Promise<void> {
  if (!(await isAlive(process_))) {
    return;
  }
  try {
    process.kill(process_.pid, name);
  } catch (error) {
    if (!isMissing(error)) {
      throw new PatchbayError(
        'SignalFailed',
        `QEMU ${process_.pid} could not be sent ${name}: ${messageOf(error)}`,
      );
    }
  }
}

/** Waits until the process is gone. False when it still lives after `timeoutMs`. */
export async function waitForExit(process_: ProcessId, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  // The kernel tells only parents; an adopted process has to be looked at.
  for (let pause = 2; await isAlive(process_); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > deadline) {
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return true;
}

const LOG_TAIL_BYTES = 2_000;

/** Last words of QEMU, for an error message. */
export async function lastWords(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - LOG_TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LOG_TAIL_BYTES), 0, LOG_TAIL_BYTES, start);
    const text = buffer.subarray(0, bytesRead).toString().trim();
    return text === '' ? '' : `; it said: ${text}`;
  } finally {
    await file.close();
  }
}
