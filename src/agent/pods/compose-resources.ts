/** Requests and limits of a container as limits by cgroup. Pure. */
import type { Container } from '#api/core/pod.ts';
import { milliValue, wholeValue } from '#machinery/quantity.ts';
import type { ContainerResources } from '#node-state/container.ts';

/** Processes and threads of one container. */
const defaultPids = 4096;

/** Composes them, with what they were composed from. */
export function composeResources({ resources }: Pick<Container, 'resources'>): ContainerResources {
  const { limits, requests } = resources ?? {};
  const [cpu, memory] = [limits?.['cpu'], limits?.['memory']];
  return {
    cpuShares: Math.max(2, Math.floor((milliValue(requests?.['cpu'] ?? 0) * 1024) / 1000)),
    ...(cpu !== undefined && milliValue(cpu) > 0 && { cpuQuota: Math.max(1000, milliValue(cpu) * 100) }),
    ...(memory !== undefined && wholeValue(memory) > 0 && { memory: wholeValue(memory) }),
    pids: defaultPids,
    given: { ...(limits !== undefined && { limits }), ...(requests !== undefined && { requests }) },
  };
}
