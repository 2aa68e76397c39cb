/** A process that outlives us: known by its id and the time it started, so that a reused id is never taken for it. */
import { readFile } from 'node:fs/promises';

/** Which process. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/<pid>/stat. */
  readonly startTime: string;
}

/** The process with this id; undefined when there is none (or only its remains). */
export async function findProcess(pid: number): Promise<ProcessId | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  });
  // The name in parentheses may hold blanks.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields?.[19];
  return startTime === undefined || fields?.[0] === 'Z' ? undefined : { pid, startTime };
}

/** True while exactly this process runs. */
export async function isRunning(process_: ProcessId): Promise<boolean> {
  return (await findProcess(process_.pid))?.startTime === process_.startTime;
}

/** Ends exactly this process, and waits until it is gone; `SIGKILL` after two seconds. */
export async function endProcess(process_: ProcessId): Promise<void> {
  for (let attempt = 0; await isRunning(process_); attempt += 1) {
    if (attempt === 0 || attempt === 200) {
      signal(process_.pid, attempt === 0 ? 'SIGTERM' : 'SIGKILL');
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
