/** Requests and limits of containers and pods as limits by cgroup. Pure. */
import { milliOf, unitsOf, zero } from '#api/amount.ts';
import type { Container, Pod } from '#api/core/pod.ts';
import { hasPodLevelResources, podLimits, podRequests } from '#api/core/pod-resources.ts';
import { milliValue, wholeValue } from '#machinery/quantity.ts';
import type { ContainerResources, PodLimits } from '#node-state/container.ts';

/** Processes and threads of one container. */
const defaultPids = 4096;

/**
 * Composes limits of a container, with what they were composed from. Where it has no limit of its own, that of its pod is its
 * limit too; without a request its limit counts for its share of processors. Kubelet's `generateLinuxContainerResources`.
 */
export function composeResources(
  { resources }: Pick<Container, 'resources'>,
  { resources: whole }: Pick<Pod['spec'], 'resources'>,
): ContainerResources {
  const { limits, requests } = resources ?? {};
  const cpu = firstAbove(milliValue, limits?.['cpu'], whole?.limits?.['cpu']);
  const memory = firstAbove(wholeValue, limits?.['memory'], whole?.limits?.['memory']);
  const asked = requests?.['cpu'];
  return {
    cpuShares: sharesOf(asked === undefined ? (cpu ?? 0) : milliValue(asked)),
    ...(cpu !== undefined && { cpuQuota: quotaOf(cpu) }),
    ...(memory !== undefined && { memory }),
    pids: defaultPids,
    given: { ...(limits !== undefined && { limits }), ...(requests !== undefined && { requests }) },
  };
}

/**
 * Composes limits of all containers of a pod together; nothing for a pod that asks for nothing as a whole: the limits of its
 * containers bound it then. Without a limit of its own it has one where all its containers do. Kubelet's `ResourceConfigForPod`.
 */
export function composePodLimits({ spec }: Pick<Pod, 'spec'>): PodLimits | undefined {
  if (!hasPodLevelResources(spec)) {
    return undefined;
  }
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const sums = podLimits({ spec });
  const isLimited = (name: string): boolean =>
    wholeValue(spec.resources?.limits?.[name] ?? 0) > 0 ||
    containers.every(({ resources }) => wholeValue(resources?.limits?.[name] ?? 0) > 0);
  return {
    cpuShares: sharesOf(milliOf(podRequests({ spec }).get('cpu') ?? zero)),
    ...(isLimited('cpu') && { cpuQuota: quotaOf(milliOf(sums.get('cpu') ?? zero)) }),
    ...(isLimited('memory') && { memory: unitsOf(sums.get('memory') ?? zero) }),
  };
}

type Given = string | number | undefined;

/** The first amount above nothing. */
function firstAbove(value: (given: string | number) => number, ...all: readonly Given[]): number | undefined {
  return all.map((given) => value(given ?? 0)).find((amount) => amount > 0);
}

function sharesOf(milli: number): number {
  return Math.max(2, Math.floor((milli * 1024) / 1000));
}

function quotaOf(milli: number): number {
  return Math.max(1000, milli * 100);
}
