/** Keeps the pods of ReplicaSets and ReplicationControllers. k8s.io/kubernetes/pkg/controller/replicaset. */
import { type ReplicaSet, replicaSet } from '#api/apps/replica-set.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { type ReplicationController, replicationController } from '#api/core/replication-controller.ts';
import type { KindRef } from '#api/kind.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import type { PatchbayError } from '#machinery/errors.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import type { LabelSelector } from '#machinery/selectors.ts';
import { Claims, controllerReference, ownedIndexes, ownerKeys } from '../owned/claims.ts';
import { Pending } from '../owned/pending.ts';
import { burst, PodControl } from '../owned/pod-control.ts';
import { availableIn, composePod, deletionOrder, isActive, soonest } from '../owned/pods.ts';
import { StatusWriter } from '../owned/status-writer.ts';
import { composeReplicaSetStatus, type Replicated } from './status.ts';

/** A kind of which each object keeps a number of equal pods. */
interface Replication<O extends Replicated> {
  readonly name: string;
  readonly kind: KindRef<O>;
  selectorOf(set: O): LabelSelector | undefined;
  statusOf(set: O, pods: readonly Pod[], failure: PatchbayError | undefined, now: number): O['status'];
}

const replicaSets: Replication<ReplicaSet> = {
  name: 'replica-set',
  kind: replicaSet,
  selectorOf: ({ spec }) => spec.selector,
  statusOf: composeReplicaSetStatus,
};

const replicationControllers: Replication<ReplicationController> = {
  name: 'replication-controller',
  kind: replicationController,
  selectorOf: ({ spec }) => ({ matchLabels: spec.selector }),
  statusOf: (set, pods, failure, now) => {
    const { terminatingReplicas: _, ...status } = composeReplicaSetStatus(set, pods, failure, now);
    return status;
  },
};

/** The ReplicaSet controller. */
export function createReplicaSetController(factory: InformerFactory, deps: ControllerDeps): Controller {
  return createController(factory, deps, replicaSets);
}

/** The ReplicationController controller: the same loop, as upstream. */
export function createReplicationController(factory: InformerFactory, deps: ControllerDeps): Controller {
  return createController(factory, deps, replicationControllers);
}

function createController<O extends Replicated>(
  factory: InformerFactory,
  deps: ControllerDeps,
  of: Replication<O>,
): Controller {
  const sets = factory.informer(of.kind);
  const pods = factory.informer(pod, { indexes: ownedIndexes });
  const loop = new ReplicaSetLoop(factory, deps, of, { sets, pods });
  return {
    name: of.name,
    workers: 4,
    sources: [
      source(sets, ({ object }) => [keyOf(object)]),
      source(pods, ownerKeys(of.kind, sets, of.selectorOf)),
    ],
    reconcile: (key) => loop.reconcile(key),
  };
}

class ReplicaSetLoop<O extends Replicated> {
  readonly #of: Replication<O>;
  readonly #deps: ControllerDeps;
  readonly #sets: Informer<O>;
  readonly #claims: Claims<O, Pod>;
  readonly #pending: Pending<Pod>;
  readonly #control: PodControl<O>;
  readonly #statuses: StatusWriter<O>;

  constructor(
    factory: InformerFactory,
    deps: ControllerDeps,
    of: Replication<O>,
    { sets, pods }: { readonly sets: Informer<O>; readonly pods: Informer<Pod> },
  ) {
    const { kind } = of;
    this.#of = of;
    this.#deps = deps;
    this.#sets = sets;
    this.#claims = new Claims(factory.client, kind, pod, pods);
    this.#pending = new Pending(pods, deps.clock);
    this.#control = new PodControl(factory.client, deps, kind, this.#pending);
    this.#statuses = new StatusWriter(factory.client, kind);
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
    const owned = await this.#claims.claim(set, this.#of.selectorOf(set));
    const before = this.#pending.view(uid, owned);
    const failure = deletionTimestamp === undefined ? await this.#manage(set, before) : undefined;
    const pods = this.#pending.view(uid, this.#claims.refresh(set, owned));
    const now = this.#deps.clock.now();
    await this.#statuses.write(seen, set, this.#of.statusOf(set, pods, failure, now));
    if (failure !== undefined) {
      throw failure;
    }
    return soonest(pods.filter(isActive).map((one) => availableIn(one, set.spec.minReadySeconds ?? 0, now)));
  }

  #manage(set: O, pods: readonly Pod[]): Promise<PatchbayError | undefined> {
    const active = pods.filter(isActive);
    const missing = (set.spec.replicas ?? 1) - active.length;
    if (missing > 0) {
      const owner = controllerReference(this.#of.kind, set);
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
