/** What a Job's controller asks of its pods, and the pods it makes. Pure. pkg/controller/job. */
import { type Job, job as kind } from '#api/batch/job.ts';
import type { Pod } from '#api/core/pod.ts';
import { controllerReference } from '../owned/claims.ts';
import { composePod } from '../owned/pods.ts';

/** Holds a pod back until it is in the Job's counts. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const jobNameLabel = 'batch.kubernetes.io/job-name';
const indexKey = 'batch.kubernetes.io/job-completion-index';

export const isTracked = ({ metadata }: Pod): boolean =>
  metadata.finalizers?.includes(trackingFinalizer) === true;

export const isIndexed = ({ spec }: Job): boolean => spec.completionMode === 'Indexed';

/** Completion index of a pod. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[indexKey];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** When a pod came to its end, in milliseconds since the epoch. */
export function finishedAt({ metadata, status }: Pod): number {
  const times = (status?.containerStatuses ?? [])
    .flatMap(({ state }) => state?.terminated?.finishedAt ?? [])
    .map((time) => Date.parse(time));
  const fallback = metadata.deletionTimestamp ?? metadata.creationTimestamp ?? '';
  return times.length > 0 ? Math.max(...times) : Date.parse(fallback);
}

/** One more pod of a Job; of an index, when the Job is indexed. */
export function composeJobPod(job: Job, index: number | undefined): Pod {
  const { name, namespace = '' } = job.metadata;
  const prefix = index === undefined ? `${name}-` : `${name}-${index}-`;
  const made = composePod(job.spec.template, controllerReference(kind, job), namespace, prefix);
  const finalizers = [...(made.metadata.finalizers ?? []), trackingFinalizer];
  if (index === undefined) {
    return { ...made, metadata: { ...made.metadata, finalizers } };
  }
  const said = { [indexKey]: String(index) };
  const env = { name: 'JOB_COMPLETION_INDEX', value: String(index) };
  const withEnv = (containers: Pod['spec']['containers']) =>
    containers.map((one) =>
      one.env?.some((each) => each.name === env.name) === true
        ? one
        : { ...one, env: [...(one.env ?? []), env] },
    );
  const { initContainers } = made.spec;
  return {
    metadata: {
      ...made.metadata,
      finalizers,
      labels: { ...made.metadata.labels, ...said },
      annotations: { ...made.metadata.annotations, ...said },
    },
    spec: {
      ...made.spec,
      hostname: made.spec.hostname ?? `${name}-${index}`,
      containers: withEnv(made.spec.containers),
      ...(initContainers === undefined ? {} : { initContainers: withEnv(initContainers) }),
    },
  };
}

/** `0-2,4` as numbers. */
export function parseIndexes(text: string | undefined): ReadonlySet<number> {
  const all = new Set<number>();
  for (const part of (text ?? '').split(',').filter((one) => one !== '')) {
    const [first = 0, last = first] = part.split('-').map(Number);
    for (let index = first; index <= last; index += 1) {
      all.add(index);
    }
  }
  return all;
}

/** Numbers as `0-2,4`. */
export function formatIndexes(indexes: Iterable<number>): string {
  const runs: [number, number][] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === index - 1) {
      run[1] = index;
    } else {
      runs.push([index, index]);
    }
  }
  return runs
    .map(([first, last]) =>
      first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`,
    )
    .join(',');
}
