/** Containers of plain pods: started, watched, ended and reported. One object for all pods; passes of one pod never overlap. */
import { type Pod, pod as podKind } from '#api/core/pod.ts';
import type { ContainerView } from '#drivers/pod/driver.ts';
import type { ReconcileResult } from '#machinery/controller.ts';
import { isNotFound } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { type NetworkStatus, networkStatusAnnotation } from '../selection.ts';
import { composeContainer } from './compose-container.ts';
import { Endings } from './endings.ts';
import { composeEtc } from './etc-files.ts';
import type { PodFacts } from './fields.ts';
import type { PlainPodsOptions, PlainSandbox } from './plain-options.ts';
import { type Plan, planPod, timeLeft } from './plan.ts';
import { Prober } from './prober.ts';
import { ensureProcessTable, isOfManifest } from './process-table.ts';
import { endedForResize, podLimitsMeanwhile } from './resize.ts';
import { Resizer } from './resizer.ts';
import { followsObjects, gatherSources } from './sources.ts';
import { type ImageTries, Starter } from './starter.ts';
import { plainStatus, type StatusInput, type Waiting } from './status.ts';
import { PodTokens } from './tokens.ts';
import { composeVolumes } from './volumes.ts';

interface Memory {
  waiting: ReadonlyMap<string, Waiting>;
  /** Containers whose image could not be had, and when to look again. */
  readonly images: ImageTries;
}

/** Milliseconds after which volumes of ConfigMaps, Secrets and tokens are looked at again. */
const refreshMs = 60_000;
const keptRuns = 2;

/** Brings containers of plain pods to what the API says. */
export class PlainPods {
  readonly #options: PlainPodsOptions;
  readonly #prober: Prober;
  readonly #endings: Endings;
  readonly #starter: Starter;
  readonly #tokens: PodTokens;
  readonly #resizer: Resizer;
  readonly #memory = new Map<string, Memory>();
  readonly #pods = new Map<string, Pod>();

  constructor(options: PlainPodsOptions) {
    this.#options = options;
    const { driver, clock, wake, events } = options;
    this.#tokens = new PodTokens(options.client, clock);
    this.#endings = new Endings({ driver, clock, wake });
    const end = (found: Pod, view: ContainerView) => this.#endings.end(found, view);
    this.#resizer = new Resizer({ ...options, end });
    this.#starter = new Starter(options, end);
    this.#prober = new Prober({
      driver,
      clock,
      changed: wake,
      failed: (view, kind, message, isLast) => {
        const found = this.#pods.get(view.container.podUid);
        if (found === undefined) return;
        const about = referable(podKind, found);
        events.event(about, 'Warning', 'Unhealthy', `${kind} probe failed: ${message}`);
        if (isLast && this.#endings.end(found, view)) {
          const what = `Container ${view.container.name} failed ${kind.toLowerCase()} probe, will be restarted`;
          events.event(about, 'Normal', 'Killing', what);
        }
      },
    });
    driver.onChange(wake);
  }

  /** One pass over a pod that is to run. */
  async run(found: Pod, sandbox: PlainSandbox): Promise<ReconcileResult | undefined> {
    const uid = found.metadata.uid ?? '';
    this.#pods.set(uid, found);
    const memory = this.#memoryOf(uid);
    const deadline = timeLeft(found, this.#options.clock.now());
    if (deadline !== undefined && deadline <= 0) {
      return this.#exceed(found, sandbox);
    }
    const allocated = this.#resizer.admit(found, this.#views(uid));
    await this.#resizer.apply(allocated, () => this.#views(uid));
    memory.waiting = await this.#startAll(allocated, sandbox, this.#plan(allocated), memory);
    await this.#prune(uid);
    const views = this.#views(uid);
    this.#prober.sync(found, views, this.#podIPs(found, sandbox)[0] ?? '');
    await this.#report(found, { networks: sandbox.networks });
    const next = this.#nextLook(allocated, deadline, memory);
    return next === undefined ? undefined : { requeueAfter: next };
  }

  /** Tells what keeps a pod from having its sandbox. */
  async hold(found: Pod, why: Waiting, networks: readonly NetworkStatus[] | undefined): Promise<void> {
    const memory = this.#memoryOf(found.metadata.uid ?? '');
    memory.waiting = new Map(found.spec.containers.map(({ name }) => [name, why]));
    await this.#report(found, { networks });
  }

  /** Ends everything of a pod that is being deleted. Milliseconds to wait; 0 when nothing runs any more. */
  async terminate(found: Pod): Promise<number> {
    const uid = found.metadata.uid ?? '';
    this.#pods.set(uid, found);
    this.#prober.forget(uid);
    const running = this.#views(uid).filter(({ phase }) => phase.type !== 'exited');
    if (running.length === 0) {
      return 0;
    }
    const { clock, events } = this.#options;
    const due = Date.parse(found.metadata.deletionTimestamp ?? '');
    for (const view of running) {
      if (this.#endings.end(found, view, due)) {
        const what = `Stopping container ${view.container.name}`;
        events.event(referable(podKind, found), 'Normal', 'Killing', what);
      }
    }
    return Math.max(10, Math.min(due - clock.now(), 1000));
  }

  /** Ends what still runs of a pod that is over, and keeps its logs until the pod is deleted. */
  async settle(uid: string): Promise<void> {
    this.#prober.forget(uid);
    for (const { id, phase } of this.#options.driver.list(uid)) {
      if (phase.type !== 'exited') await this.#options.driver.signal(id, 'KILL');
    }
  }

  /** Removes everything of a pod. */
  async remove(uid: string): Promise<void> {
    this.#prober.forget(uid);
    this.#endings.forget(uid);
    this.#tokens.forget(uid);
    this.#resizer.forget(uid);
    if (this.#options.driver.pods().includes(uid)) {
      await this.#options.driver.removePod(uid);
    }
    this.#memory.delete(uid);
    this.#pods.delete(uid);
  }

  close(): void {
    this.#prober.close();
    this.#endings.close();
  }

  #views(uid: string): readonly ContainerView[] {
    return this.#options.driver.list(uid).filter(isOfManifest);
  }

  #memoryOf(uid: string): Memory {
    const known = this.#memory.get(uid) ?? { waiting: new Map(), images: new Map() };
    this.#memory.set(uid, known);
    return known;
  }

  #plan(found: Pod): Plan {
    const views = this.#views(found.metadata.uid ?? '');
    const { clock } = this.#options;
    const resized = endedForResize(found, views);
    return planPod({ pod: found, views, probes: this.#prober.views(views), resized, now: clock.now() });
  }

  async #startAll(
    found: Pod,
    sandbox: PlainSandbox,
    plan: Plan,
    memory: Memory,
  ): Promise<ReadonlyMap<string, Waiting>> {
    const waiting = new Map<string, Waiting>();
    if (plan.start.length === 0 && !followsObjects(found)) {
      return waiting;
    }
    const facts = this.#facts(found, sandbox);
    const readers = { client: this.#options.client, tokens: this.#tokens };
    try {
      const sources = await gatherSources(found, readers, plan.start.length > 0);
      const uid = found.metadata.uid ?? '';
      const volumes = await this.#options.driver.prepareVolumes(
        uid,
        composeVolumes({ pod: found, facts, sources }),
      );
      const limits = podLimitsMeanwhile(found, this.#views(uid));
      if (limits !== undefined && plan.start.length > 0) {
        await this.#options.driver.limitPod(uid, limits);
      }
      const etc = await this.#options.driver.prepareEtc(
        uid,
        composeEtc(found, facts.podIPs, this.#options.names),
      );
      const table =
        plan.start.length === 0
          ? undefined
          : await ensureProcessTable(this.#options.driver, found, sandbox.netns);
      await Promise.all(
        plan.start.map(async ({ container, attempt }) => {
          const why = await this.#starter.start(found, container, memory.images, (image) =>
            composeContainer({
              pod: found,
              container,
              attempt,
              netns: sandbox.netns,
              facts,
              sources,
              image,
              volumes,
              etc,
              views: this.#views(uid),
              table,
            }),
          );
          if (why !== undefined) waiting.set(container.name, why);
        }),
      );
    } catch (error) {
      const why = this.#starter.tell(found, undefined, error);
      for (const { container } of plan.start) waiting.set(container.name, why);
    }
    return waiting;
  }

  /** Only the last runs of each container are kept. */
  async #prune(uid: string): Promise<void> {
    const groups = Map.groupBy(this.#options.driver.list(uid), ({ container }) => container.name);
    for (const views of groups.values()) {
      for (const { id } of views.slice(0, -keptRuns)) await this.#options.driver.remove(id);
    }
  }

  #podIPs({ spec }: Pod, { networks }: PlainSandbox): readonly string[] {
    return spec.hostNetwork === true ? this.#options.hostIPs : (networks[0]?.ips ?? []);
  }

  #facts(found: Pod, sandbox: PlainSandbox): PodFacts {
    const { hostIPs, cpus, memory, client } = this.#options;
    return { podIPs: this.#podIPs(found, sandbox), hostIPs, apiServer: client.server, cpus, memory };
  }

  async #exceed(found: Pod, sandbox: PlainSandbox): Promise<undefined> {
    await this.settle(found.metadata.uid ?? '');
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#options.events.event(referable(podKind, found), 'Warning', 'DeadlineExceeded', message);
    await this.#report(found, { networks: sandbox.networks, ended: { reason: 'DeadlineExceeded', message } });
    return undefined;
  }

  #nextLook(found: Pod, deadline: number | undefined, memory: Memory): number | undefined {
    const now = this.#options.clock.now();
    const { backOff, start } = this.#plan(found);
    const resize = this.#resizer.nextLook(found.metadata.uid ?? '');
    const times = [
      ...(resize === undefined ? [] : [resize]),
      ...(deadline === undefined ? [] : [deadline]),
      ...backOff.map(({ until }) => until - now),
      // A ConfigMap or an image may come at any time, and nobody tells us.
      ...(memory.waiting.size > 0 ? [2_000] : start.length > 0 ? [10] : []),
      ...(followsObjects(found) ? [refreshMs] : []),
    ];
    return times.length === 0 ? undefined : Math.max(10, Math.min(...times));
  }

  async #report(found: Pod, given: Pick<StatusInput, 'networks' | 'ended'>): Promise<void> {
    const { client, clock, hostIPs } = this.#options;
    const { name, namespace, uid = '' } = found.metadata;
    const views = this.#views(uid);
    const allocated = this.#resizer.admit(found, views);
    const status = plainStatus({
      pod: allocated,
      views,
      plan: this.#plan(allocated),
      resize: this.#resizer.conditions(found),
      probes: this.#prober.views(views),
      waiting: this.#memoryOf(uid).waiting,
      hostIPs,
      now: clock.now(),
      ...given,
    });
    // Empty in the network of the node.
    const annotation = given.networks?.[0] === undefined ? undefined : JSON.stringify(given.networks);
    const isNew =
      annotation !== undefined && found.metadata.annotations?.[networkStatusAnnotation] !== annotation;
    const metadata = isNew ? { annotations: { [networkStatusAnnotation]: annotation } } : undefined;
    const patch = statusPatch(found.status, status, { metadata });
    if (patch !== undefined) {
      await client
        .patch(podKind, { name, namespace }, patch, { subresource: 'status' })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
    }
  }
}
