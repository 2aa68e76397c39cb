/** Carries out resizes of pods: takes them on while there is room, changes limits, restarts what wants it, and tells. */
import { type Container, type Pod, pod as podKind } from '#api/core/pod.ts';
import type { ContainerDriver, ContainerView } from '#drivers/pod/driver.ts';
import type { ConditionClaim } from '#machinery/conditions.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { type EventRecorder, referable } from '#machinery/events.ts';
import type { PodLimits } from '#node-state/container.ts';
import { composePodLimits, composeResources } from './compose-resources.ts';
import {
  type Amounts,
  allocate,
  amountsOf,
  lastAllocated,
  type PendingResize,
  podLimitsMeanwhile,
  stepsOf,
} from './resize.ts';

/** What it works with. */
export interface ResizerOptions {
  readonly driver: ContainerDriver;
  readonly events: EventRecorder;
  /** All pods of the node. */
  readonly pods: () => readonly Pod[];
  /** Of the node, for pods: cores and bytes. */
  readonly cpus: number;
  readonly memory: number;
  /** Begins to end a run; false when it is being ended already. */
  readonly end: (pod: Pod, view: ContainerView) => boolean;
  /** Asks for a pass over a pod. */
  readonly wake: (podUid: string) => void;
}

/** How a pod's resize stands. */
interface Standing {
  /** The pod with what is set aside for it. */
  readonly allocated: Pod;
  readonly pending?: PendingResize | undefined;
  /** Why limits could not be changed. */
  readonly error?: string | undefined;
  /** Generation of the resize that was taken on last, and whether it goes on. */
  readonly generation?: number | undefined;
  readonly isOpen: boolean;
}

/** Milliseconds until a resize that found no room, or failed, is tried again when nothing else makes it. */
const deferredMs = 10_000;
const failedMs = 5_000;

/** The resizer. */
export class Resizer {
  readonly #options: ResizerOptions;
  readonly #standings = new Map<string, Standing>();

  constructor(options: ResizerOptions) {
    this.#options = options;
  }

  /** The pod with the resources that are set aside for it, which are those asked for when there is room. */
  admit(found: Pod, views: readonly ContainerView[]): Pod {
    const { uid = '', generation } = found.metadata;
    const last = this.#standings.get(uid);
    const room = () => ({ allocatable: this.#allocatable(), used: this.#usedBesides(uid) });
    const { pod: allocated, isNew, pending } = allocate(found, views, room);
    const isBegun = isNew && last?.generation !== generation;
    this.#standings.set(uid, {
      allocated,
      pending,
      error: isBegun ? undefined : last?.error,
      generation: isBegun ? generation : last?.generation,
      isOpen: isBegun || last?.isOpen === true,
    });
    if (isBegun) {
      this.#tell(found, 'Normal', 'ResizeStarted', 'started', found);
    }
    if (pending !== undefined && pending.message !== last?.pending?.message) {
      this.#tell(found, 'Warning', `Resize${pending.reason}`, pending.reason, found, pending.message);
    }
    return allocated;
  }

  /** Gives running containers what is set aside for them; `list` tells how they are. */
  async apply(allocated: Pod, list: () => readonly ContainerView[]): Promise<void> {
    const uid = allocated.metadata.uid ?? '';
    const steps = stepsOf(allocated, list());
    let error =
      steps.length === 0 ? undefined : await this.#limitPod(allocated, podLimitsMeanwhile(allocated, list()));
    for (const { container, view, restart } of steps) {
      if (restart) {
        this.#restart(allocated, container, view);
      } else {
        error = (await this.#update(allocated, container, view)) ?? error;
      }
    }
    const isOpen = stepsOf(allocated, list()).length > 0;
    if (steps.length > 0 && !isOpen) {
      error = (await this.#limitPod(allocated, composePodLimits(allocated))) ?? error;
    }
    const standing = this.#standings.get(uid);
    if (standing === undefined) {
      return;
    }
    this.#standings.set(uid, { ...standing, error, isOpen });
    if (error !== undefined && error !== standing.error) {
      this.#tell(allocated, 'Warning', 'ResizeError', 'error', allocated, error);
    }
    if (standing.isOpen && !isOpen) {
      this.#tell(allocated, 'Normal', 'ResizeCompleted', 'completed', allocated);
      this.#wakeDeferred();
    }
  }

  /** Conditions that hold; of these types no others do. */
  conditions({ metadata: { uid = '', generation } }: Pod): readonly ConditionClaim[] {
    const { pending, error, isOpen = false, generation: begun } = this.#standings.get(uid) ?? {};
    const seen = (of: number | undefined) => (of === undefined ? {} : { observedGeneration: of });
    return [
      ...(pending === undefined
        ? []
        : [{ type: 'PodResizePending', status: 'True', ...pending, ...seen(generation) } as const]),
      ...(isOpen || error !== undefined
        ? [
            {
              type: 'PodResizeInProgress',
              status: 'True',
              ...(error !== undefined && { reason: 'Error', message: error }),
              ...seen(begun ?? generation),
            } as const,
          ]
        : []),
    ];
  }

  /** Milliseconds until a pass is wanted; undefined when none is. */
  nextLook(uid: string): number | undefined {
    const { pending, error } = this.#standings.get(uid) ?? {};
    return error !== undefined ? failedMs : pending?.reason === 'Deferred' ? deferredMs : undefined;
  }

  /** The pod needs nothing any more: others may have what it had. */
  forget(uid: string): void {
    this.#standings.delete(uid);
    this.#wakeDeferred();
  }

  #restart(found: Pod, { name }: Container, view: ContainerView): void {
    if (this.#options.end(found, view)) {
      const what = `Container ${name} resize requires restart`;
      this.#options.events.event(referable(podKind, found), 'Normal', 'Killing', what);
    }
  }

  /** Why it could not be done; one that ended meanwhile gets its limits with its next run. */
  async #update({ spec }: Pod, container: Container, { id }: ContainerView): Promise<string | undefined> {
    try {
      await this.#options.driver.updateResources(id, composeResources(container, spec));
      return undefined;
    } catch (error) {
      return error instanceof PatchbayError && error.reason === 'ContainerNotRunning'
        ? undefined
        : `container "${container.name}": ${messageOf(error)}`.slice(0, 1000);
    }
  }

  /** Why it could not be done. */
  async #limitPod({ metadata }: Pod, limits: PodLimits | undefined): Promise<string | undefined> {
    try {
      if (limits !== undefined) await this.#options.driver.limitPod(metadata.uid ?? '', limits);
      return undefined;
    } catch (error) {
      return `pod: ${messageOf(error)}`.slice(0, 1000);
    }
  }

  #allocatable(): Amounts {
    return { cpu: this.#options.cpus * 1000, memory: Math.floor(this.#options.memory / 1024) * 1024 };
  }

  /** What was promised here counts at once, before the API has it. */
  #usedBesides(uid: string): Amounts {
    const others = this.#options
      .pods()
      .filter(({ metadata, status }) => metadata.uid !== uid && !isOver(status?.phase))
      .map((one) => amountsOf(this.#standings.get(one.metadata.uid ?? '')?.allocated ?? lastAllocated(one)));
    return {
      cpu: others.reduce((sum, { cpu }) => sum + cpu, 0),
      memory: others.reduce((sum, { memory }) => sum + memory, 0),
    };
  }

  #wakeDeferred(): void {
    for (const [uid, { pending }] of this.#standings) {
      if (pending?.reason === 'Deferred') this.#options.wake(uid);
    }
  }

  /** Kubelet's events: what is asked for or set aside, as JSON. */
  #tell(
    found: Pod,
    type: 'Normal' | 'Warning',
    reason: string,
    word: string,
    { metadata, spec }: Pod,
    error?: string,
  ): void {
    const listed = (containers: readonly Container[]) =>
      containers.map(({ name, resources: { limits, requests } = {} }) => ({
        name,
        resources: { limits, requests },
      }));
    const { initContainers = [], containers } = spec;
    const told = {
      ...(initContainers.length > 0 && { initContainers: listed(initContainers) }),
      containers: listed(containers),
      generation: metadata.generation,
      error,
    };
    const what = `Pod resize ${word}: ${JSON.stringify(told)}`.slice(0, 1000);
    this.#options.events.event(referable(podKind, found), type, reason, what);
  }
}

function isOver(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}
