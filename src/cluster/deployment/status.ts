/** Status of a Deployment. Pure. k8s.io/kubernetes/pkg/controller/deployment {progress,sync}.go. */
import type { DeploymentCondition, DeploymentStatus } from '#api/apps/deployment.ts';
import type { Condition } from '#api/meta.ts';
import { timestamp } from '#machinery/clock.ts';
import { allOf, type DeploymentView, fenceposts, sum, wanted } from './view.ts';

/** What a pass did that conditions tell of. */
export interface PassNews {
  /** Name of the ReplicaSet that was made. */
  readonly created?: string | undefined;
  /** Why a ReplicaSet could not be made. */
  readonly failure?: string | undefined;
  readonly collisionCount?: number | undefined;
}

type Claim = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>;
type Conditions = readonly DeploymentCondition[];

const noDeadline = 2 ** 31 - 1;

/** The status that the view shows. */
export function composeDeploymentStatus(view: DeploymentView, news: PassNews): DeploymentStatus {
  const { deployment, newest } = view;
  const sets = allOf(view);
  const old = deployment.status ?? {};
  const available = sum(sets, ({ status }) => status?.availableReplicas);
  const collisionCount = news.collisionCount ?? old.collisionCount;
  const counts = {
    replicas: sum(sets, ({ status }) => status?.replicas),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum(sets, ({ status }) => status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(sets, wanted) - available),
  };
  const said = Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0));
  return {
    ...said,
    terminatingReplicas: sum(sets, ({ status }) => status?.terminatingReplicas),
    ...(deployment.metadata.generation === undefined
      ? {}
      : { observedGeneration: deployment.metadata.generation }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: composeConditions(view, counts, news),
  };
}

type Counts = Readonly<
  Record<'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas', number>
>;

function composeConditions(view: DeploymentView, counts: Counts, news: PassNews): Conditions {
  const { deployment, now } = view;
  const least = wanted(deployment) - fenceposts(deployment).unavailable;
  const enough = counts.availableReplicas >= least;
  const available: Claim = {
    type: 'Available',
    status: enough ? 'True' : 'False',
    reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: enough
      ? 'Deployment has minimum availability.'
      : 'Deployment does not have minimum availability.',
  };
  const list = set(deployment.status?.conditions ?? [], available, now);
  return withFailure(withProgress(view, counts, news, list), view, news);
}

function withProgress(view: DeploymentView, counts: Counts, news: PassNews, list: Conditions): Conditions {
  const { deployment, newest, now } = view;
  const { paused, progressDeadlineSeconds = noDeadline } = deployment.spec;
  if (progressDeadlineSeconds === noDeadline) {
    return list.filter(({ type }) => type !== 'Progressing');
  }
  const present = find(list, 'Progressing');
  const claim = (status: Claim['status'], reason: string, message: string): Conditions =>
    set(list, { type: 'Progressing', status, reason, message }, now);
  if (news.failure !== undefined) return claim('False', 'ReplicaSetCreateError', news.failure);
  if (paused === true) {
    return present?.reason === 'ProgressDeadlineExceeded'
      ? list
      : claim('Unknown', 'DeploymentPaused', 'Deployment is paused');
  }
  if (present?.reason === 'DeploymentPaused')
    return claim('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  const name = newest?.metadata.name ?? news.created;
  const who = name === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${name}"`;
  if (news.created !== undefined) {
    return claim('True', 'NewReplicaSetCreated', `Created new replica set "${news.created}"`);
  }
  const replicas = wanted(deployment);
  const done =
    counts.updatedReplicas === replicas &&
    counts.replicas === replicas &&
    counts.availableReplicas === replicas;
  if (present?.reason === 'NewReplicaSetAvailable' && counts.replicas === counts.updatedReplicas) return list;
  if (done) return claim('True', 'NewReplicaSetAvailable', `${who} has successfully progressed.`);
  if (progressed(deployment.status ?? {}, counts)) {
    return refresh(
      list,
      { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${who} is progressing.` },
      now,
    );
  }
  if (present === undefined)
    return claim('True', 'FoundNewReplicaSet', `Found new replica set "${name ?? ''}"`);
  return timeLeft(view) <= 0
    ? claim('False', 'ProgressDeadlineExceeded', `${who} has timed out progressing.`)
    : list;
}

function progressed(old: DeploymentStatus, counts: Counts): boolean {
  const updated = old.updatedReplicas ?? 0;
  return (
    counts.updatedReplicas > updated ||
    counts.replicas - counts.updatedReplicas < (old.replicas ?? 0) - updated ||
    counts.readyReplicas > (old.readyReplicas ?? 0) ||
    counts.availableReplicas > (old.availableReplicas ?? 0)
  );
}

/** Milliseconds until an update that does not move counts as failed; endless when there is none. */
export function timeLeft({ deployment, now }: DeploymentView): number {
  const { progressDeadlineSeconds = noDeadline, paused } = deployment.spec;
  const present = find(deployment.status?.conditions ?? [], 'Progressing');
  const waits =
    present !== undefined &&
    paused !== true &&
    progressDeadlineSeconds !== noDeadline &&
    present.reason !== 'NewReplicaSetAvailable' &&
    present.reason !== 'ProgressDeadlineExceeded';
  const since = Date.parse(present?.lastUpdateTime ?? present?.lastTransitionTime ?? '');
  return waits && !Number.isNaN(since)
    ? since + progressDeadlineSeconds * 1000 - now
    : Number.POSITIVE_INFINITY;
}

/** A ReplicaSet that cannot make its pods makes the Deployment say so; the newest speaks first. */
function withFailure(list: Conditions, view: DeploymentView, news: PassNews): Conditions {
  const failed = [...(view.newest === undefined ? [] : [view.newest]), ...view.old]
    .flatMap(({ status }): readonly Condition[] => status?.conditions ?? [])
    .find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (failed === undefined || news.failure !== undefined) {
    return list.filter(({ type }) => type !== 'ReplicaFailure');
  }
  const { type, status, reason, message } = failed;
  return set(list, { type, status, reason, message }, view.now);
}

function find(list: Conditions, type: string): DeploymentCondition | undefined {
  return list.find((one) => one.type === type);
}

/** Sets a condition unless status and reason are as before. */
function set(list: Conditions, claim: Claim, now: number): Conditions {
  const present = find(list, claim.type);
  return present?.status === claim.status && present.reason === claim.reason
    ? list
    : refresh(list, claim, now);
}

/** Sets a condition and says that it was looked at. */
function refresh(list: Conditions, claim: Claim, now: number): Conditions {
  const present = find(list, claim.type);
  const lastUpdateTime = timestamp(now);
  const lastTransitionTime =
    present?.status === claim.status ? (present.lastTransitionTime ?? lastUpdateTime) : lastUpdateTime;
  const made = { ...claim, lastUpdateTime, lastTransitionTime };
  return present === undefined ? [...list, made] : list.map((one) => (one === present ? made : one));
}
