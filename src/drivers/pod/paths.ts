/** Where a pod's files are. All below one directory of the pod, 0700. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { PatchbayError } from '#machinery/errors.ts';

/** Directories of the driver. */
export interface PodDirectories {
  /** On a disk: writable layers, volumes, logs, records. */
  readonly stateDir: string;
  /** In memory or on a disk; short, because sockets are in it. */
  readonly runDir: string;
}

/** Files of one run of a container. */
export interface RunPaths {
  readonly directory: string;
  readonly record: string;
  readonly config: string;
  /** Limits for `crun update`. */
  readonly update: string;
  readonly rootfs: string;
  readonly scratch: string;
  readonly upper: string;
  readonly work: string;
  readonly terminationLog: string;
  readonly pidFile: string;
  readonly monitorPidFile: string;
  /** conmon writes `oom` here. */
  readonly persist: string;
  readonly log: string;
}

const safeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

function checked(name: string): string {
  if (!safeName.test(name)) {
    throw new PatchbayError('InvalidName', `${JSON.stringify(name)} is no name of a pod or container`, {
      retryable: false,
    });
  }
  return name;
}

/** Directory of everything a pod has. */
export function podDirectory({ stateDir }: PodDirectories, podUid: string): string {
  return path.join(stateDir, 'pods', checked(podUid));
}

/** Id of a run: the same whoever computes it. */
export function runId(podUid: string, name: string, attempt: number): string {
  return createHash('sha256').update(`${podUid}/${name}/${attempt}`).digest('hex').slice(0, 32);
}

export function runPaths(dirs: PodDirectories, podUid: string, name: string, attempt: number): RunPaths {
  const directory = path.join(podDirectory(dirs, podUid), 'containers', checked(name), String(attempt));
  const scratch = path.join(directory, 'scratch');
  return {
    directory,
    record: path.join(directory, 'container.json'),
    config: path.join(directory, 'config.json'),
    update: path.join(directory, 'update.json'),
    rootfs: path.join(directory, 'rootfs'),
    scratch,
    upper: path.join(scratch, 'upper'),
    work: path.join(scratch, 'work'),
    terminationLog: path.join(directory, 'termination-log'),
    pidFile: path.join(directory, 'pid'),
    monitorPidFile: path.join(directory, 'conmon.pid'),
    persist: path.join(directory, 'persist'),
    log: path.join(directory, 'log'),
  };
}

/** crun's own state. */
export function runtimeRoot({ runDir }: PodDirectories): string {
  return path.join(runDir, 'crun');
}

/** Where conmon writes exit statuses, one file for each id. */
export function exitsDirectory({ runDir }: PodDirectories): string {
  return path.join(runDir, 'exits');
}

/** Where conmon links the directory with a container's attach socket. */
export function socketsDirectory({ runDir }: PodDirectories): string {
  return path.join(runDir, 'attach');
}
