/** The next steps of a Deployment. Pure. k8s.io/kubernetes/pkg/controller/deployment {rolling,recreate,sync}.go. */
import type { ReplicaSet } from '#api/apps/replica-set.ts';
import {
  allOf,
  type DeploymentView,
  desiredAnnotation,
  fenceposts,
  isRolling,
  revisionOf,
  sum,
  wanted,
} from './view.ts';

/** One step: make the ReplicaSet of the present template, give one another size, or delete one. */
export type Step =
  | { readonly do: 'create'; readonly replicas: number }
  | { readonly do: 'scale'; readonly set: ReplicaSet; readonly replicas: number }
  | { readonly do: 'delete'; readonly set: ReplicaSet };

const available = ({ status }: ReplicaSet): number => status?.availableReplicas ?? 0;

/** The steps to take now; what follows is decided when their effect shows. */
export function planRollout(view: DeploymentView): readonly Step[] {
  const { deployment } = view;
  if (deployment.metadata.deletionTimestamp !== undefined) {
    return [];
  }
  if (deployment.spec.paused === true || wasScaled(view)) {
    return [...planScale(view), ...(deployment.spec.paused === true ? planCleanup(view) : [])];
  }
  const steps = isRolling(deployment) ? planRolling(view) : planRecreate(view);
  return steps.length > 0 || !isComplete(view) ? steps : planCleanup(view);
}

/** Whether the wanted number changed since the ReplicaSets were sized. */
function wasScaled(view: DeploymentView): boolean {
  const desired = String(wanted(view.deployment));
  return allOf(view).some(
    (set) => wanted(set) > 0 && (set.metadata.annotations?.[desiredAnnotation] ?? desired) !== desired,
  );
}

function planRolling(view: DeploymentView): readonly Step[] {
  const { deployment, newest } = view;
  if (newest === undefined) {
    return [{ do: 'create', replicas: newestSize(view) }];
  }
  const size = wanted(newest);
  const desired = wanted(deployment);
  const next = size > desired ? desired : size < desired ? newestSize(view) : size;
  return next === size ? planDown(view, newest) : [{ do: 'scale', set: newest, replicas: next }];
}

/** How large the newest may be: as much of the wanted number as the surge leaves room for. */
function newestSize(view: DeploymentView): number {
  const { deployment, newest } = view;
  const size = newest === undefined ? 0 : wanted(newest);
  const room = wanted(deployment) + fenceposts(deployment).surge - sum(allOf(view), wanted);
  return room <= 0 ? size : size + Math.min(room, wanted(deployment) - size);
}

/** Old ones shrink by what may be missing: first pods that do not work anyway, then others. */
function planDown(view: DeploymentView, newest: ReplicaSet): readonly Step[] {
  const { deployment, old } = view;
  const least = wanted(deployment) - fenceposts(deployment).unavailable;
  const most = sum(allOf(view), wanted) - least - (wanted(newest) - available(newest));
  if (most <= 0) {
    return [];
  }
  const sizes = new Map(old.map((set) => [set, wanted(set)]));
  let broken = most;
  for (const set of old) {
    const cut = Math.max(0, Math.min(broken, wanted(set) - available(set)));
    sizes.set(set, wanted(set) - cut);
    broken -= cut;
  }
  let spare = sum(allOf(view), available) - least;
  for (const set of old) {
    const size = sizes.get(set) ?? 0;
    const cut = Math.max(0, Math.min(size, spare));
    sizes.set(set, size - cut);
    spare -= cut;
  }
  return resized(sizes);
}

function planRecreate(view: DeploymentView): readonly Step[] {
  const { deployment, newest, old } = view;
  const down = resized(new Map(old.map((set) => [set, 0])));
  if (down.length > 0 || old.some((set) => view.podsOf(set).some(runs))) {
    return down;
  }
  const replicas = wanted(deployment);
  if (newest === undefined) {
    return [{ do: 'create', replicas }];
  }
  return wanted(newest) === replicas ? [] : [{ do: 'scale', set: newest, replicas }];
}

/** Pods that are ending still run. */
function runs({
  status,
}: {
  readonly status?: { readonly phase?: string | undefined } | undefined;
}): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** Another wanted number in the middle of an update: every ReplicaSet gets its share of the change. */
function planScale(view: DeploymentView): readonly Step[] {
  const { deployment, newest, old } = view;
  const active = allOf(view).filter((set) => wanted(set) > 0);
  const replicas = wanted(deployment);
  if (active.length <= 1) {
    const only = active[0] ?? newest ?? old.toSorted((a, b) => revisionOf(a) - revisionOf(b)).at(-1);
    return only === undefined ? [] : sized(only, replicas, replicas);
  }
  if (newest !== undefined && wanted(newest) === replicas && available(newest) === replicas) {
    return resized(new Map(old.map((set) => [set, 0])));
  }
  return isRolling(deployment) ? planShares(view, active) : [];
}

function planShares(view: DeploymentView, active: readonly ReplicaSet[]): readonly Step[] {
  const replicas = wanted(view.deployment);
  const allowed = replicas > 0 ? replicas + fenceposts(view.deployment).surge : 0;
  const total = sum(active, wanted);
  const change = allowed - total;
  const byAge = (a: ReplicaSet, b: ReplicaSet): number => {
    const older = (a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1;
    return change > 0 ? -older : older;
  };
  const sorted = active.toSorted((a, b) => wanted(b) - wanted(a) || byAge(a, b));
  let left = change;
  const sizes = sorted.map((set) => {
    const share = Math.round((wanted(set) * allowed) / total) - wanted(set);
    const part = change > 0 ? Math.min(Math.max(share, 0), left) : Math.max(Math.min(share, 0), left);
    left -= part;
    return wanted(set) + part;
  });
  return sorted.flatMap((set, index) =>
    sized(set, Math.max(0, (sizes[index] ?? 0) + (index === 0 ? left : 0)), replicas),
  );
}

/** A step also when only the wanted number that the set was sized for is out of date. */
function sized(set: ReplicaSet, replicas: number, desired: number): readonly Step[] {
  const current = set.metadata.annotations?.[desiredAnnotation] === String(desired);
  return wanted(set) === replicas && current ? [] : [{ do: 'scale', set, replicas }];
}

function resized(sizes: ReadonlyMap<ReplicaSet, number>): readonly Step[] {
  return [...sizes].flatMap(([set, replicas]): readonly Step[] =>
    wanted(set) === replicas ? [] : [{ do: 'scale', set, replicas }],
  );
}

/** Whether every wanted pod is of the present template and available, and no other is left. */
function isComplete(view: DeploymentView): boolean {
  const { deployment, newest } = view;
  const replicas = wanted(deployment);
  return (
    newest !== undefined &&
    (newest.status?.replicas ?? 0) === replicas &&
    available(newest) === replicas &&
    sum(view.old, ({ status }) => status?.replicas) === 0
  );
}

/** Old ReplicaSets beyond the history limit go, lowest revision first. */
function planCleanup({ deployment, old }: DeploymentView): readonly Step[] {
  const alive = old.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const surplus = alive.length - (deployment.spec.revisionHistoryLimit ?? 10);
  return alive
    .toSorted((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, Math.max(0, surplus))
    .filter(
      ({ spec, status, metadata }) =>
        spec.replicas === 0 &&
        (status?.replicas ?? 0) === 0 &&
        (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0),
    )
    .map((set) => ({ do: 'delete', set }));
}
