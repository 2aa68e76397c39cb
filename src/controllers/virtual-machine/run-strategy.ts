/** Whether a VirtualMachine's instance is to be made or deleted: its run strategy, pure. */
import {
  type RunStrategy,
  type VirtualMachine,
  type VirtualMachineStatus,
  virtualMachineFinalizer,
} from '#api/kubevirt.io/virtual-machine.ts';
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { timestamp } from '#machinery/clock.ts';
import { hasCondition } from '#machinery/conditions.ts';
import { isOutdated } from './template.ts';

/** What a decision is made from. */
export interface RunInput {
  readonly vm: VirtualMachine;
  /** The instance of the VM's name that belongs to it. */
  readonly vmi?: VirtualMachineInstance | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What to do, and what is remembered about it in `status`. */
export interface RunDecision {
  readonly action: 'none' | 'create' | 'create-paused' | 'delete';
  readonly startFailure: VirtualMachineStatus['startFailure'];
  readonly stateChangeRequests: VirtualMachineStatus['stateChangeRequests'];
  /** Milliseconds after which to look again. */
  readonly requeueAfter?: number;
}

type StartFailure = NonNullable<VirtualMachineStatus['startFailure']>;
type Requests = NonNullable<VirtualMachineStatus['stateChangeRequests']>;

/** Milliseconds: 10, 20, 40 … 300 s between starts of a VM that keeps failing. */
const crashLoop = { first: 10_000, longest: 300_000 };
/** Why an instance failed whose node was restarted: no fault of the guest's, and no reason to wait. */
const guestLost = 'GuestLost';
/** Milliseconds an instance must run for its VM's earlier failures to be forgotten. */
const stableAfter = 30_000;

/** `runStrategy`, or what `running` says; a VM with neither does not run. */
export function runStrategyOf({ spec }: VirtualMachine): RunStrategy {
  return spec.runStrategy ?? (spec.running === true ? 'Always' : 'Halted');
}

/** Decides whether the VM's instance is to be made, deleted or left alone. Pure. */
export function decideRun(input: RunInput): RunDecision {
  const { vm, vmi } = input;
  const strategy = runStrategyOf(vm);
  const requests = pendingRequests(vm.status?.stateChangeRequests ?? [], vmi);
  const failure = nextStartFailure(input, strategy, requests);
  const decision = (
    action: RunDecision['action'],
    rest: Requests = requests,
    requeueAfter: number | undefined = failure.requeueAfter,
  ): RunDecision => ({
    action,
    startFailure: failure.startFailure,
    stateChangeRequests: rest.length === 0 ? undefined : rest,
    ...(requeueAfter === undefined ? {} : { requeueAfter }),
  });
  if (vm.metadata.deletionTimestamp !== undefined) {
    return decision(vmi !== undefined && takesItsInstance(vm, vmi) ? 'delete' : 'none');
  }
  if (vmi !== undefined) {
    const leaving = vmi.metadata.deletionTimestamp !== undefined;
    if (!leaving && !isFinal(vmi) && isStuck(vmi) && isOutdated(vm, vmi)) {
      return decision('delete', strategy === 'Halted' ? requests : [...requests, { action: 'Start' }]);
    }
    return decision(!leaving && mustGo(strategy, vmi, requests) ? 'delete' : 'none');
  }
  if (!mustRun(strategy, vm, requests, failure.startFailure)) {
    return decision('none');
  }
  const start = requests.find(({ action }) => action === 'Start');
  const wait = start === undefined ? backOffLeft(failure.startFailure, input.now) : 0;
  if (wait > 0) {
    return decision('none', requests, wait);
  }
  const paused = start?.data?.['paused'] === 'true';
  return decision(
    paused ? 'create-paused' : 'create',
    requests.filter(({ action }) => action !== 'Start'),
  );
}

/** Whether a VM that is deleted deletes its instance. `kubectl delete --cascade=orphan` leaves it. */
function takesItsInstance({ metadata }: VirtualMachine, vmi: VirtualMachineInstance): boolean {
  const held = metadata.finalizers ?? [];
  return (
    held.includes(virtualMachineFinalizer) &&
    !held.includes('orphan') &&
    vmi.metadata.deletionTimestamp === undefined
  );
}

/**
 * Whether an instance waits for what it cannot get, and its guest has never run: when its VM is mended, another is
 * made of the new template, so that nobody has to delete it by hand.
 */
function isStuck({ status }: VirtualMachineInstance): boolean {
  const early =
    status?.phase === 'Pending' || status?.phase === 'Scheduling' || status?.phase === 'Scheduled';
  return (
    early &&
    (hasCondition(status.conditions, 'PodScheduled', 'False') ||
      hasCondition(status.conditions, 'Synchronized', 'False'))
  );
}

/** Whether an instance has ended. */
export function isFinal(vmi: VirtualMachineInstance | undefined): boolean {
  return vmi?.status?.phase === 'Succeeded' || vmi?.status?.phase === 'Failed';
}

function mustGo(strategy: RunStrategy, vmi: VirtualMachineInstance, requests: Requests): boolean {
  if (strategy === 'Halted' || requests.some(({ action }) => action === 'Stop')) {
    return true;
  }
  if (!isFinal(vmi)) {
    return false;
  }
  const restarts = strategy === 'Always' || strategy === 'RerunOnFailure';
  return restarts || requests.some(({ action }) => action === 'Start');
}

/**
 * `RerunOnFailure` and `Once` start when the strategy is new to the VM (`status.runStrategy` still says another);
 * later only a failure (which leaves `startFailure`) or a request starts them.
 */
function mustRun(
  strategy: RunStrategy,
  vm: VirtualMachine,
  requests: Requests,
  startFailure: StartFailure | undefined,
): boolean {
  const asked = requests.some(({ action }) => action === 'Start');
  const isNew = vm.status?.runStrategy !== strategy;
  switch (strategy) {
    case 'Always':
      return true;
    case 'RerunOnFailure':
      return asked || isNew || startFailure !== undefined;
    case 'Once':
      return asked || isNew;
    case 'Manual':
    case 'Halted':
    case 'WaitAsReceiver':
      return asked && strategy !== 'Halted';
  }
}

/** Requests not fulfilled yet: a stop whose instance is gone and a start whose instance is there are. */
function pendingRequests(requests: Requests, vmi: VirtualMachineInstance | undefined): Requests {
  const stops = requests.filter(
    ({ action, uid }) =>
      action === 'Stop' && vmi !== undefined && (uid === undefined || uid === vmi.metadata.uid),
  );
  const running = vmi !== undefined && !isFinal(vmi) && vmi.metadata.deletionTimestamp === undefined;
  const starts = requests.filter(({ action }) => action === 'Start' && (!running || stops.length > 0));
  return [...stops, ...starts];
}

interface FailureUpdate {
  readonly startFailure: StartFailure | undefined;
  readonly requeueAfter?: number;
}

function nextStartFailure(
  { vm, vmi, now }: RunInput,
  strategy: RunStrategy,
  requests: Requests,
): FailureUpdate {
  const known = vm.status?.startFailure;
  const restarts = strategy === 'Always' || strategy === 'RerunOnFailure';
  const stopping = requests.some(({ action }) => action === 'Stop');
  if (!restarts || stopping || vmi?.status?.phase === 'Succeeded') {
    return { startFailure: undefined };
  }
  const failed = vmi?.status?.phase === 'Failed' && vmi.status.reason !== guestLost;
  if (failed && vmi.metadata.uid !== known?.lastFailedVMIUID) {
    const consecutiveFailCount = (known?.consecutiveFailCount ?? 0) + 1;
    const delay = Math.min(crashLoop.first * 2 ** (consecutiveFailCount - 1), crashLoop.longest);
    const { uid } = vmi.metadata;
    return {
      startFailure: {
        consecutiveFailCount,
        retryAfterTimestamp: timestamp(now + delay),
        ...(uid === undefined ? {} : { lastFailedVMIUID: uid }),
      },
    };
  }
  const running = vmi === undefined || known === undefined ? undefined : runningFor(vmi, now);
  if (running === undefined) {
    return { startFailure: known };
  }
  return running >= stableAfter
    ? { startFailure: undefined }
    : { startFailure: known, requeueAfter: stableAfter - running };
}

/** Milliseconds the instance has been running; undefined when it is not. */
function runningFor(vmi: VirtualMachineInstance, now: number): number | undefined {
  if (vmi.status?.phase !== 'Running') {
    return undefined;
  }
  const reached = vmi.status.phaseTransitionTimestamps?.find(({ phase }) => phase === 'Running');
  const since = reached?.phaseTransitionTimestamp ?? readySince(vmi) ?? vmi.metadata.creationTimestamp;
  return since === undefined ? 0 : now - Date.parse(since);
}

function readySince(vmi: VirtualMachineInstance): string | undefined {
  const conditions = vmi.status?.conditions;
  return hasCondition(conditions, 'Ready')
    ? (conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? undefined)
    : undefined;
}

/** Milliseconds until a VM that failed may be started again. */
function backOffLeft(failure: StartFailure | undefined, now: number): number {
  const until = Date.parse(failure?.retryAfterTimestamp ?? '');
  return Number.isNaN(until) ? 0 : Math.max(0, until - now);
}
