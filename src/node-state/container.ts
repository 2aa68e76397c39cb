import type { Netns } from './resource.ts';

/** Where a container's root file system comes from. */
export type ContainerRoot =
  /** An unpacked image: the lower layer; writes go to a layer of the container's own. */
  | { readonly type: 'image'; readonly path: string }
  /** A read-only view of the machine's own programs and settings. */
  | { readonly type: 'host' };

/** A file or directory of the node that the container sees. */
export interface ContainerMount {
  /** Absolute path on the node; for `tmpfs` nothing. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly destination: string;
  readonly type: 'bind' | 'tmpfs';
  readonly readOnly: boolean;
  /** `source` must lie in here once its symbolic links are followed: others may have put some there. */
  readonly within?: string;
  /** Bytes, of a tmpfs. */
  readonly size?: number;
}

/** Amounts of resources as a manifest has them. */
export type ResourceAmounts = Readonly<Record<string, string | number>>;

/** Limits by cgroup; what is absent is not limited. */
export interface ContainerResources {
  /** Relative weight, 1024 for one processor. */
  readonly cpuShares?: number;
  /** Microseconds of processor time in each 100 ms. */
  readonly cpuQuota?: number;
  /** Bytes. */
  readonly memory?: number;
  /** Processes and threads. */
  readonly pids?: number;
  /** What these were computed from; kept with them, and read by nobody below. Older records have none. */
  readonly given?: { readonly requests?: ResourceAmounts; readonly limits?: ResourceAmounts };
}

/** Limits of all containers of a pod together. */
export type PodLimits = Pick<ContainerResources, 'cpuShares' | 'cpuQuota' | 'memory'>;

/** Who the container's processes are. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** One run of a container of a pod, as plain data. */
export interface ContainerState {
  readonly podUid: string;
  /** Name in the pod. */
  readonly name: string;
  /** 0 for the first run, 1 for the first restart, … */
  readonly attempt: number;
  /** Network namespace of the pod; `NODE`: the node's own. */
  readonly netns: Netns;
  readonly hostname: string;
  /** Run (its id in the driver) of the same pod whose process table it shares; without it has its own. */
  readonly processesOf?: string;
  /** As the pod names it, and digest of what runs. */
  readonly image: string;
  readonly imageId: string;
  readonly root: ContainerRoot;
  readonly readOnlyRoot: boolean;
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: ContainerUser;
  /** `CAP_…` names. */
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly mounts: readonly ContainerMount[];
  readonly resources: ContainerResources;
  readonly terminal: boolean;
  /** Keep an input open for those who attach. */
  readonly stdin: boolean;
  /** Close it after the first. */
  readonly stdinOnce: boolean;
  /** Path in the container of the file with its last words. */
  readonly terminationLog: string;
  readonly stopSignal: string;
}
