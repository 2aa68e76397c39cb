/** What a VirtualMachine's status says about it and its instance. Pure. */

import type {
  PrintableStatus,
  VirtualMachine,
  VirtualMachineStatus,
} from '#api/kubevirt.io/virtual-machine.ts';
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { Condition } from '#api/meta.ts';
import {
  type ConditionClaim,
  findCondition,
  hasCondition,
  removeCondition,
  setCondition,
} from '#machinery/conditions.ts';
import { isFinal, type RunDecision, runStrategyOf } from './run-strategy.ts';
import { isOutdated } from './template.ts';

/** What a status is composed from. */
export interface StatusInput {
  readonly vm: VirtualMachine;
  /** The instance as it is after the decision was carried out. */
  readonly vmi?: VirtualMachineInstance | undefined;
  readonly decision: RunDecision;
  /** What went wrong with making or deleting the instance. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
  /** Whether the instance's node has stopped answering. */
  readonly nodeUnreachable: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Condition types that are the VM's own; all others are its instance's. */
const ownConditions: ReadonlySet<string> = new Set([
  'Ready',
  'Failure',
  'RestartRequired',
  'ManualRecoveryRequired',
]);

/** Composes the whole status. */
export function composeStatus(input: StatusInput): VirtualMachineStatus {
  const { vm, vmi, decision } = input;
  return {
    ...vm.status,
    created: vmi !== undefined,
    ready: hasCondition(vmi?.status?.conditions, 'Ready'),
    runStrategy: input.failure === undefined ? runStrategyOf(vm) : vm.status?.runStrategy,
    printableStatus: printableStatus(input),
    observedGeneration: vm.metadata.generation,
    desiredGeneration: vm.metadata.generation,
    startFailure: decision.startFailure,
    stateChangeRequests: decision.stateChangeRequests,
    conditions: conditions(input),
  };
}

/** `kubectl get vm`'s STATUS. The first line that holds. */
function printableStatus(input: StatusInput): PrintableStatus {
  const { vm, vmi, decision } = input;
  if (vm.metadata.deletionTimestamp !== undefined) {
    return 'Terminating';
  }
  if (vmi === undefined) {
    const waits = decision.startFailure !== undefined && decision.requeueAfter !== undefined;
    return waits
      ? 'CrashLoopBackOff'
      : wantsToRun(vm) && input.failure !== undefined
        ? 'Provisioning'
        : 'Stopped';
  }
  if (vmi.metadata.deletionTimestamp !== undefined || decision.action === 'delete') {
    return decision.startFailure === undefined ? 'Stopping' : 'CrashLoopBackOff';
  }
  if (isFinal(vmi)) {
    return 'Stopped';
  }
  return livePrintableStatus(vmi, input.nodeUnreachable);
}

function livePrintableStatus({ status }: VirtualMachineInstance, nodeUnreachable: boolean): PrintableStatus {
  if (nodeUnreachable || status?.phase === 'Unknown') {
    return 'Unknown';
  }
  const { startTimestamp, endTimestamp } = status?.migrationState ?? {};
  if (startTimestamp !== undefined && endTimestamp === undefined) {
    return 'Migrating';
  }
  if (hasCondition(status?.conditions, 'Paused')) {
    return 'Paused';
  }
  if (status?.phase === 'Running') {
    return 'Running';
  }
  if (findCondition(status?.conditions, 'PodScheduled')?.reason === 'Unschedulable') {
    return 'ErrorUnschedulable';
  }
  const reason = findCondition(status?.conditions, 'Synchronized')?.reason;
  return reason === 'ErrImagePull' || reason === 'ImagePullBackOff' ? reason : 'Starting';
}

function wantsToRun(vm: VirtualMachine): boolean {
  const strategy = runStrategyOf(vm);
  return strategy !== 'Halted' && strategy !== 'Manual';
}

function conditions({ vm, vmi, failure, now }: StatusInput): readonly Condition[] {
  const theirs = (vmi?.status?.conditions ?? []).filter(({ type }) => !ownConditions.has(type));
  let list: readonly Condition[] = (vm.status?.conditions ?? []).filter(
    ({ type }) => ownConditions.has(type) || theirs.some((condition) => condition.type === type),
  );
  list = setCondition(list, readyClaim(vmi), now);
  for (const { type, status, reason, message } of theirs) {
    list = setCondition(list, { type, status, reason, message }, now);
  }
  list =
    failure === undefined
      ? removeCondition(list, 'Failure')
      : setCondition(list, { type: 'Failure', status: 'True', ...failure }, now);
  if (vmi === undefined || isFinal(vmi) || !isOutdated(vm, vmi)) {
    return removeCondition(list, 'RestartRequired');
  }
  const message =
    'a non-live-updatable field was changed in the template spec; restart the virtual machine to apply it';
  return setCondition(
    list,
    { type: 'RestartRequired', status: 'True', reason: 'TemplateChanged', message },
    now,
  );
}

function readyClaim(vmi: VirtualMachineInstance | undefined): ConditionClaim {
  const ready = findCondition(vmi?.status?.conditions, 'Ready');
  if (vmi === undefined) {
    return { type: 'Ready', status: 'False', reason: 'VMINotExists', message: 'VMI does not exist' };
  }
  if (ready === undefined) {
    const message = 'Guest VM is not reported as running';
    return { type: 'Ready', status: 'False', reason: 'GuestNotRunning', message };
  }
  const { type, status, reason, message } = ready;
  return { type, status, reason, message };
}
