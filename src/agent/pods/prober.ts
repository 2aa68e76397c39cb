/** Runs the probes of running containers, each in its own rhythm, and tells when their word changes. */
import type { Container, Pod } from '#api/core/pod.ts';
import type { ContainerDriver, ContainerView } from '#drivers/pod/driver.ts';
import type { Clock } from '#machinery/clock.ts';
import { containersOf, type ProbeView } from './plan.ts';
import { runHandler } from './probe-run.ts';

/** What the prober works with. */
export interface ProberOptions {
  readonly driver: ContainerDriver;
  readonly clock: Clock;
  /** What is known of a container changed. */
  readonly changed: (podUid: string) => void;
  /** A probe failed once; `isLast` when the container is to be ended for it. */
  readonly failed: (view: ContainerView, kind: ProbeKind, message: string, isLast: boolean) => void;
}

export type ProbeKind = 'Startup' | 'Liveness' | 'Readiness';
type Probe = NonNullable<Container['livenessProbe']>;

interface Worker {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  successes: number;
  failures: number;
  cancel: () => void;
}

interface Probed {
  readonly podUid: string;
  readonly view: ContainerView;
  readonly container: Container;
  readonly podIP: string;
  readonly workers: Worker[];
  started: boolean;
  ready: boolean;
}

/** The prober. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #probed = new Map<string, Probed>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Probes what runs of a pod now, and nothing else of it. */
  sync(pod: Pod, views: readonly ContainerView[], podIP: string): void {
    const podUid = pod.metadata.uid ?? '';
    const running = new Map(
      views.filter(({ phase }) => phase.type === 'running').map((view) => [view.id, view]),
    );
    for (const [id, probed] of this.#probed) {
      if (probed.podUid === podUid && !running.has(id)) this.#stop(id);
    }
    for (const [id, view] of running) {
      const container = containersOf(pod).find(({ name }) => name === view.container.name);
      if (container !== undefined && !this.#probed.has(id)) this.#begin(podUid, view, container, podIP);
    }
  }

  /** What probes have said, by run. */
  views(views: readonly ContainerView[]): ReadonlyMap<string, ProbeView> {
    return new Map(
      views.flatMap(({ id }) => {
        const probed = this.#probed.get(id);
        return probed === undefined ? [] : [[id, { started: probed.started, ready: probed.ready }] as const];
      }),
    );
  }

  /** Stops probing a pod. */
  forget(podUid: string): void {
    for (const [id, probed] of this.#probed) {
      if (probed.podUid === podUid) this.#stop(id);
    }
  }

  close(): void {
    for (const id of [...this.#probed.keys()]) this.#stop(id);
  }

  #stop(id: string): void {
    for (const worker of this.#probed.get(id)?.workers ?? []) worker.cancel();
    this.#probed.delete(id);
  }

  #begin(podUid: string, view: ContainerView, container: Container, podIP: string): void {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    const probed: Probed = {
      podUid,
      view,
      container,
      podIP,
      workers: [],
      started: startupProbe === undefined,
      ready: startupProbe === undefined && readinessProbe === undefined,
    };
    this.#probed.set(view.id, probed);
    if (startupProbe !== undefined) {
      this.#work(probed, 'Startup', startupProbe);
    } else {
      this.#workOn(probed, livenessProbe, readinessProbe);
    }
  }

  #workOn(probed: Probed, liveness: Probe | undefined, readiness: Probe | undefined): void {
    if (liveness !== undefined) this.#work(probed, 'Liveness', liveness);
    if (readiness !== undefined) this.#work(probed, 'Readiness', readiness);
  }

  #work(probed: Probed, kind: ProbeKind, probe: Probe): void {
    const worker: Worker = { kind, probe, successes: 0, failures: 0, cancel: () => undefined };
    probed.workers.push(worker);
    this.#later(probed, worker, (probe.initialDelaySeconds ?? 0) * 1000);
  }

  #later(probed: Probed, worker: Worker, ms: number): void {
    worker.cancel = this.#options.clock.setTimer(() => void this.#try(probed, worker), ms);
  }

  async #try(probed: Probed, worker: Worker): Promise<void> {
    const { driver, failed } = this.#options;
    const { view, container, podIP } = probed;
    const { probe, kind } = worker;
    const timeoutMs = Math.max(1, probe.timeoutSeconds ?? 1) * 1000;
    const { passed, message } = await runHandler({ driver, view, container, podIP }, probe, timeoutMs);
    if (this.#probed.get(view.id) !== probed) {
      return;
    }
    worker.successes = passed ? worker.successes + 1 : 0;
    worker.failures = passed ? 0 : worker.failures + 1;
    const isDown = worker.failures >= (probe.failureThreshold ?? 3);
    if (!passed) {
      failed(view, kind, message, isDown && kind !== 'Readiness');
    }
    if (worker.successes >= (probe.successThreshold ?? 1)) this.#passed(probed, kind);
    else if (isDown && kind === 'Readiness' && probed.ready) this.#setReady(probed, false);
    if (kind !== 'Startup' || !probed.started) {
      this.#later(probed, worker, Math.max(1, probe.periodSeconds ?? 10) * 1000);
    }
  }

  #passed(probed: Probed, kind: ProbeKind): void {
    if (kind === 'Readiness' && !probed.ready) {
      this.#setReady(probed, true);
    } else if (kind === 'Startup' && !probed.started) {
      probed.started = true;
      const { livenessProbe, readinessProbe } = probed.container;
      this.#setReady(probed, readinessProbe === undefined);
      this.#workOn(probed, livenessProbe, readinessProbe);
    }
  }

  #setReady(probed: Probed, ready: boolean): void {
    probed.ready = ready;
    this.#options.changed(probed.podUid);
  }
}
