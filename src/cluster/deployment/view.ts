/** What a Deployment's controller looks at, and the numbers it reckons with. pkg/controller/deployment/util. */
import type { Deployment } from '#api/apps/deployment.ts';
import type { ReplicaSet } from '#api/apps/replica-set.ts';
import type { Pod } from '#api/core/pod.ts';
import { scaledValue } from '#api/number-rules.ts';
import { sameTemplate } from '../owned/template-hash.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

/** A Deployment with all that is its own. */
export interface DeploymentView {
  readonly deployment: Deployment;
  /** The ReplicaSet of the present template. */
  readonly newest: ReplicaSet | undefined;
  /** All others, oldest first. */
  readonly old: readonly ReplicaSet[];
  /** Pods of a ReplicaSet, by its UID. */
  podsOf(set: ReplicaSet): readonly Pod[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Sorts a Deployment's ReplicaSets into the newest and the old ones. */
export function viewOf(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  podsOf: DeploymentView['podsOf'],
  now: number,
): DeploymentView {
  const sorted = sets.toSorted(
    (a, b) => compare(created(a), created(b)) || compare(a.metadata.name, b.metadata.name),
  );
  const newest = sorted.find(({ spec }) => sameTemplate(spec.template, deployment.spec.template));
  return { deployment, newest, old: sorted.filter((one) => one !== newest), podsOf, now };
}

export function allOf({ newest, old }: DeploymentView): readonly ReplicaSet[] {
  return newest === undefined ? old : [...old, newest];
}

export const wanted = ({ spec }: { readonly spec: { readonly replicas?: number | undefined } }): number =>
  spec.replicas ?? 1;

export function sum(sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number | undefined): number {
  return sets.reduce((total, set) => total + (of(set) ?? 0), 0);
}

export function isRolling({ spec }: Deployment): boolean {
  return spec.strategy?.type !== 'Recreate';
}

/** Most pods above and below the wanted number. When both come out as 0, one may be missing: an update must move. */
export function fenceposts(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  if (!isRolling(deployment)) {
    return { surge: 0, unavailable: 0 };
  }
  const replicas = wanted(deployment);
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, replicas, true);
  const unavailable = scaledValue(maxUnavailable, replicas, false);
  return {
    surge,
    unavailable: Math.min(replicas, surge === 0 && unavailable === 0 ? 1 : unavailable),
  };
}

/** Revision of a ReplicaSet; 0 without one. */
export function revisionOf(set: ReplicaSet | undefined): number {
  return Number.parseInt(set?.metadata.annotations?.[revisionAnnotation] ?? '0', 10) || 0;
}

function created({ metadata }: ReplicaSet): string {
  return metadata.creationTimestamp ?? '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
