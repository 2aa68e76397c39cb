/** Updates Deployments in steps. k8s.io/kubernetes/pkg/controller/deployment. */
import { type Deployment, deployment } from '#api/apps/deployment.ts';
import { type ReplicaSet, replicaSet } from '#api/apps/replica-set.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isConflict, messageOf, PatchbayError } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { Claims, controllerOf, ifGone, ownedIndexes, ownerKeys } from '../owned/claims.ts';
import { Pending } from '../owned/pending.ts';
import { StatusWriter } from '../owned/status-writer.ts';
import { sameTemplate } from '../owned/template-hash.ts';
import { composeReplicaSet, newestAnnotations, sizeAnnotations } from './revision.ts';
import { planRollout, type Step } from './rollout.ts';
import { composeDeploymentStatus, type PassNews, timeLeft } from './status.ts';
import { type DeploymentView, revisionAnnotation, viewOf, wanted } from './view.ts';

/** The Deployment controller. */
export function createDeploymentController(factory: InformerFactory, deps: ControllerDeps): Controller {
  const deployments = factory.informer(deployment);
  const sets = factory.informer(replicaSet, { indexes: ownedIndexes });
  const pods = factory.informer(pod, { indexes: ownedIndexes });
  const loop = new DeploymentLoop(factory, deps, deployments, sets, pods);
  return {
    name: 'deployment',
    workers: 4,
    sources: [
      source(deployments, ({ object }) => [keyOf(object)]),
      source(
        sets,
        ownerKeys(deployment, deployments, ({ spec }) => spec.selector),
      ),
      // Recreate waits until the last old pod is gone.
      source(pods, ({ type, object }) => (type === 'deleted' ? loop.keysOfPod(object) : [])),
    ],
    reconcile: (key) => loop.reconcile(key),
  };
}

class DeploymentLoop {
  readonly #client: ApiClient;
  readonly #deps: ControllerDeps;
  readonly #deployments: Informer<Deployment>;
  readonly #sets: Informer<ReplicaSet>;
  readonly #pods: Informer<Pod>;
  readonly #claims: Claims<Deployment, ReplicaSet>;
  readonly #pending: Pending<ReplicaSet>;
  readonly #statuses: StatusWriter<Deployment>;

  constructor(
    factory: InformerFactory,
    deps: ControllerDeps,
    deployments: Informer<Deployment>,
    sets: Informer<ReplicaSet>,
    pods: Informer<Pod>,
  ) {
    this.#client = factory.client;
    this.#deps = deps;
    this.#deployments = deployments;
    this.#sets = sets;
    this.#pods = pods;
    this.#claims = new Claims(factory.client, deployment, replicaSet, sets);
    this.#pending = new Pending(sets, deps.clock);
    this.#statuses = new StatusWriter(factory.client, deployment);
  }

  keysOfPod(gone: Pod): readonly string[] {
    const reference = controllerOf(gone);
    const { namespace } = gone.metadata;
    const set =
      reference?.kind === 'ReplicaSet' ? this.#sets.get({ name: reference.name, namespace }) : undefined;
    const owner = set === undefined ? undefined : controllerOf(set);
    return owner?.kind === 'Deployment' ? [`${namespace}/${owner.name}`] : [];
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const seen = this.#deployments.get({ namespace, name });
    if (seen === undefined) {
      this.#statuses.forget(key);
      return undefined;
    }
    const current = this.#statuses.current(seen);
    const claimed = await this.#claims.claim(current, current.spec.selector);
    const before = this.#look(current, claimed);
    const news = await this.#advance(before);
    const view = this.#look(current, this.#claims.refresh(current, claimed));
    await this.#report(seen, view, news);
    if (news.failure !== undefined) {
      throw new PatchbayError('ReplicaSetCreateError', news.failure);
    }
    const left = timeLeft({ ...view, deployment: this.#statuses.current(seen) });
    return Number.isFinite(left) ? { requeueAfter: Math.max(left, 0) + 1000 } : undefined;
  }

  #look(current: Deployment, claimed: readonly ReplicaSet[]): DeploymentView {
    const sets = this.#pending.view(current.metadata.uid ?? '', claimed);
    const podsOf = (set: ReplicaSet): readonly Pod[] =>
      this.#pods.byIndex('controller', set.metadata.uid ?? '');
    return viewOf(current, sets, podsOf, this.#deps.clock.now());
  }

  async #advance(view: DeploymentView): Promise<PassNews> {
    const { deployment: owner } = view;
    let news: PassNews = {};
    const steps = planRollout(view);
    if (
      view.newest !== undefined &&
      owner.metadata.deletionTimestamp === undefined &&
      owner.spec.paused !== true
    ) {
      await this.#annotate(view, view.newest, steps);
    }
    for (const step of steps) {
      if (step.do === 'create') {
        news = await this.#create(view, step.replicas);
      } else if (step.do === 'scale') {
        await this.#scale(view, step.set, step.replicas);
      } else {
        await this.#client
          .delete(replicaSet, step.set.metadata)
          .catch((error: unknown) => ifGone(error, undefined));
        this.#pending.deleted(step.set);
      }
    }
    return news;
  }

  /** Revision, copied annotations and minReadySeconds of the newest; goes with its next size when that changes too. */
  async #annotate(view: DeploymentView, newest: ReplicaSet, steps: readonly Step[]): Promise<void> {
    const annotations = newestAnnotations(view);
    const { minReadySeconds } = view.deployment.spec;
    const present = newest.metadata.annotations ?? {};
    const same = Object.entries(annotations).every(([name, value]) => present[name] === value);
    if (same && equal(minReadySeconds, newest.spec.minReadySeconds)) {
      return;
    }
    if (steps.some((step) => step.do === 'scale' && step.set === newest)) {
      return;
    }
    await this.#patch(newest, {
      metadata: { annotations },
      spec: { minReadySeconds: minReadySeconds ?? null },
    });
  }

  async #scale(view: DeploymentView, set: ReplicaSet, replicas: number): Promise<void> {
    const own = set === view.newest && view.deployment.spec.paused !== true ? newestAnnotations(view) : {};
    const annotations = { ...own, ...sizeAnnotations(view.deployment) };
    const { minReadySeconds } = view.deployment.spec;
    const spec = { replicas, ...(set === view.newest ? { minReadySeconds: minReadySeconds ?? null } : {}) };
    await this.#patch(set, { metadata: { annotations }, spec });
    if (replicas !== wanted(set)) {
      this.#tellScaled(view.deployment, set.metadata.name, wanted(set), replicas);
    }
  }

  /** Fenced by the version read: a size reckoned from an older one would be wrong. */
  async #patch(set: ReplicaSet, change: Readonly<Record<'metadata' | 'spec', object>>): Promise<void> {
    const { resourceVersion } = set.metadata;
    const body = { ...change, metadata: { ...change.metadata, resourceVersion } };
    await this.#client
      .patch(replicaSet, set.metadata, { type: 'merge', body })
      .catch((error: unknown) => ifGone(error, undefined));
  }

  async #create(view: DeploymentView, replicas: number): Promise<PassNews> {
    const composed = composeReplicaSet(view, replicas);
    const { deployment: owner } = view;
    try {
      const made = await this.#client.create(replicaSet, composed);
      this.#pending.made(owner.metadata.uid ?? '', made);
      if (replicas > 0) {
        this.#tellScaled(owner, made.metadata.name, 0, replicas);
      }
      return { created: made.metadata.name };
    } catch (error) {
      if (isConflict(error)) {
        return this.#resolve(owner, composed, error);
      }
      if (!(error instanceof PatchbayError)) {
        throw error;
      }
      const failure = `Failed to create new replica set "${composed.metadata.name}": ${messageOf(error)}`;
      this.#deps.events.event(referable(deployment, owner), 'Warning', 'ReplicaSetCreateError', failure);
      return { failure };
    }
  }

  /** The name is taken: by our own that the informer does not show yet, or by another template's. */
  async #resolve(owner: Deployment, composed: ReplicaSet, error: unknown): Promise<PassNews> {
    const found = await this.#client.get(replicaSet, composed.metadata);
    const ours = controllerOf(found)?.uid === owner.metadata.uid;
    if (ours && sameTemplate(found.spec.template, owner.spec.template)) {
      throw error;
    }
    return { collisionCount: (owner.status?.collisionCount ?? 0) + 1 };
  }

  async #report(seen: Deployment, view: DeploymentView, news: PassNews): Promise<void> {
    const current = view.deployment;
    const status = composeDeploymentStatus(view, news);
    const shown = view.newest?.metadata.annotations?.[revisionAnnotation];
    const stale = shown !== undefined && current.metadata.annotations?.[revisionAnnotation] !== shown;
    await this.#statuses.write(seen, current, status, stale ? { [revisionAnnotation]: shown } : undefined);
  }

  #tellScaled(owner: Deployment, name: string, from: number, to: number): void {
    const word = to > from ? 'up' : 'down';
    const message = `Scaled ${word} replica set ${name} from ${from} to ${to}`;
    this.#deps.events.event(referable(deployment, owner), 'Normal', 'ScalingReplicaSet', message);
  }
}
