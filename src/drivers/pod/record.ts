/** What is written down of a run, so that the next agent process finds it again. */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ContainerState } from '#node-state/container.ts';
import { type PodDirectories, podDirectory, type RunPaths } from './paths.ts';
import { type ProcessId, readOptional } from './process.ts';

/** How a run ended. */
export interface RunEnd {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Milliseconds since the epoch. */
  readonly finishedAt: number;
  readonly message: string;
  readonly startError?: string;
}

/** Contents of `container.json`. */
export interface RunRecord {
  readonly id: string;
  readonly container: ContainerState;
  readonly process?: ProcessId;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly end?: RunEnd;
}

/** Replaces the record in one step. */
export function writeRecord(paths: RunPaths, record: RunRecord): void {
  const next = `${paths.record}.next`;
  writeFileSync(next, JSON.stringify(record), { mode: 0o600 });
  renameSync(next, paths.record);
}

/** The record of a run; undefined when its making was cut short. */
export function readRecord(paths: RunPaths): RunRecord | undefined {
  const text = readOptional(paths.record);
  // The directory belongs to root alone.
  return text === undefined ? undefined : (JSON.parse(text) as RunRecord);
}

/** UIDs of the pods that have a directory. */
export function listPods({ stateDir }: PodDirectories): readonly string[] {
  return namesIn(path.join(stateDir, 'pods'));
}

/** Runs that have a directory: name and attempt. */
export function listRuns(dirs: PodDirectories, podUid: string): readonly (readonly [string, number])[] {
  const directory = path.join(podDirectory(dirs, podUid), 'containers');
  return namesIn(directory).flatMap((name) =>
    namesIn(path.join(directory, name)).map((attempt) => [name, Number(attempt)] as const),
  );
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return [];
    }
    throw error;
  }
}

/** The last 4096 bytes of a container's last words, as kubelet keeps them. */
export function lastWords(file: string): string {
  try {
    return readFileSync(file).subarray(-4096).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return '';
    }
    throw error;
  }
}
