/** What a Job needs now: its status, pods to make and to delete. Pure. k8s.io/kubernetes/pkg/controller/job. */
import type { Job, JobStatus } from '#api/batch/job.ts';
import type { Pod } from '#api/core/pod.ts';
import type { Condition } from '#api/meta.ts';
import { timestamp } from '#machinery/clock.ts';
import { hasCondition, setCondition } from '#machinery/conditions.ts';
import { isReady } from '../owned/pods.ts';
import { judgeFailure } from './failure-policy.ts';
import { finishedAt, formatIndexes, indexOf, isIndexed, isTracked, parseIndexes } from './job-pods.ts';

/** A Job with its own pods. */
export interface JobView {
  readonly job: Job;
  readonly pods: readonly Pod[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface JobPlan {
  readonly status: JobStatus;
  /** Indexes of the pods to make; `undefined` for each pod of a Job without indexes. */
  readonly create: readonly (number | undefined)[];
  readonly remove: readonly Pod[];
  /** Milliseconds after which to look again. */
  readonly wait?: number | undefined;
}

interface Ends {
  readonly reason: string;
  readonly message: string;
}

/** Milliseconds before a pod that failed is replaced; doubled with each failure. */
const backoff = { first: 10_000, most: 600_000 };

export function isFinished({ status }: Job): boolean {
  return hasCondition(status?.conditions, 'Complete') || hasCondition(status?.conditions, 'Failed');
}

/** Pods by what they mean for the Job. */
function sortPods({ job, pods }: JobView) {
  const replaceEarly = job.spec.podReplacementPolicy !== 'Failed';
  const leaving = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
  const ended = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  return {
    succeeded: pods.filter(({ status }) => status?.phase === 'Succeeded'),
    failed: pods.filter(
      (pod) =>
        pod.status?.phase === 'Failed' || (replaceEarly && leaving(pod) && pod.status?.phase !== 'Succeeded'),
    ),
    active: pods.filter((pod) => !ended(pod) && !leaving(pod)),
    terminating: pods.filter((pod) => !ended(pod) && leaving(pod)),
  };
}

type Sorted = ReturnType<typeof sortPods>;

/** Counts that only grow: what is counted, what waits for its finalizer to go, and both together. */
function countPods(view: JobView, sorted: Sorted) {
  const { job, pods } = view;
  const before = job.status ?? {};
  const tracked = new Set(pods.filter(isTracked).map(({ metadata }) => metadata.uid ?? ''));
  const side = (counted: number, waiting: readonly string[] = [], ended: readonly Pod[] = []) => {
    const released = waiting.filter((uid) => !tracked.has(uid));
    const left = waiting.filter((uid) => tracked.has(uid));
    const fresh = ended
      .map(({ metadata }) => metadata.uid ?? '')
      .filter((uid) => tracked.has(uid) && !waiting.includes(uid));
    const all = counted + released.length + left.length + fresh.length;
    return { counted: counted + released.length, waiting: [...left, ...fresh], all };
  };
  const { uncountedTerminatedPods: waiting } = before;
  const failures = sorted.failed.filter((pod) => judgeFailure(job, pod).action !== 'Ignore');
  return {
    succeeded: side(before.succeeded ?? 0, waiting?.succeeded, sorted.succeeded),
    failed: side(before.failed ?? 0, waiting?.failed, failures),
  };
}

type Counts = ReturnType<typeof countPods>;

/** The next steps of a Job that is not at its end. */
export function planJob(view: JobView): JobPlan {
  const { job, now } = view;
  const sorted = sortPods(view);
  const counts = countPods(view, sorted);
  const indexes = isIndexed(job) ? completedIndexes(job, sorted.succeeded) : undefined;
  const succeeded = indexes?.size ?? counts.succeeded.all;
  const suspended = job.spec.suspend === true;
  const startTime = suspended ? undefined : startOf(job, now);
  const failure = failureOf(view, sorted, counts, startTime);
  const success = failure === undefined && !suspended && isComplete(job, succeeded, sorted);
  const idle = failure !== undefined || success || suspended;
  const change = idle
    ? { create: [], remove: sorted.active }
    : size(view, sorted, counts, succeeded, indexes);
  const status: JobStatus = {
    ...composeCounts(job, sorted, counts, change, indexes),
    ...(startTime === undefined ? {} : { startTime }),
  };
  const settled = counts.succeeded.waiting.length + counts.failed.waiting.length === 0;
  const still = settled && sorted.active.length === 0 && sorted.terminating.length === 0;
  const conditions = composeConditions(view, { failure, success, still });
  const done = hasCondition(conditions, 'Complete');
  const deadline = job.spec.activeDeadlineSeconds;
  const left =
    deadline === undefined || startTime === undefined
      ? undefined
      : Date.parse(startTime) + deadline * 1000 - now;
  const waits = [change.wait, left].filter((ms) => ms !== undefined && ms > 0) as number[];
  return {
    create: change.create,
    remove: change.remove,
    status: {
      ...status,
      ...(conditions.length === 0 ? {} : { conditions }),
      ...(done ? { completionTime: timestamp(now) } : {}),
    },
    ...(waits.length === 0 ? {} : { wait: Math.min(...waits) }),
  };
}

/** A Job that was suspended starts anew. */
function startOf({ status }: Job, now: number): string {
  const resumed = hasCondition(status?.conditions, 'Suspended');
  return status?.startTime === undefined || resumed ? timestamp(now) : status.startTime;
}

function completedIndexes({ status, spec }: Job, succeeded: readonly Pod[]): ReadonlySet<number> {
  const all = new Set(parseIndexes(status?.completedIndexes));
  for (const pod of succeeded) {
    const index = indexOf(pod);
    if (index !== undefined && index < (spec.completions ?? 0)) {
      all.add(index);
    }
  }
  return all;
}

function isComplete({ spec }: Job, succeeded: number, { active, terminating }: Sorted): boolean {
  return spec.completions === undefined
    ? succeeded > 0 && active.length === 0 && terminating.length === 0
    : succeeded >= spec.completions;
}

function failureOf(
  view: JobView,
  sorted: Sorted,
  counts: Counts,
  startTime: string | undefined,
): Ends | undefined {
  const { job, now } = view;
  const target = job.status?.conditions?.find(
    ({ type, status }) => type === 'FailureTarget' && status === 'True',
  );
  if (target !== undefined) {
    return { reason: target.reason ?? '', message: target.message ?? '' };
  }
  const verdict = sorted.failed
    .map((pod) => judgeFailure(job, pod))
    .find(({ action }) => action === 'FailJob');
  if (verdict !== undefined) {
    return { reason: 'PodFailurePolicy', message: verdict.message ?? '' };
  }
  const { backoffLimit = 6, activeDeadlineSeconds } = job.spec;
  const onFailure = job.spec.template.spec.restartPolicy === 'OnFailure';
  const restarts = onFailure ? restartsOf(sorted.active) : 0;
  if (counts.failed.all > backoffLimit || (restarts > 0 && restarts >= backoffLimit)) {
    return { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  }
  const over =
    activeDeadlineSeconds !== undefined &&
    startTime !== undefined &&
    now - Date.parse(startTime) >= activeDeadlineSeconds * 1000;
  return over
    ? { reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }
    : undefined;
}

function restartsOf(pods: readonly Pod[]): number {
  return pods
    .flatMap(({ status }) => [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])])
    .reduce((total, { restartCount }) => total + restartCount, 0);
}

interface Change {
  readonly create: readonly (number | undefined)[];
  readonly remove: readonly Pod[];
  readonly wait?: number | undefined;
}

function size(
  view: JobView,
  sorted: Sorted,
  counts: Counts,
  succeeded: number,
  indexes: ReadonlySet<number> | undefined,
): Change {
  const { parallelism = 1, completions } = view.job.spec;
  const { active, terminating } = sorted;
  const most =
    completions === undefined
      ? counts.succeeded.all > 0
        ? Math.min(active.length, parallelism)
        : parallelism
      : Math.min(completions - succeeded, parallelism);
  if (active.length > most) {
    const spare = active.toSorted((a, b) => Number(isReady(a)) - Number(isReady(b)));
    return { create: [], remove: spare.slice(0, active.length - most) };
  }
  const held = view.job.spec.podReplacementPolicy === 'Failed' ? terminating : [];
  const missing = most - active.length - held.length;
  const wait = missing > 0 ? waitAfterFailure(view, sorted) : 0;
  if (missing <= 0 || wait > 0) {
    return { create: [], remove: [], wait: wait > 0 ? wait : undefined };
  }
  if (indexes === undefined) {
    return { create: Array<undefined>(missing).fill(undefined), remove: [] };
  }
  const taken = new Set([...indexes, ...[...active, ...held].map(indexOf)]);
  const free = Array.from({ length: completions ?? 0 }, (_, index) => index).filter(
    (index) => !taken.has(index),
  );
  return { create: free.slice(0, missing), remove: [] };
}

/** Milliseconds to wait after the failures since the last success. */
function waitAfterFailure({ now }: JobView, { succeeded, failed }: Sorted): number {
  const lastSuccess = Math.max(0, ...succeeded.map(finishedAt));
  const failures = failed
    .filter(({ metadata, status }) => status?.phase === 'Failed' || metadata.deletionTimestamp === undefined)
    .map(finishedAt)
    .filter((time) => time > lastSuccess);
  if (failures.length === 0) {
    return 0;
  }
  const wait = Math.min(backoff.first * 2 ** (failures.length - 1), backoff.most);
  return Math.max(...failures) + wait - now;
}

function composeCounts(
  job: Job,
  { active, terminating }: Sorted,
  { succeeded, failed }: Counts,
  { create, remove }: Change,
  indexes: ReadonlySet<number> | undefined,
): JobStatus {
  const numbers = {
    active: active.length + create.length - remove.length,
    succeeded: indexes?.size ?? succeeded.counted,
    failed: failed.counted,
  };
  const completed = formatIndexes(indexes ?? []);
  return {
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value > 0)),
    ready: active.filter((pod) => isReady(pod) && !remove.includes(pod)).length,
    terminating: terminating.length,
    ...(completed === '' ? {} : { completedIndexes: completed }),
    ...(job.status?.failedIndexes === undefined ? {} : { failedIndexes: job.status.failedIndexes }),
    uncountedTerminatedPods: {
      ...(succeeded.waiting.length === 0 ? {} : { succeeded: succeeded.waiting }),
      ...(failed.waiting.length === 0 ? {} : { failed: failed.waiting }),
    },
  };
}

interface Outcome {
  readonly failure: Ends | undefined;
  readonly success: boolean;
  /** Every pod is at its end and counted. */
  readonly still: boolean;
}

function composeConditions({ job, now }: JobView, outcome: Outcome): readonly Condition[] {
  const add = (list: readonly Condition[] | undefined, type: string, ends: Ends, holds = true) =>
    setCondition(list, { type, status: holds ? 'True' : 'False', ...ends }, now);
  const known = job.status?.conditions;
  const { failure, success, still } = outcome;
  if (failure !== undefined) {
    const target = add(known, 'FailureTarget', failure);
    return still ? add(target, 'Failed', failure) : target;
  }
  if (success) {
    const reached = { reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
    const met = add(known, 'SuccessCriteriaMet', reached);
    return still ? add(met, 'Complete', reached) : met;
  }
  if (job.spec.suspend === true) {
    return add(known, 'Suspended', { reason: 'JobSuspended', message: 'Job suspended' });
  }
  return hasCondition(known, 'Suspended')
    ? add(known, 'Suspended', { reason: 'JobResumed', message: 'Job resumed' }, false)
    : (known ?? []);
}
