/** A pod's status from what its sandbox and its guest are. Pure. */
import type { ContainerStatus, Pod, PodStatus } from '#api/core/pod.ts';
import type { Condition } from '#api/meta.ts';
import type { Patch } from '#machinery/api-client.ts';
import { timestamp } from '#machinery/clock.ts';
import { setCondition } from '#machinery/conditions.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { addressStatus } from './pod-addresses.ts';
import { type NetworkStatus, networkStatusAnnotation } from './selection.ts';

/** What became of the pod. */
export type PodState =
  /** The launcher's guest runs. */
  | { readonly type: 'running'; readonly startedAt: string }
  /** The sandbox is there, and nothing runs in it. */
  | { readonly type: 'waiting'; readonly reason: string; readonly message: string }
  /** The guest ended. */
  | {
      readonly type: 'ended';
      readonly succeeded: boolean;
      readonly reason: string;
      readonly message: string;
    };

/** What a pod's status is composed from. */
export interface PodReport {
  readonly pod: Pod;
  readonly state: PodState;
  /** Addresses of the node. */
  readonly hostIPs: readonly string[];
  /** Undefined: no network yet (or no longer). */
  readonly networks: readonly NetworkStatus[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The one patch of a pod's status and network-status annotation; undefined when both are so already. */
export function podPatch(report: PodReport): Patch | undefined {
  const { pod, networks } = report;
  const annotation = networks === undefined ? undefined : JSON.stringify(networks);
  const isNew =
    annotation !== undefined && pod.metadata.annotations?.[networkStatusAnnotation] !== annotation;
  const metadata = isNew ? { annotations: { [networkStatusAnnotation]: annotation } } : undefined;
  return statusPatch(pod.status, podStatus(report), { metadata });
}

/** Composes the status. */
export function podStatus(report: PodReport): PodStatus {
  const { pod, state, hostIPs, networks, now } = report;
  const before: PodStatus = pod.status ?? {};
  // The address on the default network, also beside a primary user-defined one: health checks go there.
  const ips = networks?.[0]?.ips ?? [];
  const { reason: _reason, message: _message, ...kept } = before;
  return {
    ...kept,
    phase: phaseOf(state),
    conditions: [...podConditions(report)],
    ...(state.type === 'running' ? {} : { reason: state.reason, message: state.message }),
    ...addressStatus(hostIPs, ips),
    startTime: before.startTime ?? timestamp(now),
    containerStatuses: pod.spec.containers.map((container) => containerStatus(container, before, state, now)),
  };
}

function phaseOf(state: PodState): 'Running' | 'Pending' | 'Succeeded' | 'Failed' {
  if (state.type === 'ended') {
    return state.succeeded ? 'Succeeded' : 'Failed';
  }
  return state.type === 'running' ? 'Running' : 'Pending';
}

function podConditions(report: PodReport): readonly Condition[] {
  const { state, networks, now } = report;
  const isRunning = state.type === 'running';
  const why =
    state.type === 'running'
      ? {}
      : {
          reason: state.type === 'ended' && state.succeeded ? 'PodCompleted' : state.reason,
          message: state.message,
        };
  const claims = [
    ['PodReadyToStartContainers', networks !== undefined && state.type !== 'ended', {}],
    ['Initialized', true, {}],
    ['Ready', isRunning, why],
    ['ContainersReady', isRunning, why],
  ] as const;
  let conditions: readonly Condition[] = report.pod.status?.conditions?.map(plain) ?? [];
  for (const [type, holds, text] of claims) {
    conditions = setCondition(conditions, { type, status: holds ? 'True' : 'False', ...text }, now);
  }
  return conditions;
}

/** `null` times of the builtin kinds become absent ones. */
function plain(condition: Condition): Condition {
  return Object.fromEntries(
    Object.entries(condition).filter(([, value]) => value !== null),
  ) as unknown as Condition;
}

function containerStatus(
  container: { readonly name: string; readonly image?: string | undefined },
  before: PodStatus,
  state: PodState,
  now: number,
): ContainerStatus {
  const known = before.containerStatuses?.find(({ name }) => name === container.name);
  const base = {
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    restartCount: known?.restartCount ?? 0,
  };
  switch (state.type) {
    case 'running':
      return { ...base, ready: true, started: true, state: { running: { startedAt: state.startedAt } } };
    case 'waiting':
      return {
        ...base,
        ready: false,
        started: false,
        state: { waiting: { reason: state.reason, message: state.message } },
      };
    case 'ended': {
      const startedAt = known?.state?.running?.startedAt;
      const terminated = known?.state?.terminated ?? {
        exitCode: state.succeeded ? 0 : 1,
        reason: state.succeeded ? 'Completed' : 'Error',
        message: state.message,
        ...(startedAt !== undefined && { startedAt }),
        finishedAt: timestamp(now),
      };
      return { ...base, ready: false, started: false, state: { terminated } };
    }
  }
}
