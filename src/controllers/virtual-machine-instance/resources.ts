/** What a launcher pod asks the scheduler for. */
import type { VirtualMachineInstanceSpec } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { formatBytes, formatMilli, parseQuantity, wholeValue } from '#machinery/quantity.ts';

type Quantities = Readonly<Record<string, string | number>>;

/** Requests and limits of the launcher's container. */
export interface LauncherResources {
  readonly requests: Quantities;
  readonly limits?: Quantities;
}

const mebibyte = 2 ** 20;
/** QEMU itself and what serves its guest: seen with 7.2 are 50 MiB for a guest of 192 MiB without a graphics card. */
const overhead = { base: 64 * mebibyte, perCpu: 8 * mebibyte };
/** Upstream's `cpuAllocationRatio`: a guest's CPU asks for a tenth of a core. */
const cpuAllocationRatio = 10;
/** Memory of a guest whose manifest names none. */
const defaultGuestMemory = 256 * mebibyte;

/** Number of CPUs the guest sees: sockets x cores x threads. */
export function guestCpus({ domain }: VirtualMachineInstanceSpec): number {
  const { sockets = 1, cores = 1, threads = 1 } = domain.cpu ?? {};
  return Math.max(1, sockets * cores * threads);
}

/** Bytes of memory the guest sees: `memory.guest`, else the request, else the limit. */
export function guestMemory({ domain }: VirtualMachineInstanceSpec): number {
  const { requests, limits } = domain.resources ?? {};
  const wanted = domain.memory?.guest ?? requests?.['memory'] ?? limits?.['memory'];
  return wanted === undefined ? defaultGuestMemory : wholeValue(wanted);
}

/** Bytes the launcher needs besides the guest's memory. */
export function memoryOverhead(spec: VirtualMachineInstanceSpec): number {
  return overhead.base + overhead.perCpu * guestCpus(spec);
}

/**
 * Requests and limits of the launcher: the guest's memory and CPUs, the overhead of QEMU, and one piece of every
 * `attached` resource per attachment (behaviour of the network-resources-injector).
 */
export function launcherResources(
  spec: VirtualMachineInstanceSpec,
  attached: readonly string[],
): LauncherResources {
  const { requests = {}, limits = {} } = spec.domain.resources ?? {};
  const devices = counts(attached);
  const memory = memoryRequest(spec, requests);
  const cpu = cpuRequest(spec, requests);
  const limited = limitsOf(spec, limits);
  const allLimits = { ...limited, ...devices };
  return {
    requests: { ...requests, ...memory, cpu, ...devices },
    ...(Object.keys(allLimits).length === 0 ? {} : { limits: allLimits }),
  };
}

function memoryRequest(spec: VirtualMachineInstanceSpec, requests: Quantities): Quantities {
  const extra = spec.domain.resources?.overcommitGuestOverhead === true ? 0 : memoryOverhead(spec);
  const pageSize = spec.domain.memory?.hugepages?.pageSize;
  if (pageSize !== undefined) {
    return { memory: formatBytes(extra), [`hugepages-${pageSize}`]: formatBytes(guestMemory(spec)) };
  }
  const asked = requests['memory'];
  return { memory: formatBytes((asked === undefined ? guestMemory(spec) : wholeValue(asked)) + extra) };
}

function cpuRequest(spec: VirtualMachineInstanceSpec, requests: Quantities): string | number {
  if (spec.domain.cpu?.dedicatedCpuPlacement === true) {
    return String(guestCpus(spec));
  }
  return requests['cpu'] ?? formatMilli((guestCpus(spec) * 1000) / cpuAllocationRatio);
}

function limitsOf(spec: VirtualMachineInstanceSpec, limits: Quantities): Quantities {
  const memory = limits['memory'];
  const dedicated = spec.domain.cpu?.dedicatedCpuPlacement === true ? { cpu: String(guestCpus(spec)) } : {};
  return {
    ...limits,
    ...dedicated,
    ...(memory === undefined ? {} : { memory: formatBytes(parseQuantity(memory) + memoryOverhead(spec)) }),
  };
}

function counts(names: readonly string[]): Quantities {
  const result: Record<string, string> = {};
  for (const name of names) {
    result[name] = String(Number(result[name] ?? 0) + 1);
  }
  return result;
}
