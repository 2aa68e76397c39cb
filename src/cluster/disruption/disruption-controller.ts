/** Keeps the status of PodDisruptionBudgets. k8s.io/kubernetes/pkg/controller/disruption. */
import { type Deployment, deployment } from '#api/apps/deployment.ts';
import { type ReplicaSet, replicaSet } from '#api/apps/replica-set.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { OwnerReference } from '#api/meta.ts';
import {
  type PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
  podDisruptionBudget,
} from '#api/policy/pod-disruption-budget.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { matchesLabelSelector } from '#machinery/selectors.ts';
import { controllerOf } from '../owned/claims.ts';
import { isReady } from '../owned/pods.ts';
import { StatusWriter } from '../owned/status-writer.ts';
import { type BudgetView, composeBudgetStatus, composeFailedStatus, recheckIn } from './budget.ts';

interface Sources {
  readonly budgets: Informer<PodDisruptionBudget>;
  readonly pods: Informer<Pod>;
  readonly sets: Informer<ReplicaSet>;
  readonly deployments: Informer<Deployment>;
}

/** The disruption controller. */
export function createDisruptionController(factory: InformerFactory, deps: ControllerDeps): Controller {
  const budgets = factory.informer(podDisruptionBudget);
  const pods = factory.informer(pod);
  const sets = factory.informer(replicaSet);
  const deployments = factory.informer(deployment);
  const loop = new DisruptionLoop(factory, deps, { budgets, pods, sets, deployments });
  const inNamespace = (namespace: string | undefined): readonly string[] =>
    budgets.list(namespace).map(keyOf);
  return {
    name: 'disruption',
    sources: [
      source(budgets, ({ object }) => [keyOf(object)]),
      source(pods, ({ type, object, old }) =>
        type === 'updated' && old !== undefined && counted(object) === counted(old)
          ? []
          : budgets
              .list(object.metadata.namespace)
              .filter((budget) =>
                [object, old].some((one) =>
                  matchesLabelSelector(budget.spec?.selector, one?.metadata.labels),
                ),
              )
              .map(keyOf),
      ),
      ...[sets, deployments].map((informer) =>
        source<ReplicaSet | Deployment>(informer as Informer<ReplicaSet | Deployment>, ({ object, old }) =>
          object.spec.replicas === old?.spec.replicas ? [] : inNamespace(object.metadata.namespace),
        ),
      ),
    ],
    reconcile: (key) => loop.reconcile(key),
  };
}

/** What of a pod a budget looks at. */
function counted(one: Pod): string {
  const { labels, deletionTimestamp } = one.metadata;
  return JSON.stringify([labels, deletionTimestamp, isReady(one)]);
}

class DisruptionLoop {
  readonly #deps: ControllerDeps;
  readonly #sources: Sources;
  readonly #statuses: StatusWriter<PodDisruptionBudget>;

  constructor(factory: InformerFactory, deps: ControllerDeps, sources: Sources) {
    this.#deps = deps;
    this.#sources = sources;
    // The server counts evictions down in the same status: a write from an older version would undo one.
    this.#statuses = new StatusWriter(factory.client, podDisruptionBudget, true);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const seen = this.#sources.budgets.get({ namespace, name });
    if (seen === undefined) {
      this.#statuses.forget(key);
      return undefined;
    }
    const budget = this.#statuses.current(seen);
    const pods = this.#sources.pods
      .list(namespace)
      .filter(({ metadata }) => matchesLabelSelector(budget.spec?.selector, metadata.labels));
    const now = this.#deps.clock.now();
    const status = this.#compose({ budget, pods, expected: () => this.#expected(pods), now });
    await this.#statuses.write(seen, budget, status);
    const wait = recheckIn(status, now);
    return wait === undefined ? undefined : { requeueAfter: wait };
  }

  #compose(view: BudgetView): PodDisruptionBudgetStatus {
    try {
      return composeBudgetStatus(view);
    } catch (error) {
      if (!(error instanceof PatchbayError)) {
        throw error;
      }
      const message = messageOf(error);
      const object = referable(podDisruptionBudget, view.budget);
      this.#deps.events.event(
        object,
        'Warning',
        error.reason,
        `Failed to calculate the number of expected pods: ${message}`,
      );
      return composeFailedStatus(view, message);
    }
  }

  /** Pods that the controllers want; pods without one are not counted, as upstream. */
  #expected(pods: readonly Pod[]): number {
    const wanted = new Map<string, number>();
    for (const one of pods) {
      const owner = controllerOf(one);
      if (owner !== undefined) {
        const [uid, replicas] = this.#scaleOf(one, owner);
        wanted.set(uid, replicas);
      }
    }
    return [...wanted.values()].reduce((total, replicas) => total + replicas, 0);
  }

  #scaleOf({ metadata: { namespace, name } }: Pod, owner: OwnerReference): readonly [string, number] {
    const { sets, deployments } = this.#sources;
    if (owner.kind === virtualMachineInstance.kind) {
      return [owner.uid, 1];
    }
    const set = owner.kind === replicaSet.kind ? sets.get({ namespace, name: owner.name }) : undefined;
    if (set === undefined) {
      throw new PatchbayError(
        'CalculateExpectedPodCountFailed',
        `${owner.kind} "${owner.name}", which controls pod "${name}", does not say how many pods it wants; use minAvailable with a number`,
        { retryable: false },
      );
    }
    const above = controllerOf(set);
    const found =
      above?.kind === deployment.kind ? deployments.get({ namespace, name: above.name }) : undefined;
    return found === undefined
      ? [owner.uid, set.spec.replicas ?? 1]
      : [found.metadata.uid ?? '', found.spec.replicas ?? 1];
  }
}
