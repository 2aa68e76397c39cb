/** How a run ended, by what its monitor left behind. */
import path from 'node:path';
import { exitsDirectory, type PodDirectories, type RunPaths } from './paths.ts';
import { fromPidFileOf, isRunning, readOptional } from './process.ts';
import { lastWords, type RunEnd, type RunRecord } from './record.ts';

/** The exit code that the monitor wrote; empty while it has written none. */
export function exitOf(directories: PodDirectories, id: string): string {
  return readOptional(path.join(exitsDirectory(directories), id))?.trim() ?? '';
}

/**
 * The end of a run, seen at `now`; undefined while it goes on. A run whose process and monitor are both gone
 * without a word was killed: 137.
 */
export function readEnd(
  directories: PodDirectories,
  record: RunRecord,
  paths: RunPaths,
  now: number,
): RunEnd | undefined {
  const text = exitOf(directories, record.id);
  const isLost =
    record.startedAt !== undefined &&
    (record.process === undefined || !isRunning(record.process)) &&
    fromPidFileOf(paths.monitorPidFile, record.id) === undefined;
  // Read once more: the monitor may have written it and gone since.
  const status = text === '' && isLost ? exitOf(directories, record.id) : text;
  if (status === '' && !isLost) {
    return undefined;
  }
  return {
    exitCode: status === '' ? 137 : Number(status),
    oomKilled: readOptional(path.join(paths.persist, 'oom')) !== undefined,
    finishedAt: now,
    message: lastWords(paths.terminationLog),
  };
}
