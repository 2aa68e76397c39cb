/** The templates a DaemonSet had, one ControllerRevision each. k8s.io/kubernetes/pkg/controller/daemon/update.go. */
import { type ControllerRevision, controllerRevision } from '#api/apps/controller-revision.ts';
import { type DaemonSet, daemonSet } from '#api/apps/daemon-set.ts';
import type { Pod } from '#api/core/pod.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { Clock } from '#machinery/clock.ts';
import { isConflict } from '#machinery/errors.ts';
import type { Informer } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { Claims, controllerReference, ifGone } from '../owned/claims.ts';
import { Pending } from '../owned/pending.ts';
import { hashOf, revisionLabel } from './placement.ts';

/** Revisions to remove: the oldest beyond the limit of which no pod is left. Pure. */
export function surplusRevisions(
  set: DaemonSet,
  old: readonly ControllerRevision[],
  pods: readonly Pod[],
): readonly ControllerRevision[] {
  const surplus = Math.max(0, old.length - (set.spec.revisionHistoryLimit ?? 10));
  const alive = new Set(pods.map(({ metadata }) => metadata.labels?.[revisionLabel]));
  return old
    .toSorted((a, b) => a.revision - b.revision)
    .filter(({ metadata }) => !alive.has(metadata.labels?.[revisionLabel]))
    .slice(0, surplus);
}

/** The revision of the present template. Pure. */
export function composeRevision(set: DaemonSet, revision: number): ControllerRevision {
  const { metadata, spec } = set;
  const hash = hashOf(set);
  return {
    metadata: {
      name: `${metadata.name}-${hash}`,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      labels: { ...spec.template.metadata?.labels, [revisionLabel]: hash },
      ...(metadata.annotations !== undefined && { annotations: metadata.annotations }),
      ownerReferences: [controllerReference(daemonSet, set)],
    },
    data: { spec: { template: { ...spec.template, $patch: 'replace' } } },
    revision,
  };
}

/** Keeps the revisions of DaemonSets. */
export class DaemonHistory {
  readonly #client: ApiClient;
  readonly #claims: Claims<DaemonSet, ControllerRevision>;
  readonly #pending: Pending<ControllerRevision>;

  constructor(client: ApiClient, clock: Clock, revisions: Informer<ControllerRevision>) {
    this.#client = client;
    this.#claims = new Claims(client, daemonSet, controllerRevision, revisions);
    this.#pending = new Pending(revisions, clock);
  }

  /** Makes the revision of the present template the latest, and removes what is too old. */
  async keep(set: DaemonSet, pods: readonly Pod[]): Promise<void> {
    const { uid = '' } = set.metadata;
    const known = this.#pending.view(uid, await this.#claims.claim(set, set.spec.selector));
    const last = Math.max(0, ...known.map(({ revision }) => revision));
    const wanted = composeRevision(set, last + 1);
    const present = known.find(({ data }) => equal(data, wanted.data));
    if (present === undefined) {
      const made = await this.#client.create(controllerRevision, wanted).catch((error: unknown) => {
        // Its name is the hash of the template: it is there, and the informer does not show it yet.
        if (!isConflict(error)) throw error;
        return undefined;
      });
      if (made !== undefined) this.#pending.made(uid, made);
    } else if (present.revision < last) {
      await this.#client
        .patch(controllerRevision, present.metadata, { type: 'merge', body: { revision: last + 1 } })
        .catch((error: unknown) => ifGone(error, undefined));
    }
    const old = known.filter((one) => one !== present);
    for (const one of surplusRevisions(set, old, pods)) {
      await this.#client
        .delete(controllerRevision, one.metadata)
        .catch((error: unknown) => ifGone(error, undefined));
      this.#pending.deleted(one);
    }
  }
}
