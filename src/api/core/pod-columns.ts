/** Cells of `kubectl get pods`. k8s.io/kubernetes/pkg/printers/internalversion printPod. */
import { ageColumn, since } from '../columns.ts';
import type { PrinterColumn } from '../kind.ts';
import type { Pod } from './pod.ts';
import type { ContainerStatus } from './pod-status.ts';

export const podColumns: readonly PrinterColumn[] = [
  { name: 'Ready', type: 'string', description: 'Containers that are ready, of all.', value: readyCell },
  { name: 'Status', type: 'string', description: 'State of the pod in one word.', value: podStatusCell },
  {
    name: 'Restarts',
    type: 'string',
    description: 'How often containers were started again.',
    value: restartsCell,
  },
  ageColumn,
  { name: 'IP', type: 'string', description: 'Address of the pod.', priority: 1, value: ipCell },
  {
    name: 'Node',
    type: 'string',
    description: 'Node it is on.',
    priority: 1,
    value: (pod: Pod) => pod.spec.nodeName || '<none>',
  },
  {
    name: 'Nominated Node',
    type: 'string',
    description: 'Node on which room is made for it.',
    priority: 1,
    value: (pod: Pod) => pod.status?.nominatedNodeName || '<none>',
  },
  {
    name: 'Readiness Gates',
    type: 'string',
    description: 'Conditions ready waits for.',
    priority: 1,
    value: gatesCell,
  },
];

function ready({ ready: isReady, state }: ContainerStatus): boolean {
  return isReady && state?.running !== undefined;
}

function readyCell({ spec, status }: Pod): string {
  const sidecars = (spec.initContainers ?? [])
    .filter(({ restartPolicy }) => restartPolicy === 'Always')
    .map(({ name }) => name);
  const counted = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.includes(name)),
  ];
  return `${counted.filter(ready).length}/${spec.containers.length + sidecars.length}`;
}

/** State in one word: why it waits or ended, else the phase; `Terminating` while it is deleted. */
function podStatusCell(pod: Pod): string {
  const { status, metadata } = pod;
  const gone = metadata.deletionTimestamp !== undefined;
  if (gone && status?.reason === 'NodeLost') return 'Unknown';
  if (gone && status?.phase !== 'Succeeded' && status?.phase !== 'Failed') return 'Terminating';
  return initReason(pod) ?? containerReason(pod);
}

function phaseReason({ status, spec }: Pod): string {
  const gated = status?.conditions?.some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  if (gated === true && spec.schedulingGates?.length) return 'SchedulingGated';
  return status?.reason || status?.phase || 'Unknown';
}

/** `Init:0/2` and the like, while init containers are not done. */
function initReason({ spec, status }: Pod): string | undefined {
  const inits = spec.initContainers ?? [];
  for (const [index, container] of (status?.initContainerStatuses ?? []).entries()) {
    const { state, started } = container;
    const sidecar = inits.some(
      ({ name, restartPolicy }) => name === container.name && restartPolicy === 'Always',
    );
    if (state?.terminated?.exitCode === 0 || (sidecar && started === true)) continue;
    const { terminated, waiting } = state ?? {};
    if (terminated !== undefined) return `Init:${terminated.reason || endOf(terminated)}`;
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
    return `Init:${index}/${inits.length}`;
  }
  return undefined;
}

function endOf({
  signal,
  exitCode,
}: {
  readonly signal?: number | undefined;
  readonly exitCode: number;
}): string {
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

function containerReason(pod: Pod): string {
  let reason = phaseReason(pod);
  let running = false;
  for (const status of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    const { waiting, terminated } = status.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated !== undefined) reason = terminated.reason || endOf(terminated);
    else if (ready(status)) running = true;
  }
  if (reason !== 'Completed' || !running) return reason;
  const isReady = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  return isReady === true ? 'Running' : 'NotReady';
}

function restartsCell({ status }: Pod, now: Date): string {
  const statuses = status?.containerStatuses ?? [];
  const count = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const last = statuses
    .map(({ lastState }) => lastState?.terminated?.finishedAt ?? '')
    .sort()
    .at(-1);
  return count > 0 && last ? `${count} (${since(last, now)} ago)` : `${count}`;
}

function ipCell({ status }: Pod): string {
  return status?.podIPs?.[0]?.ip || status?.podIP || '<none>';
}

function gatesCell({ spec, status }: Pod): string {
  const gates = spec.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const held = gates.filter((gate) =>
    status?.conditions?.some(({ type, status: is }) => type === gate.conditionType && is === 'True'),
  );
  return `${held.length}/${gates.length}`;
}
