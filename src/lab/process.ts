/** Processes as `/proc` shows them. Only Node's own modules: the supervisor imports this file. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** A process, named so that a reused pid is not mistaken for it. */
export interface ProcessId {
  readonly pid: number;
  /** Field 22 of `/proc/<pid>/stat`: clock ticks after boot. */
  readonly startTime: string;
}

/** A process as far as we need to know it. */
export interface ProcessView extends ProcessId {
  readonly ppid: number;
  readonly argv: readonly string[];
  /** Base name of the program file. */
  readonly program: string;
  /** Inode of its network namespace. */
  readonly netns: number | undefined;
}

/** True for what reading `/proc` of a process that ended, or that is not ours to see, throws. */
function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL'].includes(code);
}

/** Reads something of `/proc`; undefined when the process ended meanwhile. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isGone(error)) {
      return undefined;
    }
    throw error;
  }
}

interface Stat {
  readonly state: string;
  readonly ppid: number;
  readonly startTime: string;
}

function statOf(pid: number): Stat | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name in parentheses may itself hold spaces and parentheses: fields are counted after the last one.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined
    ? undefined
    : { state: fields[0] ?? '', ppid: Number(fields[1]), startTime: fields[19] ?? '' };
}

/** Start time of a running process; undefined when there is none (a zombie counts as none). */
export function startTimeOf(pid: number): string | undefined {
  const stat = statOf(pid);
  return stat === undefined || stat.state === 'Z' || stat.state === 'X' ? undefined : stat.startTime;
}

/** True while that very process runs. */
export function isRunning({ pid, startTime }: ProcessId): boolean {
  return startTimeOf(pid) === startTime;
}

/** What runs under a pid. */
export function viewProcess(pid: number): ProcessView | undefined {
  const stat = statOf(pid);
  const line = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  if (stat === undefined || line === undefined || stat.state === 'Z' || stat.state === 'X') {
    return undefined;
  }
  const exe = attempt(() => readlinkSync(`/proc/${pid}/exe`))?.replace(/ \(deleted\)$/, '');
  return {
    pid,
    startTime: stat.startTime,
    ppid: stat.ppid,
    argv: line.split('\0').slice(0, -1),
    program: exe?.split('/').at(-1) ?? '',
    netns: attempt(() => statSync(`/proc/${pid}/ns/net`).ino),
  };
}

/** Every process of the machine but kernel threads. */
export function listProcesses(): readonly ProcessView[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => viewProcess(Number(name)) ?? [])
    .filter(({ argv }) => argv.length > 0);
}

/** Which of our programs a command line runs: `agent` for `node … /…/bin/agent.js …`, `patchbay` for the command line. */
export function ownProgram(argv: readonly string[]): string | undefined {
  const names = argv.map(
    (word) => /\/bin\/(agent|control-plane|supervisor|patchbay)\.[jt]s$/.exec(word)?.[1],
  );
  return names.find((name) => name !== undefined);
}

/**
 * Proportional share of memory in KiB (`Pss` of `smaps_rollup`): shared pages divided by those who share them.
 * Undefined when the process is gone or not ours to look into.
 */
export function pssOf(pid: number): number | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  const match = /^Pss:\s+(\d+) kB$/m.exec(text ?? '');
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/** Reads a pid file: `PID`, or `PID START-TIME` as the supervisor writes. Undefined when it is missing or broken. */
export function readPidFile(file: string): { readonly pid: number; readonly startTime?: string } | undefined {
  const text = attempt(() => readFileSync(file, 'utf8'));
  const match = /^(\d+)(?:\s+(\d+))?\s*$/.exec(text ?? '');
  if (match?.[1] === undefined) {
    return undefined;
  }
  return match[2] === undefined ? { pid: Number(match[1]) } : { pid: Number(match[1]), startTime: match[2] };
}

/** Sends a signal to that very process; false when it is gone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isRunning(id)) {
    return false;
  }
  try {
    process.kill(id.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') {
      return false;
    }
    throw error;
  }
}
