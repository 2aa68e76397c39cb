/**
 * Resizes of pods: what the node takes on, and what is left to be done for it. Pure. Kubelet's `allocation` and
 * `kuberuntime_manager_resize`. What is set aside for a container is what its run has; of one that does not run, what was told
 * of it last: nothing else has to be kept for the next agent process.
 */
import { milliOf, unitsOf, zero } from '#api/amount.ts';
import { type Resizable, resizable, restartsFor } from '#api/core/admission/resize-policy.ts';
import type { Container, ContainerStatus, Pod } from '#api/core/pod.ts';
import { podRequests } from '#api/core/pod-resources.ts';
import type { ContainerView } from '#drivers/pod/driver.ts';
import { milliValue, wholeValue } from '#machinery/quantity.ts';
import type { PodLimits, ResourceAmounts } from '#node-state/container.ts';
import { composePodLimits, composeResources } from './compose-resources.ts';
import { latest } from './plan.ts';

/** Requests and limits by resource. */
export interface Requirements {
  readonly requests?: ResourceAmounts | undefined;
  readonly limits?: ResourceAmounts | undefined;
}

/** CPU in thousandths, memory in bytes. */
export type Amounts = Readonly<Record<Resizable, number>>;

/** What a resize waits for. */
export interface PendingResize {
  /** `Infeasible`: the node could never hold it; `Deferred`: it has no room now. */
  readonly reason: 'Infeasible' | 'Deferred';
  readonly message: string;
}

/** What the node takes on. */
export interface Allocation {
  /** The pod with the resources that are set aside for its containers. */
  readonly pod: Pod;
  /** True when that is more or less than before. */
  readonly isNew: boolean;
  readonly pending?: PendingResize;
}

/** Room on the node. */
export interface Room {
  readonly allocatable: Amounts;
  /** Requests of all other pods. */
  readonly used: Amounts;
}

/** A running container whose limits are not what is set aside for it. */
export interface ResizeStep {
  readonly container: Container;
  readonly view: ContainerView;
  /** Its policy wants it restarted for that. */
  readonly restart: boolean;
}

/** Decides whether the node takes a pod's resources on as they are asked for: all of them or none. `room` is asked when they differ. */
export function allocate(pod: Pod, views: readonly ContainerView[], room: () => Room): Allocation {
  const before = withResources(pod, (container) => allocatedOf(pod, container, views));
  if (
    containersOf(pod).every((container) => differences(container, findIn(before, container)).length === 0)
  ) {
    return { pod, isNew: false };
  }
  const pending = obstacle(amountsOf(pod), amountsOf(before), room());
  return pending === undefined ? { pod, isNew: true } : { pod: before, isNew: false, pending };
}

/** Why more does not fit, in kubelet's words. Less always fits, also on a node that was given too much. */
function obstacle(asked: Amounts, before: Amounts, { allocatable, used }: Room): PendingResize | undefined {
  const raised = resizable.filter((name) => asked[name] > before[name]);
  // Kubelet looks at memory first here, and last where others stand in the way.
  const never = raised.findLast((name) => asked[name] > allocatable[name]);
  if (never !== undefined) {
    const what = `${never}, requested: ${asked[never]}, capacity: ${allocatable[never]}`;
    return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${what}` };
  }
  const now = raised.find((name) => asked[name] + used[name] > allocatable[name]);
  if (now === undefined) {
    return undefined;
  }
  const what = `${now}, requested: ${asked[now]}, used: ${used[now]}, capacity: ${allocatable[now]}`;
  return { reason: 'Deferred', message: `Node didn't have enough resource: ${what}` };
}

/** What a pod's requests take of the node, as they stand in its spec. */
export function amountsOf(pod: Pod): Amounts {
  const requests = podRequests(pod);
  return { cpu: milliOf(requests.get('cpu') ?? zero), memory: unitsOf(requests.get('memory') ?? zero) };
}

/** The pod with what was told to be set aside for it. */
export function lastAllocated(pod: Pod): Pod {
  return withResources(pod, (container) => {
    const requests = toldOf(pod, container.name)?.allocatedResources;
    return { ...container.resources, ...(requests !== undefined && { requests }) };
  });
}

/** Steps that are left until every running container has what is set aside for it. */
export function stepsOf(allocated: Pod, views: readonly ContainerView[]): readonly ResizeStep[] {
  return containersOf(allocated).flatMap((container) => {
    const view = latest(views, container.name);
    if (view?.phase.type !== 'running') return [];
    const changed = differences(container, { resources: actualOf(view, container) });
    return changed.length === 0
      ? []
      : [{ container, view, restart: changed.some((name) => restartsFor(container, name)) }];
  });
}

/** Limits of a pod as a whole while its containers get theirs: room for what they have and for what they will have. */
export function podLimitsMeanwhile(allocated: Pod, views: readonly ContainerView[]): PodLimits | undefined {
  const actual = withResources(allocated, (container) => {
    const view = latest(views, container.name);
    return view?.phase.type === 'running' ? actualOf(view, container) : (container.resources ?? {});
  });
  const [before, after] = [composePodLimits(actual), composePodLimits(allocated)];
  if (before === undefined || after === undefined) {
    return undefined;
  }
  const both = (['cpuShares', 'cpuQuota', 'memory'] as const).flatMap((name) => {
    const [a, b] = [before[name], after[name]];
    return a === undefined || b === undefined ? [] : [[name, Math.max(a, b)] as const];
  });
  return Object.fromEntries(both);
}

/**
 * Runs that ended because a resize asked for it: they are started again at once, whatever the pod's restart policy is. The API
 * does not know of the end yet.
 */
export function endedForResize(allocated: Pod, views: readonly ContainerView[]): ReadonlySet<string> {
  const ended = containersOf(allocated).flatMap((container) => {
    const view = latest(views, container.name);
    const told = toldOf(allocated, container.name);
    const isNews = told?.state?.running !== undefined && told.containerID?.endsWith(`/${view?.id}`) === true;
    if (view?.phase.type !== 'exited' || !isNews) return [];
    const changed = differences(container, { resources: actualOf(view, container) });
    return changed.some((name) => restartsFor(container, name)) ? [view.id] : [];
  });
  return new Set(ended);
}

/** Resources in force in a run; one from before they were written down has those of the manifest if its limits are theirs. */
export function actualOf({ container: { resources } }: ContainerView, container: Container): Requirements {
  if (resources?.given !== undefined) {
    return resources.given;
  }
  const composed = composeResources(container, {});
  const isSame = (['cpuShares', 'cpuQuota', 'memory'] as const).every(
    (name) => composed[name] === resources?.[name],
  );
  return isSame ? (composed.given ?? {}) : {};
}

/** Which resources of a container differ in their amounts. */
function differences(
  { resources }: Pick<Container, 'resources'>,
  { resources: other }: { readonly resources?: Requirements | undefined },
): readonly Resizable[] {
  return resizable.filter((name) => {
    const value = name === 'cpu' ? milliValue : wholeValue;
    return (['requests', 'limits'] as const).some((side) => {
      const [a, b] = [resources?.[side]?.[name], other?.[side]?.[name]];
      return a === undefined || b === undefined ? a !== b : value(a) !== value(b);
    });
  });
}

function allocatedOf(pod: Pod, container: Container, views: readonly ContainerView[]): Requirements {
  const view = latest(views, container.name);
  if (view !== undefined && view.phase.type !== 'exited') {
    return actualOf(view, container);
  }
  return (
    toldOf(pod, container.name)?.resources ?? view?.container.resources?.given ?? container.resources ?? {}
  );
}

function toldOf({ status }: Pod, name: string): ContainerStatus | undefined {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
    (one) => one.name === name,
  );
}

/** Containers that have resources: all but ephemeral ones. */
function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

function findIn(pod: Pod, { name }: Container): Container {
  return containersOf(pod).find((one) => one.name === name) ?? { name };
}

function withResources(pod: Pod, resourcesOf: (container: Container) => Requirements): Pod {
  const change = (container: Container): Container => {
    const { limits, requests } = resourcesOf(container);
    const { limits: _limits, requests: _requests, ...others } = container.resources ?? {};
    return {
      ...container,
      resources: {
        ...others,
        ...(limits !== undefined && { limits }),
        ...(requests !== undefined && { requests }),
      },
    };
  };
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(change),
      ...(initContainers !== undefined && { initContainers: initContainers.map(change) }),
    },
  };
}
