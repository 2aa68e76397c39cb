/** A lock that a killed holder does not keep: a pid file with start time. Only Node's own modules. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isRunning, type ProcessId, readPidFile, startTimeOf } from './process.ts';

/** This process, as pid files name it. */
export function ownProcess(): ProcessId {
  const startTime = startTimeOf(process.pid);
  if (startTime === undefined) {
    throw new Error('/proc does not show this process; is /proc mounted?');
  }
  return { pid: process.pid, startTime };
}

/** Writes `PID START-TIME` so that readers never see half a file. */
export function writePidFile(file: string, { pid, startTime }: ProcessId): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${pid} ${startTime}\n`, { mode: 0o644 });
  renameSync(temporary, file);
}

/** The running process that holds a lock. */
export function lockHolder(file: string): ProcessId | undefined {
  const noted = readPidFile(file);
  if (noted?.startTime === undefined) {
    return undefined;
  }
  const holder = { pid: noted.pid, startTime: noted.startTime };
  return isRunning(holder) ? holder : undefined;
}

/**
 * Takes a lock. Returns the way to give it back, or the process that holds it.
 * A lock file whose process is gone is stale and is taken over.
 */
export function takeLock(file: string): { readonly release: () => void } | { readonly holder: ProcessId } {
  const own = ownProcess();
  const temporary = `${file}.${own.pid}.new`;
  writeFileSync(temporary, `${own.pid} ${own.startTime}\n`, { mode: 0o644 });
  try {
    for (;;) {
      if (linked(temporary, file)) {
        return { release: () => releaseLock(file, own) };
      }
      const holder = lockHolder(file);
      if (holder !== undefined) {
        return { holder };
      }
      dropStale(file, own);
    }
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** `link` fails when the name is there: exactly one of several callers makes it. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

/** Moves a stale file away; should it have become somebody's valid lock meanwhile, puts it back. */
function dropStale(file: string, own: ProcessId): void {
  const aside = `${file}.${own.pid}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return;
    }
    throw error;
  }
  if (lockHolder(aside) !== undefined) {
    linked(aside, file);
  }
  rmSync(aside, { force: true });
}

function releaseLock(file: string, own: ProcessId): void {
  const noted = readPidFile(file);
  if (noted?.pid === own.pid && noted.startTime === own.startTime) {
    rmSync(file, { force: true });
  }
}

/** Reads a JSON file; undefined when it is missing. */
export function readJsonFile<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

/** Writes a JSON file whole or not at all, readable by its owner only. */
export function writeJsonFile(file: string, value: unknown): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}
