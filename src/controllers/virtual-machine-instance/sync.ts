/** What a VMI and its pods ask for next: pure, so that every situation can be tested as a table. */
import type { Pod } from '#api/core/pod.ts';
import type {
  VirtualMachineInstance,
  VirtualMachineInstanceStatus,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { Condition } from '#api/meta.ts';
import { timestamp } from '#machinery/clock.ts';
import { findCondition, removeCondition, setCondition } from '#machinery/conditions.ts';
import { explainMissing, type LauncherNetworks, launcherNetworks, type NadLookup } from './networks.ts';

/** Holds a VMI until its launcher pod is gone, so that no second guest starts on its disks. */
export const vmiFinalizer = 'foregroundDeleteVirtualMachine';

/** Everything a decision is made from. */
export interface VmiInput {
  readonly vmi: VirtualMachineInstance;
  /** Launcher pods of this VMI. */
  readonly pods: readonly Pod[];
  readonly lookupNad: NadLookup;
  /** Names of the NetworkAttachmentDefinitions of a namespace. */
  readonly knownNads: (namespace: string) => readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What to do, in this order. */
export interface VmiPlan {
  /** Finalizers to write, when they change. */
  readonly finalizers?: readonly string[];
  readonly deletePods: readonly Pod[];
  /** The launcher pod to make, from these networks. */
  readonly createPod?: LauncherNetworks;
  readonly status: VirtualMachineInstanceStatus;
  readonly nodeLabel?: string;
  readonly warning?: { readonly reason: string; readonly message: string };
  /** Milliseconds after which to look again. */
  readonly requeueAfter?: number;
}

type Phase = NonNullable<VirtualMachineInstanceStatus['phase']>;

const missingNad = 'NetworkAttachmentDefinitionNotFound';
/** Nodes offer their bridges under it. */
const bridgeResource = 'bridge.network.kubevirt.io/';

/** Milliseconds a VMI may wait for a node before its status says so: nearly all are bound sooner and save a write. */
const quietMs = 500;

/** Whether a VMI has ended for good. */
export function isFinal({ status }: VirtualMachineInstance): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Decides about one VMI. Pure. */
export function syncVirtualMachineInstance(input: VmiInput): VmiPlan {
  const { vmi, pods } = input;
  if (vmi.metadata.deletionTimestamp !== undefined) {
    return syncDeletion(vmi, pods);
  }
  const status = vmi.status ?? {};
  if (isFinal(vmi)) {
    return { deletePods: pods.filter((pod) => !isTerminating(pod) && !isOver(pod)), status };
  }
  const networks = launcherNetworks(
    vmi.spec,
    vmi.metadata.namespace ?? '',
    input.lookupNad,
    vmi.metadata.name,
    vmi.metadata.annotations,
  );
  const pod = pods.find((one) => !isTerminating(one) && !isOver(one)) ?? pods[0];
  if (pod === undefined) {
    return syncWithoutPod(input, networks);
  }
  return { ...syncWithPod(input, pod, networks), ...withWarning(input, networks) };
}

function syncDeletion(vmi: VirtualMachineInstance, pods: readonly Pod[]): VmiPlan {
  const held = vmi.metadata.finalizers ?? [];
  const release = pods.length === 0 && held.includes(vmiFinalizer);
  return {
    deletePods: pods.filter((pod) => !isTerminating(pod)),
    status: vmi.status ?? {},
    ...(release ? { finalizers: held.filter((finalizer) => finalizer !== vmiFinalizer) } : {}),
  };
}

function syncWithoutPod(input: VmiInput, networks: LauncherNetworks): VmiPlan {
  const { vmi, now } = input;
  const { phase } = vmi.status ?? {};
  if (phase !== undefined && phase !== 'Pending' && phase !== 'Scheduling') {
    const message = 'The launcher pod is gone.';
    return { deletePods: [], status: ended(vmi, 'Failed', 'PodDeleted', message, now) };
  }
  const held = vmi.metadata.finalizers ?? [];
  return {
    deletePods: [],
    createPod: networks,
    status: withNetworkCondition(input, networks, vmi.status ?? {}),
    ...(held.includes(vmiFinalizer) ? {} : { finalizers: [...held, vmiFinalizer] }),
    ...withWarning(input, networks),
  };
}

function syncWithPod(input: VmiInput, pod: Pod, networks: LauncherNetworks): VmiPlan {
  const { vmi, now } = input;
  const done = pod.status?.phase;
  if (done === 'Failed' || done === 'Succeeded') {
    const { reason = `Pod${done}`, message = `The launcher pod ${pod.metadata.name} ended.` } =
      pod.status ?? {};
    return { deletePods: [], status: ended(vmi, done, reason, message, now) };
  }
  const nodeName = pod.spec.nodeName;
  const known = withNetworkCondition(input, networks, vmi.status ?? {});
  const conditions = podProblems(known.conditions ?? [], pod, now);
  const status = conditions.length === 0 && known.conditions === undefined ? known : { ...known, conditions };
  if (nodeName === undefined) {
    // A pod's resources cannot be changed: one that waits for those of a definition mended since is made anew.
    const isStale = networks.missing.length === 0 && !asksFor(pod, networks.resources);
    return { deletePods: isStale && !isTerminating(pod) ? [pod] : [], ...waiting(status, pod, now) };
  }
  const { phase = 'Pending' } = status;
  const early = phase === 'Pending' || phase === 'Scheduling';
  return {
    deletePods: [],
    status: {
      ...(early ? moved(status, 'Scheduled', now) : status),
      nodeName,
      activePods: { [pod.metadata.uid ?? '']: nodeName },
      ...(status.conditions === undefined
        ? {}
        : { conditions: removeCondition(status.conditions, 'PodScheduled') }),
    },
    nodeLabel: nodeName,
  };
}

/** A pod without a node: why, when the scheduler has said so; else a word about it once it has lasted. */
function waiting(
  status: VirtualMachineInstanceStatus,
  pod: Pod,
  now: number,
): Pick<VmiPlan, 'status' | 'requeueAfter'> {
  const scheduled = findCondition(pod.status?.conditions, 'PodScheduled');
  if (scheduled?.status === 'False') {
    const { type, reason, message } = scheduled;
    const conditions = setCondition(status.conditions, { type, status: 'False', reason, message }, now);
    return { status: { ...moved(status, 'Scheduling', now), conditions } };
  }
  const age = now - Date.parse(pod.metadata.creationTimestamp ?? timestamp(now));
  // Creation times have whole seconds: one may seem up to a second older than it is.
  return age < quietMs + 1000 && status.phase === undefined
    ? { status, requeueAfter: quietMs }
    : { status: moved(status, 'Scheduling', now) };
}

/** What a launcher waits for in vain. `ContainerCreating` has a message only when its network could not be made. */
const podReasons = [
  'ErrImagePull',
  'ImagePullBackOff',
  'CreateContainerError',
  'CreateContainerConfigError',
  'ContainerCreating',
];

/** An image or a network that cannot be had is the VMI's problem too; the words are the node's. */
function podProblems(conditions: readonly Condition[], pod: Pod, now: number): readonly Condition[] {
  const told = findCondition(conditions, 'Synchronized')?.reason ?? '';
  const stuck = pod.status?.containerStatuses?.find(({ state }) => {
    const { reason = '', message = '' } = state?.waiting ?? {};
    return podReasons.includes(reason) && (reason !== 'ContainerCreating' || message !== '');
  });
  const { reason, message } = stuck?.state?.waiting ?? {};
  if (reason !== undefined && told !== missingNad) {
    return setCondition(conditions, { type: 'Synchronized', status: 'False', reason, message }, now);
  }
  return told === 'FailedCreate' || (reason === undefined && podReasons.includes(told))
    ? removeCondition(conditions, 'Synchronized')
    : conditions;
}

/** `Synchronized=False` while a NetworkAttachmentDefinition is missing. */
function withNetworkCondition(
  input: VmiInput,
  { missing }: LauncherNetworks,
  status: VirtualMachineInstanceStatus,
): VirtualMachineInstanceStatus {
  const reason = missingNad;
  const conditions = status.conditions ?? [];
  if (missing.length > 0) {
    const message = explainMissing(missing, input.knownNads);
    return {
      ...status,
      conditions: setCondition(
        conditions,
        { type: 'Synchronized', status: 'False', reason, message },
        input.now,
      ),
    };
  }
  const healed = findCondition(conditions, 'Synchronized')?.reason === reason;
  return healed ? { ...status, conditions: removeCondition(conditions, 'Synchronized') } : status;
}

function withWarning(input: VmiInput, { missing }: LauncherNetworks): Pick<VmiPlan, 'warning'> {
  if (missing.length === 0) {
    return {};
  }
  return {
    warning: {
      reason: missingNad,
      message: explainMissing(missing, input.knownNads),
    },
  };
}

function ended(
  vmi: VirtualMachineInstance,
  phase: 'Failed' | 'Succeeded',
  reason: string,
  message: string,
  now: number,
): VirtualMachineInstanceStatus {
  const status = vmi.status ?? {};
  const claim = { type: 'Ready', status: 'False', reason, message } as const;
  return {
    ...moved(status, phase, now),
    reason,
    conditions: setCondition(status.conditions ?? [], claim, now),
  };
}

function moved(
  status: VirtualMachineInstanceStatus,
  phase: Phase,
  now: number,
): VirtualMachineInstanceStatus {
  if (status.phase === phase) {
    return status;
  }
  const reached = { phase, phaseTransitionTimestamp: timestamp(now) };
  const before = (status.phaseTransitionTimestamps ?? []).filter((one) => one.phase !== phase);
  return { ...status, phase, phaseTransitionTimestamps: [...before, reached] };
}

/** Whether a pod asks for all these resources of networks, and for no other bridge. */
function asksFor({ spec }: Pod, resources: readonly string[]): boolean {
  const asked = Object.keys(spec.containers[0]?.resources?.requests ?? {});
  return (
    resources.every((name) => asked.includes(name)) &&
    asked.every((name) => !name.startsWith(bridgeResource) || resources.includes(name))
  );
}

function isOver({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}
