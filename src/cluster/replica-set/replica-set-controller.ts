/** Keeps the pods of ReplicaSets. k8s.io/kubernetes/pkg/controller/replicaset. */
import { type ReplicaSet, replicaSet } from '#api/apps/replica-set.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import type { PatchbayError } from '#machinery/errors.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { Claims, controllerReference, ownedIndexes, ownerKeys } from '../owned/claims.ts';
import { Pending } from '../owned/pending.ts';
import { burst, PodControl } from '../owned/pod-control.ts';
import { availableIn, composePod, deletionOrder, isActive, soonest } from '../owned/pods.ts';
import { StatusWriter } from '../owned/status-writer.ts';
import { composeReplicaSetStatus } from './status.ts';

/** The ReplicaSet controller. */
export function createReplicaSetController(factory: InformerFactory, deps: ControllerDeps): Controller {
  const sets = factory.informer(replicaSet);
  const pods = factory.informer(pod, { indexes: ownedIndexes });
  const loop = new ReplicaSetLoop(factory, deps, sets, pods);
  return {
    name: 'replica-set',
    workers: 4,
    sources: [
      source(sets, ({ object }) => [keyOf(object)]),
      source(
        pods,
        ownerKeys(replicaSet, sets, ({ spec }) => spec.selector),
      ),
    ],
    reconcile: (key) => loop.reconcile(key),
  };
}

class ReplicaSetLoop {
  readonly #deps: ControllerDeps;
  readonly #sets: Informer<ReplicaSet>;
  readonly #claims: Claims<ReplicaSet, Pod>;
  readonly #pending: Pending<Pod>;
  readonly #control: PodControl<ReplicaSet>;
  readonly #statuses: StatusWriter<ReplicaSet>;

  constructor(
    factory: InformerFactory,
    deps: ControllerDeps,
    sets: Informer<ReplicaSet>,
    pods: Informer<Pod>,
  ) {
    this.#deps = deps;
    this.#sets = sets;
    this.#claims = new Claims(factory.client, replicaSet, pod, pods);
    this.#pending = new Pending(pods, deps.clock);
    this.#control = new PodControl(factory.client, deps, replicaSet, this.#pending);
    this.#statuses = new StatusWriter(factory.client, replicaSet);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const seen = this.#sets.get({ namespace, name });
    if (seen === undefined) {
      this.#statuses.forget(key);
      return undefined;
    }
    const set = this.#statuses.current(seen);
    const { uid = '', deletionTimestamp } = set.metadata;
    const owned = await this.#claims.claim(set, set.spec.selector);
    const before = this.#pending.view(uid, owned);
    const failure = deletionTimestamp === undefined ? await this.#manage(set, before) : undefined;
    const pods = this.#pending.view(uid, this.#claims.refresh(set, owned));
    const now = this.#deps.clock.now();
    await this.#statuses.write(seen, set, composeReplicaSetStatus(set, pods, failure, now));
    if (failure !== undefined) {
      throw failure;
    }
    return soonest(pods.filter(isActive).map((one) => availableIn(one, set.spec.minReadySeconds ?? 0, now)));
  }

  #manage(set: ReplicaSet, pods: readonly Pod[]): Promise<PatchbayError | undefined> {
    const active = pods.filter(isActive);
    const missing = (set.spec.replicas ?? 1) - active.length;
    if (missing > 0) {
      const owner = controllerReference(replicaSet, set);
      const { namespace = '' } = set.metadata;
      const made = Array.from({ length: Math.min(missing, burst) }, () =>
        composePod(set.spec.template, owner, namespace),
      );
      return this.#control.createAll(set, made);
    }
    const surplus = Math.min(-missing, burst);
    return this.#control.deleteAll(set, surplus === 0 ? [] : deletionOrder(active).slice(0, surplus));
  }
}
