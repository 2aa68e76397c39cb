/** What is to be done about a pod's containers now, from what they are. Pure. */
import type { Container, EphemeralContainer, Pod } from '#api/core/pod.ts';
import type { ContainerView } from '#drivers/pod/driver.ts';

/** What probes have said of a running container, by its run's id. */
export interface ProbeView {
  /** Startup probe passed, or there is none. */
  readonly started: boolean;
  readonly ready: boolean;
}

/** What a plan is made from. */
export interface PlanInput {
  readonly pod: Pod;
  /** Of this pod, oldest first in each container. */
  readonly views: readonly ContainerView[];
  readonly probes: ReadonlyMap<string, ProbeView>;
  /** Runs that ended for a resize: no end in the sense of the pod's restart policy. */
  readonly resized?: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A container that waits for its time to be started again. */
export interface BackOff {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** The whole delay in seconds. */
  readonly seconds: number;
}

/** What to do. */
export interface Plan {
  /** Containers to be started, with the number of the run; ephemeral ones among them. */
  readonly start: readonly { readonly container: Container | EphemeralContainer; readonly attempt: number }[];
  readonly backOff: readonly BackOff[];
  /** Init containers are all through. */
  readonly initialized: boolean;
  /** Set when the pod is over: nothing is started any more. */
  readonly over: 'Succeeded' | 'Failed' | undefined;
}

const firstDelay = 10;
const longestDelay = 300;
/** A run this long (milliseconds) makes the next delay short again. */
const healthyRun = 600_000;

/** True for init containers that go on beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** The latest run of a container. */
export function latest(views: readonly ContainerView[], name: string): ContainerView | undefined {
  return views.findLast(({ container }) => container.name === name);
}

/** Every container of a pod, of all three lists. */
export function containersOf({ spec }: Pod): readonly (Container | EphemeralContainer)[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

/** Makes the plan. */
export function planPod(input: PlanInput): Plan {
  const plan = planOwn(input);
  if (plan.over !== undefined) {
    return plan;
  }
  // They run once, whatever the pod waits for.
  const added = (input.pod.spec.ephemeralContainers ?? [])
    .filter(({ name }) => latest(input.views, name) === undefined)
    .map((container) => ({ container, attempt: 0 }));
  return { ...plan, start: [...plan.start, ...added] };
}

function planOwn(input: PlanInput): Plan {
  const { pod, views } = input;
  const start: Plan['start'][number][] = [];
  const backOff: BackOff[] = [];
  const consider = (container: Container, restart: boolean): void => {
    const last = latest(views, container.name);
    if (last === undefined) {
      start.push({ container, attempt: 0 });
    } else if (isResized(input, last)) {
      start.push({ container, attempt: last.container.attempt + 1 });
    } else if (last.phase.type === 'exited' && restart) {
      const seconds = restartDelay(views, container.name);
      const until = last.phase.finishedAt + seconds * 1000;
      if (until > input.now) backOff.push({ name: container.name, until, seconds });
      else start.push({ container, attempt: last.container.attempt + 1 });
    }
  };
  for (const container of pod.spec.initContainers ?? []) {
    const last = latest(views, container.name);
    const isDone = isSidecar(container) ? isStarted(input, last) : isSucceeded(last);
    if (isSidecar(container)) {
      consider(container, true);
    } else if (!isDone) {
      if (last?.phase.type === 'exited' && pod.spec.restartPolicy === 'Never') {
        return { start: [], backOff: [], initialized: false, over: 'Failed' };
      }
      consider(container, true);
    }
    if (!isDone) {
      return { start, backOff, initialized: false, over: undefined };
    }
  }
  const over = outcome(input);
  if (over !== undefined) {
    return { start: [], backOff: [], initialized: true, over };
  }
  for (const container of pod.spec.containers) {
    const last = latest(views, container.name);
    const policy = pod.spec.restartPolicy ?? 'Always';
    consider(container, policy === 'Always' || (policy === 'OnFailure' && !isSucceeded(last)));
  }
  return { start, backOff, initialized: true, over: undefined };
}

/** Milliseconds until the pod's deadline; undefined when it has none. */
export function timeLeft({ spec, status }: Pod, now: number): number | undefined {
  const start = status?.startTime ?? undefined;
  return spec.activeDeadlineSeconds === undefined || start === undefined
    ? undefined
    : Date.parse(start) + spec.activeDeadlineSeconds * 1000 - now;
}

function isStarted({ probes }: PlanInput, view: ContainerView | undefined): boolean {
  return view?.phase.type === 'running' && (probes.get(view.id)?.started ?? true);
}

function isResized({ resized }: PlanInput, view: ContainerView): boolean {
  return view.phase.type === 'exited' && resized?.has(view.id) === true;
}

function isSucceeded(view: ContainerView | undefined): boolean {
  return view?.phase.type === 'exited' && view.phase.exitCode === 0;
}

/** How a pod ended whose containers are all over for good. */
function outcome(input: PlanInput): Plan['over'] {
  const { pod, views } = input;
  const policy = pod.spec.restartPolicy ?? 'Always';
  if (policy === 'Always') {
    return undefined;
  }
  const lasts = pod.spec.containers.map(({ name }) => latest(views, name));
  if (!lasts.every((view) => view?.phase.type === 'exited' && !isResized(input, view))) {
    return undefined;
  }
  if (lasts.every(isSucceeded)) {
    return 'Succeeded';
  }
  return policy === 'Never' ? 'Failed' : undefined;
}

/**
 * Seconds between the end of a container's latest run and its next: none before the first restart, then 10, 20, 40 … 300,
 * as kubelet. A long run starts the series again.
 */
export function restartDelay(views: readonly ContainerView[], name: string): number {
  const last = latest(views, name);
  if (last === undefined || last.phase.type !== 'exited') {
    return 0;
  }
  const { startedAt, finishedAt } = last.phase;
  const ran = startedAt === undefined ? 0 : finishedAt - startedAt;
  const { attempt } = last.container;
  return attempt === 0 || ran >= healthyRun ? 0 : Math.min(firstDelay * 2 ** (attempt - 1), longestDelay);
}
