/** Processes that outlive us: known by id and start time, so that a reused id is never taken for them. */
import { readFileSync } from 'node:fs';
import { listProcesses } from '#drivers/processes.ts';

/** Which process. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

/** The process with this id; undefined when there is none, or only its remains. */
export function findProcess(pid: number): ProcessId | undefined {
  const text = readOptional(`/proc/${pid}/stat`);
  // The name in parentheses may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const startTime = fields?.[19];
  return startTime === undefined || fields?.[0] === 'Z' || fields?.[0] === 'X'
    ? undefined
    : { pid, startTime };
}

/** True while exactly this process runs. */
export function isRunning({ pid, startTime }: ProcessId): boolean {
  return findProcess(pid)?.startTime === startTime;
}

/** Sends a signal to exactly this process; one that is gone is fine. */
export function sendSignal(target: ProcessId, signal: NodeJS.Signals | number): void {
  if (!isRunning(target)) {
    return;
  }
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The process whose id is in a file. */
export function fromPidFile(file: string): ProcessId | undefined {
  const pid = Number(readOptional(file)?.trim());
  return Number.isSafeInteger(pid) && pid > 0 ? findProcess(pid) : undefined;
}

/**
 * The process whose id is in a file, if its arguments name this run: ids in files of an earlier start of the machine, or of
 * a process that ended since, may be anybody's now.
 */
export function fromPidFileOf(file: string, runId: string): ProcessId | undefined {
  const found = fromPidFile(file);
  return found !== undefined && isNaming(found.pid, runId) ? found : undefined;
}

/** Processes whose arguments name a run: its monitor, crun at work on it, and what it waits in until it is started. */
export async function processesNaming(runId: string): Promise<readonly ProcessId[]> {
  const pids = (await listProcesses()).filter((pid) => isNaming(pid, runId));
  return pids.flatMap((pid) => findProcess(pid) ?? []);
}

function isNaming(pid: number, word: string): boolean {
  return readOptional(`/proc/${pid}/cmdline`)?.split('\0').includes(word) === true;
}

/** Text of a file; undefined when it (or the process it is about) is gone. */
export function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR') {
      return undefined;
    }
    throw error;
  }
}
