/** Keeps one pod of a DaemonSet on each node. k8s.io/kubernetes/pkg/controller/daemon. */
import { type ControllerRevision, controllerRevision } from '#api/apps/controller-revision.ts';
import { type DaemonSet, daemonSet } from '#api/apps/daemon-set.ts';
import { type Node, node } from '#api/core/node.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { Claims, ownedIndexes, ownerKeys } from '../owned/claims.ts';
import { Pending } from '../owned/pending.ts';
import { burst, PodControl } from '../owned/pod-control.ts';
import { availableIn, soonest } from '../owned/pods.ts';
import { StatusWriter } from '../owned/status-writer.ts';
import { DaemonHistory } from './history.ts';
import { composeDaemonPod, hashOf } from './placement.ts';
import { composeDaemonSetStatus, type DaemonView, planDaemonSet } from './plan.ts';

/** Milliseconds after which a pod that failed is replaced; doubled each time, as upstream. */
const failureBackoff = { first: 1000, most: 900_000 };

/** The DaemonSet controller. */
export function createDaemonSetController(factory: InformerFactory, deps: ControllerDeps): Controller {
  const sets = factory.informer(daemonSet);
  const nodes = factory.informer(node);
  const pods = factory.informer(pod, { indexes: ownedIndexes });
  const revisions = factory.informer(controllerRevision, { indexes: ownedIndexes });
  const loop = new DaemonSetLoop(factory, deps, { sets, nodes, pods, revisions });
  return {
    name: 'daemon-set',
    workers: 2,
    sources: [
      source(sets, ({ object }) => [keyOf(object)]),
      // Heartbeats and images of a node change nothing here.
      source(nodes, ({ type, object, old }) =>
        type === 'updated' && old !== undefined && equal(placing(object), placing(old))
          ? []
          : sets.list().map(keyOf),
      ),
      source(
        pods,
        ownerKeys(daemonSet, sets, ({ spec }) => spec.selector),
      ),
      source(
        revisions,
        ownerKeys(daemonSet, sets, ({ spec }) => spec.selector),
      ),
    ],
    reconcile: (key) => loop.reconcile(key),
  };
}

function placing({ metadata, spec }: Node): unknown {
  return [metadata.labels, spec?.taints];
}

interface DaemonInformers {
  readonly sets: Informer<DaemonSet>;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly revisions: Informer<ControllerRevision>;
}

class DaemonSetLoop {
  readonly #history: DaemonHistory;
  readonly #deps: ControllerDeps;
  readonly #sets: Informer<DaemonSet>;
  readonly #nodes: Informer<Node>;
  readonly #claims: Claims<DaemonSet, Pod>;
  readonly #pending: Pending<Pod>;
  readonly #control: PodControl<DaemonSet>;
  readonly #statuses: StatusWriter<DaemonSet>;
  /** How long a set whose pods fail waits before it makes more, and until when. */
  readonly #backoff = new Map<string, { readonly wait: number; readonly until: number }>();

  constructor(
    factory: InformerFactory,
    deps: ControllerDeps,
    { sets, nodes, pods, revisions }: DaemonInformers,
  ) {
    this.#deps = deps;
    this.#history = new DaemonHistory(factory.client, deps.clock, revisions);
    this.#sets = sets;
    this.#nodes = nodes;
    this.#claims = new Claims(factory.client, daemonSet, pod, pods);
    this.#pending = new Pending(pods, deps.clock);
    this.#control = new PodControl(factory.client, deps, daemonSet, this.#pending);
    this.#statuses = new StatusWriter(factory.client, daemonSet);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const seen = this.#sets.get({ namespace, name });
    if (seen === undefined) {
      this.#statuses.forget(key);
      this.#backoff.delete(key);
      return undefined;
    }
    const set = this.#statuses.current(seen);
    const claimed = await this.#claims.claim(set, set.spec.selector);
    const look = (pods: readonly Pod[]): DaemonView => ({
      set,
      nodes: this.#nodes.list(),
      pods: this.#pending.view(set.metadata.uid ?? '', pods),
      now: this.#deps.clock.now(),
    });
    const leaving = set.metadata.deletionTimestamp !== undefined;
    if (!leaving) {
      await this.#history.keep(set, claimed);
    }
    const wait = leaving ? undefined : await this.#advance(key, look(claimed));
    const view = look(this.#claims.refresh(set, claimed));
    await this.#statuses.write(seen, set, composeDaemonSetStatus(view));
    const { minReadySeconds = 0 } = set.spec;
    return soonest([wait, ...view.pods.map((one) => availableIn(one, minReadySeconds, view.now))]);
  }

  /** Takes the steps of the plan. Returns milliseconds to wait when failing pods hold new ones back. */
  async #advance(key: string, view: DaemonView): Promise<number | undefined> {
    const { set } = view;
    const { create, remove } = planDaemonSet(view);
    if (remove.some(({ status }) => status?.phase === 'Failed')) {
      const { wait = failureBackoff.first / 2 } = this.#backoff.get(key) ?? {};
      const next = Math.min(wait * 2, failureBackoff.most);
      this.#backoff.set(key, { wait: next, until: view.now + next });
    }
    const held = (this.#backoff.get(key)?.until ?? 0) - view.now;
    const hash = hashOf(set);
    const pods = held > 0 ? [] : create.slice(0, burst).map((one) => composeDaemonPod(set, one, hash));
    const failures = [
      await this.#control.deleteAll(set, remove.slice(0, burst)),
      await this.#control.createAll(set, pods),
    ];
    const failure = failures.find((one) => one !== undefined);
    if (failure !== undefined) {
      throw failure;
    }
    return held > 0 ? held : undefined;
  }
}
