/** Runs Jobs to their end, counts their pods once, and deletes what is long over. pkg/controller/{job,ttlafterfinished}. */
import { type Job, job } from '#api/batch/job.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { findCondition, hasCondition } from '#machinery/conditions.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { referable } from '#machinery/events.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { Claims, controllerOf, ifGone, ownedIndexes, ownerKeys } from '../owned/claims.ts';
import { Pending } from '../owned/pending.ts';
import { burst, PodControl } from '../owned/pod-control.ts';
import { StatusWriter } from '../owned/status-writer.ts';
import { composeJobPod, isTracked, jobNameLabel, trackingFinalizer } from './job-pods.ts';
import { isFinished, type JobPlan, planJob } from './plan.ts';

const self = 'kubernetes.io/job-controller';

/** The Job controller. */
export function createJobController(factory: InformerFactory, deps: ControllerDeps): Controller {
  const jobs = factory.informer(job);
  const pods = factory.informer(pod, { indexes: ownedIndexes });
  const loop = new JobLoop(factory, deps, jobs, pods);
  const owners = ownerKeys(job, jobs, ({ spec }) => spec.selector);
  return {
    name: 'job',
    workers: 4,
    sources: [
      source(jobs, ({ object }) => [keyOf(object)]),
      source(pods, (event) => {
        const { object, type } = event;
        if (type === 'deleted') {
          loop.forget(object);
        }
        const named = isTracked(object) ? object.metadata.labels?.[jobNameLabel] : undefined;
        const keys = owners(event);
        return named === undefined ? keys : [...new Set([...keys, `${object.metadata.namespace}/${named}`])];
      }),
    ],
    reconcile: (key) => loop.reconcile(key),
  };
}

class JobLoop {
  readonly #client: ApiClient;
  readonly #deps: ControllerDeps;
  readonly #jobs: Informer<Job>;
  readonly #pods: Informer<Pod>;
  readonly #claims: Claims<Job, Pod>;
  readonly #pending: Pending<Pod>;
  readonly #control: PodControl<Job>;
  readonly #statuses: StatusWriter<Job>;
  /** UIDs of pods that were let go and that the informer still shows as held. */
  readonly #released = new Set<string>();

  constructor(factory: InformerFactory, deps: ControllerDeps, jobs: Informer<Job>, pods: Informer<Pod>) {
    this.#client = factory.client;
    this.#deps = deps;
    this.#jobs = jobs;
    this.#pods = pods;
    this.#claims = new Claims(factory.client, job, pod, pods);
    this.#pending = new Pending(pods, deps.clock);
    this.#control = new PodControl(factory.client, deps, job, this.#pending);
    this.#statuses = new StatusWriter(factory.client, job, true);
  }

  forget({ metadata }: Pod): void {
    this.#released.delete(metadata.uid ?? '');
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const seen = this.#jobs.get({ namespace, name });
    await this.#releaseStrays(namespace, name, seen?.metadata.uid);
    if (seen === undefined) {
      this.#statuses.forget(key);
      return undefined;
    }
    if ((seen.spec.managedBy ?? self) !== self) {
      return undefined;
    }
    const current = this.#statuses.current(seen);
    const claimed = await this.#claims.claim(current, current.spec.selector);
    if (isFinished(current) || current.metadata.deletionTimestamp !== undefined) {
      await this.#release(claimed);
      return isFinished(current) ? this.#expire(current) : undefined;
    }
    const pods = this.#pending.view(current.metadata.uid ?? '', this.#claims.refresh(current, claimed));
    const plan = planJob({ job: current, pods, now: this.#deps.clock.now() });
    return this.#apply(seen, current, pods, plan);
  }

  /** Makes and deletes pods, writes the counts, and only then lets go of the pods that the counts hold. */
  async #apply(
    seen: Job,
    current: Job,
    pods: readonly Pod[],
    { create, remove, status, wait }: JobPlan,
  ): Promise<ReconcileResult | undefined> {
    const wanted = create.slice(0, burst).map((index) => composeJobPod(current, index));
    const failures = [
      await this.#control.deleteAll(current, remove),
      await this.#control.createAll(current, wanted),
    ];
    await this.#statuses.write(seen, current, status);
    this.#tell(current, status);
    // What ended is in the counts now: as waiting, as an index, or because a rule says to ignore it.
    await this.#release(
      pods.filter(
        (one) =>
          one.status?.phase === 'Succeeded' || one.status?.phase === 'Failed' || isCounted(one, status),
      ),
    );
    const failure = failures.find((one) => one !== undefined);
    if (failure !== undefined) {
      throw failure;
    }
    return wait === undefined ? undefined : { requeueAfter: wait };
  }

  /** Pods whose Job is gone, or was replaced by another of its name, are held by nobody. */
  async #releaseStrays(namespace: string, name: string, uid: string | undefined): Promise<void> {
    const strays = this.#pods.list(namespace).filter((one) => {
      if (!isTracked(one) || one.metadata.labels?.[jobNameLabel] !== name) {
        return false;
      }
      const owner = controllerOf(one);
      return owner === undefined ? uid === undefined : owner.kind === job.kind && owner.uid !== uid;
    });
    await this.#release(strays);
  }

  async #release(pods: readonly Pod[]): Promise<void> {
    for (const one of pods) {
      const { uid = '', resourceVersion, finalizers = [] } = one.metadata;
      if (!isTracked(one) || this.#released.has(uid)) {
        continue;
      }
      const left = finalizers.filter((each) => each !== trackingFinalizer);
      const body = { metadata: { resourceVersion, finalizers: left.length === 0 ? null : left } };
      await this.#client
        .patch(pod, one.metadata, { type: 'merge', body })
        .catch((error: unknown) => ifGone(error, undefined));
      this.#released.add(uid);
    }
  }

  /** Deletes a Job that has been over for long enough. */
  async #expire({ spec, status, metadata }: Job): Promise<ReconcileResult | undefined> {
    const { ttlSecondsAfterFinished: ttl } = spec;
    if (ttl === undefined || metadata.deletionTimestamp !== undefined) {
      return undefined;
    }
    const end = findCondition(status?.conditions, 'Complete') ?? findCondition(status?.conditions, 'Failed');
    const left = Date.parse(end?.lastTransitionTime ?? '') + ttl * 1000 - this.#deps.clock.now();
    if (left > 0) {
      return { requeueAfter: left };
    }
    const preconditions = metadata.uid === undefined ? {} : { preconditions: { uid: metadata.uid } };
    await this.#client
      .delete(job, metadata, { propagationPolicy: 'Foreground', ...preconditions })
      .catch((error: unknown) => ifGone(error, undefined));
    return undefined;
  }

  #tell(owner: Job, { conditions }: Job['status'] & object): void {
    const failed = findCondition(conditions, 'Failed');
    const object = referable(job, owner);
    if (hasCondition(conditions, 'Complete')) {
      this.#deps.events.event(object, 'Normal', 'Completed', 'Job completed');
    } else if (failed !== undefined) {
      this.#deps.events.event(object, 'Warning', failed.reason ?? 'Failed', failed.message ?? '');
    }
  }
}

function isCounted({ metadata }: Pod, { uncountedTerminatedPods: waiting }: Job['status'] & object): boolean {
  const uid = metadata.uid ?? '';
  return waiting?.failed?.includes(uid) === true || waiting?.succeeded?.includes(uid) === true;
}
