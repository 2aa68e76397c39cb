/** A container as crun's configuration. Pure. */
import type { ContainerMount, ContainerResources, ContainerState } from '#node-state/container.ts';
import { NODE } from '#node-state/resource.ts';

/** What the configuration needs besides the container. */
export interface OciConfigInput {
  readonly container: ContainerState;
  /** Directory that will be the root. */
  readonly rootfs: string;
  readonly cgroupsPath: string;
  /** File on the node that stands behind the container's termination log. */
  readonly terminationLog: string;
  /** Paths that show nothing. */
  readonly maskedPaths: readonly string[];
  /** File of the process table to join; without it gets its own. */
  readonly pidNamespace?: string | undefined;
}

/** Period of processor quotas, in microseconds. */
export const cpuPeriod = 100_000;

const processMasks = [
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readOnlyPaths = [
  '/proc/asound',
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

const baseMounts = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

/** System calls that reach beyond a container even with the capabilities that one has. */
const refusedCalls = [
  'add_key',
  'bpf',
  'create_module',
  'delete_module',
  'finit_module',
  'fsconfig',
  'fsmount',
  'fsopen',
  'fspick',
  'get_kernel_syms',
  'init_module',
  'io_uring_enter',
  'io_uring_register',
  'io_uring_setup',
  'ioperm',
  'iopl',
  'kcmp',
  'kexec_file_load',
  'kexec_load',
  'keyctl',
  'lookup_dcookie',
  'mount',
  'mount_setattr',
  'move_mount',
  'nfsservctl',
  'open_by_handle_at',
  'open_tree',
  'perf_event_open',
  'pivot_root',
  'process_vm_readv',
  'process_vm_writev',
  'query_module',
  'quotactl',
  'quotactl_fd',
  'reboot',
  'request_key',
  'setns',
  'swapoff',
  'swapon',
  'umount',
  'umount2',
  'unshare',
  'userfaultfd',
  'vm86',
  'vm86old',
];

/** Programs of the processor's smaller sibling run too. */
const architectures =
  process.arch === 'arm64'
    ? ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']
    : ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];

/** Composes `config.json` (OCI runtime specification 1.0). */
export function composeOciConfig(input: OciConfigInput): Readonly<Record<string, unknown>> {
  const { container, rootfs, cgroupsPath, maskedPaths, pidNamespace } = input;
  return {
    ociVersion: '1.0.2',
    process: composeProcess(container),
    root: { path: rootfs, readonly: container.readOnlyRoot },
    hostname: container.hostname,
    mounts: [...baseMounts, ...mountsOf(input)],
    linux: {
      namespaces: [
        { type: 'pid', ...(pidNamespace !== undefined && { path: pidNamespace }) },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'cgroup' },
        // Without one it stays in the agent's.
        ...(container.netns === NODE ? [] : [{ type: 'network', path: `/run/netns/${container.netns}` }]),
      ],
      cgroupsPath,
      resources: composeResources(container.resources),
      maskedPaths: [...processMasks, ...maskedPaths],
      readonlyPaths: readOnlyPaths,
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures,
        syscalls: [{ names: refusedCalls, action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
      },
    },
  };
}

/**
 * Limits of a container as `crun update` takes them. What is not limited is left as it is: upstream never takes a limit away from a
 * running container, and not every kernel takes -1 for none.
 */
export function composeUpdate(resources: ContainerResources): Readonly<Record<string, unknown>> {
  const { devices: _, ...limits } = composeResources(resources);
  return limits;
}

/** The process part, used for the container itself and for commands run in it. */
export function composeProcess(
  container: Pick<
    ContainerState,
    'argv' | 'env' | 'cwd' | 'user' | 'capabilities' | 'noNewPrivileges' | 'terminal'
  >,
): Readonly<Record<string, unknown>> {
  const { uid, gid, groups } = container.user;
  const capabilities = [...container.capabilities];
  // Another user than root gains capabilities only by what the file system grants.
  const effective = uid === 0 ? capabilities : [];
  return {
    terminal: container.terminal,
    user: { uid, gid, umask: 0o22, additionalGids: [...groups] },
    args: [...container.argv],
    env: [...container.env],
    cwd: container.cwd,
    capabilities: { bounding: capabilities, effective, permitted: effective, inheritable: [], ambient: [] },
    noNewPrivileges: container.noNewPrivileges,
    oomScoreAdj: 500,
  };
}

function mountsOf({ container, terminationLog }: OciConfigInput): readonly unknown[] {
  const words: ContainerMount = {
    source: terminationLog,
    destination: container.terminationLog,
    type: 'bind',
    readOnly: false,
  };
  // Those nearer to the root first: a volume may lie below another.
  return [words, ...container.mounts]
    .toSorted((a, b) => depth(a.destination) - depth(b.destination))
    .map((mount) => ({
      destination: mount.destination,
      type: mount.type,
      source: mount.type === 'tmpfs' ? 'tmpfs' : mount.source,
      options: [
        ...(mount.type === 'tmpfs'
          ? ['mode=1777', ...(mount.size === undefined ? [] : [`size=${mount.size}`])]
          : ['rbind', 'rprivate']),
        'nosuid',
        'nodev',
        mount.readOnly ? 'ro' : 'rw',
      ],
    }));
}

function depth(path: string): number {
  return path.split('/').length;
}

function composeResources({
  cpuShares,
  cpuQuota,
  memory,
  pids,
}: ContainerResources): Readonly<Record<string, unknown>> {
  const cpu = {
    ...(cpuShares !== undefined && { shares: cpuShares }),
    ...(cpuQuota !== undefined && { quota: cpuQuota, period: cpuPeriod }),
  };
  return {
    devices: [{ allow: false, access: 'rwm' }],
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(memory !== undefined && { memory: { limit: memory } }),
    ...(pids !== undefined && { pids: { limit: pids } }),
  };
}
