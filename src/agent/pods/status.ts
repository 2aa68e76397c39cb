/** A plain pod's status as kubelet reports it. Pure. */
import type { Container, ContainerStatus, EphemeralContainer, Pod, PodStatus } from '#api/core/pod.ts';
import type { Condition } from '#api/meta.ts';
import type { ContainerPhase, ContainerView } from '#drivers/pod/driver.ts';
import { timestamp } from '#machinery/clock.ts';
import { type ConditionClaim, removeCondition, setCondition } from '#machinery/conditions.ts';
import { addressStatus } from '../pod-addresses.ts';
import type { NetworkStatus } from '../selection.ts';
import { isSidecar, latest, type Plan, type ProbeView } from './plan.ts';
import { actualOf } from './resize.ts';

/** Why a container is not there yet. */
export interface Waiting {
  readonly reason: string;
  readonly message?: string;
}

/** What a status is composed from. */
export interface StatusInput {
  /** With the resources that are set aside for its containers. */
  readonly pod: Pod;
  readonly views: readonly ContainerView[];
  readonly plan: Plan;
  readonly probes: ReadonlyMap<string, ProbeView>;
  /** What keeps containers from being started, by name. */
  readonly waiting: ReadonlyMap<string, Waiting>;
  readonly networks: readonly NetworkStatus[] | undefined;
  readonly hostIPs: readonly string[];
  /** Conditions of a resize that goes on. */
  readonly resize?: readonly ConditionClaim[];
  readonly now: number;
  /** Set when the node ended the pod: `DeadlineExceeded`. */
  readonly ended?: { readonly reason: string; readonly message: string };
}

type State = NonNullable<ContainerStatus['state']>;

/** Composes it. */
export function plainStatus(input: StatusInput): PodStatus {
  const { pod, networks, hostIPs, now, ended } = input;
  const before: PodStatus = pod.status ?? {};
  const { reason: _reason, message: _message, ...kept } = before;
  const ips = pod.spec.hostNetwork === true ? hostIPs : (networks?.[0]?.ips ?? []);
  const inits = (pod.spec.initContainers ?? []).map((container, index) =>
    statusOf(input, container, index === 0 ? 'ContainerCreating' : 'PodInitializing'),
  );
  const initial = inits.length === 0 ? 'ContainerCreating' : 'PodInitializing';
  const all = pod.spec.containers.map((container) => statusOf(input, container, initial));
  const added = (pod.spec.ephemeralContainers ?? []).map((one) => ephemeralStatus(input, one, initial));
  const phase = ended === undefined ? phaseOf(input, all) : 'Failed';
  return {
    ...kept,
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    ...ended,
    conditions: [...conditionsOf(input, phase, inits, all)],
    ...addressStatus(hostIPs, ips),
    startTime: before.startTime ?? timestamp(now),
    ...(inits.length > 0 && { initContainerStatuses: inits }),
    containerStatuses: all,
    ...(added.length > 0 && { ephemeralContainerStatuses: added }),
  };
}

function statusOf(input: StatusInput, container: Container, initial: string): ContainerStatus {
  const { views, probes } = input;
  const view = latest(views, container.name);
  const earlier = views.findLast((one) => one.container.name === container.name && one.id !== view?.id);
  const running = view?.phase.type === 'running';
  const probe = view === undefined ? undefined : probes.get(view.id);
  const isInit = input.pod.spec.initContainers?.includes(container) === true && !isSidecar(container);
  const isDone = view?.phase.type === 'exited' && view.phase.exitCode === 0;
  const state = stateOf(input, container, view, initial);
  const isWaitingAgain = state.waiting !== undefined && view?.phase.type === 'exited';
  const last = isWaitingAgain ? view : earlier;
  return {
    name: container.name,
    image: view?.container.image ?? container.image ?? '',
    imageID: view === undefined ? '' : view.container.imageId,
    ...(view !== undefined && { containerID: `patchbay://${view.id}` }),
    restartCount: view?.container.attempt ?? 0,
    ready: isInit ? isDone : running && (probe?.ready ?? container.readinessProbe === undefined),
    started: running && !isInit ? (probe?.started ?? container.startupProbe === undefined) : false,
    state,
    ...resourcesOf(container, view),
    lastState: last?.phase.type === 'exited' ? { terminated: terminated(last, last.phase) } : {},
  };
}

/** What is set aside, and what is in force: with a container that does not run, what will be. */
function resourcesOf(
  container: Container,
  view: ContainerView | undefined,
): Pick<ContainerStatus, 'allocatedResources' | 'resources'> {
  const { limits, requests } = container.resources ?? {};
  const planned = { ...(limits !== undefined && { limits }), ...(requests !== undefined && { requests }) };
  return {
    ...(requests !== undefined && Object.keys(requests).length > 0 && { allocatedResources: requests }),
    resources: view?.phase.type === 'running' ? actualOf(view, container) : planned,
  };
}

/** Nobody asks whether an ephemeral container is ready, nor is it started again; it has no resources. */
function ephemeralStatus(
  input: StatusInput,
  container: EphemeralContainer,
  initial: string,
): ContainerStatus {
  const { started: _started, resources: _resources, ...status } = statusOf(input, container, initial);
  return { ...status, ready: false };
}

function stateOf(
  { plan, waiting, pod }: StatusInput,
  container: Container,
  view: ContainerView | undefined,
  initial: string,
): State {
  const why = waiting.get(container.name);
  if (view?.phase.type === 'running') {
    return { running: { startedAt: timestamp(view.phase.startedAt) } };
  }
  if (why !== undefined) {
    return { waiting: { ...why } };
  }
  if (view === undefined || view.phase.type === 'created') {
    return { waiting: { reason: initial } };
  }
  const backOff = plan.backOff.find(({ name }) => name === container.name);
  if (backOff !== undefined) {
    const { name, namespace = '', uid = '' } = pod.metadata;
    return {
      waiting: {
        reason: 'CrashLoopBackOff',
        message: `back-off ${duration(backOff.seconds)} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`,
      },
    };
  }
  return { terminated: terminated(view, view.phase) };
}

/** Seconds as Go prints durations: `10s`, `2m40s`. */
function duration(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function terminated(
  view: ContainerView,
  phase: Extract<ContainerPhase, { type: 'exited' }>,
): NonNullable<State['terminated']> {
  const { exitCode, oomKilled, startedAt, finishedAt, startError } = phase;
  const message = startError ?? phase.message;
  const reason =
    startError !== undefined
      ? 'StartError'
      : oomKilled
        ? 'OOMKilled'
        : exitCode === 0
          ? 'Completed'
          : 'Error';
  return {
    exitCode,
    reason,
    ...(message !== '' && { message }),
    startedAt: startedAt === undefined ? timestamp(finishedAt) : timestamp(startedAt),
    finishedAt: timestamp(finishedAt),
    containerID: `patchbay://${view.id}`,
  };
}

/** Kubelet's getPhase. */
function phaseOf({ plan }: StatusInput, all: readonly ContainerStatus[]): NonNullable<PodStatus['phase']> {
  if (plan.over !== undefined) {
    return plan.over;
  }
  const isFresh = ({ state, lastState }: ContainerStatus): boolean =>
    state?.waiting !== undefined && lastState?.terminated === undefined;
  if (!plan.initialized || all.some(isFresh)) {
    return 'Pending';
  }
  return 'Running';
}

function conditionsOf(
  input: StatusInput,
  phase: string,
  inits: readonly ContainerStatus[],
  all: readonly ContainerStatus[],
): readonly Condition[] {
  const { pod, plan, networks, now, ended, resize = [] } = input;
  const notReady = reasonNotReady(input, phase, all);
  const gated = notReady === undefined ? closedGates(pod) : undefined;
  const isThere = networks !== undefined && plan.over === undefined && ended === undefined;
  const notInitialized = reasonNotInitialized(input, phase, inits);
  const claims = [
    ['PodReadyToStartContainers', isThere, {}],
    ['Initialized', notInitialized === undefined || phase === 'Succeeded', notInitialized ?? {}],
    ['Ready', notReady === undefined && gated === undefined, notReady ?? gated ?? {}],
    ['ContainersReady', notReady === undefined, notReady ?? {}],
  ] as const;
  let conditions: readonly Condition[] = pod.status?.conditions?.map(plain) ?? [];
  for (const [type, holds, text] of claims) {
    conditions = setCondition(conditions, { type, status: holds ? 'True' : 'False', ...text }, now);
  }
  for (const type of ['PodResizePending', 'PodResizeInProgress']) {
    const claim = resize.find((one) => one.type === type);
    conditions =
      claim === undefined ? removeCondition(conditions, type) : setCondition(conditions, claim, now);
  }
  return conditions;
}

interface Reason {
  readonly reason: string;
  readonly message?: string;
}

function reasonNotReady(
  { plan, ended }: StatusInput,
  phase: string,
  all: readonly ContainerStatus[],
): Reason | undefined {
  if (phase === 'Failed') {
    return { reason: 'PodFailed', ...(ended !== undefined && { message: ended.message }) };
  }
  if (phase === 'Succeeded') {
    return { reason: 'PodCompleted' };
  }
  const unready = all.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length > 0) {
    return {
      reason: 'ContainersNotReady',
      message: `containers with unready status: [${unready.join(' ')}]`,
    };
  }
  return plan.initialized ? undefined : { reason: 'ContainersNotReady' };
}

function reasonNotInitialized(
  { plan }: StatusInput,
  phase: string,
  inits: readonly ContainerStatus[],
): Reason | undefined {
  if (phase === 'Succeeded') {
    return { reason: 'PodCompleted' };
  }
  if (plan.initialized) {
    return undefined;
  }
  const incomplete = inits.filter(({ ready, started }) => !ready && started !== true).map(({ name }) => name);
  return {
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

function closedGates({ spec, status }: Pod): Reason | undefined {
  const closed = (spec.readinessGates ?? [])
    .map(({ conditionType }) => conditionType)
    .filter((gate) => !status?.conditions?.some((one) => one.type === gate && one.status === 'True'));
  return closed.length === 0
    ? undefined
    : {
        reason: 'ReadinessGatesNotReady',
        message: `the status of pod readiness gate "${closed.join('", "')}" is not "True"`,
      };
}

/** `null` times of the builtin kinds become absent ones. */
function plain(condition: Condition): Condition {
  return Object.fromEntries(
    Object.entries(condition).filter(([, value]) => value !== null),
  ) as unknown as Condition;
}
