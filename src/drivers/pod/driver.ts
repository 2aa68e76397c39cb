import type { Readable, Writable } from 'node:stream';
import type { ContainerResources, ContainerState, PodLimits } from '#node-state/container.ts';

/** How a container is. */
export type ContainerPhase =
  | { readonly type: 'created' }
  | { readonly type: 'running'; readonly startedAt: number }
  | {
      readonly type: 'exited';
      readonly exitCode: number;
      readonly oomKilled: boolean;
      /** Milliseconds since the epoch; the start is unknown when it never started. */
      readonly startedAt: number | undefined;
      readonly finishedAt: number;
      /** Last words, at most 4096 bytes. */
      readonly message: string;
      /** Why it could not be started at all. */
      readonly startError?: string;
    };

/** A container that is there, running or not. */
export interface ContainerView {
  readonly id: string;
  readonly container: ContainerState;
  readonly phase: ContainerPhase;
  /** Process id of its first process while it runs. */
  readonly pid: number | undefined;
  readonly logFile: string;
}

/** What a volume of a pod holds. */
export interface VolumeContents {
  readonly name: string;
  /** `memory`: a tmpfs; `disk`: an empty directory; `files`: exactly these files, replaced together when they change. */
  readonly type: 'disk' | 'memory' | 'files';
  readonly files?: readonly VolumeFile[];
  /** Bytes, of a tmpfs. */
  readonly size?: number;
  /** Group that owns it. */
  readonly gid?: number;
}

/** One file of a volume. */
export interface VolumeFile {
  /** Relative, without `..`. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** A command started in a container. */
export interface ExecSession {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Empty with a terminal. */
  readonly stderr: Readable;
  /** Exit status; 128 + signal when killed. */
  readonly exited: Promise<number>;
  resize(size: TerminalSize): Promise<void>;
  /** Ends the command. */
  kill(): void;
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** How to run a command in a container. */
export interface ExecOptions {
  readonly argv: readonly string[];
  readonly terminal: boolean;
  readonly stdin: boolean;
}

/** Containers of this node. Whoever starts one finds it again after a restart. */
export interface ContainerDriver {
  /** Starts a run. A failure to start is a view with `startError`, so that it counts as a run. */
  start(container: ContainerState): Promise<ContainerView>;
  /**
   * Sets limits of all containers of a pod together, also before the first is started; a second time changes nothing. What is
   * not limited is left as it is.
   * @throws PatchbayError `LimitsRefused` by the kernel
   */
  limitPod(podUid: string, limits: PodLimits): Promise<void>;
  /** All runs that are kept of a pod, oldest first in each container. */
  list(podUid: string): readonly ContainerView[];
  /** Pods of which anything is there. */
  pods(): readonly string[];
  /**
   * Sets limits of a container that runs; a second time changes nothing. Views show them from then on, whoever looks.
   * @throws PatchbayError `ContainerNotRunning`, `MemoryInUse` for a limit below what is used, `LimitsRefused` by the kernel
   */
  updateResources(id: string, resources: ContainerResources): Promise<void>;
  /** Sends a signal to the first process; one that is gone is fine. */
  signal(id: string, signal: string): Promise<void>;
  /** Removes a run that is over (its log too), or kills it first. */
  remove(id: string): Promise<void>;
  /** Kills and removes everything of a pod: containers, volumes, logs, cgroups. */
  removePod(podUid: string): Promise<void>;
  /** Makes the volumes and small files of a pod as given. Returns the directory of each volume by name. */
  prepareVolumes(podUid: string, volumes: readonly VolumeContents[]): Promise<ReadonlyMap<string, string>>;
  /** Writes `etc/hosts`, `etc/resolv.conf`, `etc/hostname`; returns the directory. */
  prepareEtc(podUid: string, files: Readonly<Record<string, string>>): Promise<string>;
  /** Rejects with PatchbayError `ContainerNotRunning`. */
  exec(id: string, options: ExecOptions): Promise<ExecSession>;
  /** The container's own input; rejects when it has none. */
  attachInput(id: string): Promise<ExecSession>;
  resize(id: string, size: TerminalSize): Promise<void>;
  /** A byte stream to a TCP port on the pod's loopback address, or `host` in its namespace. */
  connect(netns: string, port: number, host?: string): ExecSession;
  /** Whether a TCP port answers. */
  reaches(netns: string, port: number, host: string, timeoutMs: number): Promise<boolean>;
  /** Called with the UID of a pod whose container ended. Returns the way to stop. */
  onChange(handler: (podUid: string) => void): () => void;
  /** Reads what there is; to be called once before anything else. */
  load(): Promise<void>;
  close(): void;
}
