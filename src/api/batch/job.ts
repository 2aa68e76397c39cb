import { conditions } from '../core/condition.ts';
import { labelSelector } from '../core/label-selector.ts';
import { podTemplateSpec } from '../core/pod-template.ts';
import { templateWarnings } from '../core/pod-warnings.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, boolean, int32, int64, object, oneOf, setOf, string, type TypeOf, time } from '../schema.ts';
import { withJobDefaults } from './admission/job-defaults.ts';
import { jobCauses } from './admission/job-rules.ts';
import { jobColumns } from './job-columns.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const failureRule = object(
  {
    action: oneOf(['FailJob', 'FailIndex', 'Ignore', 'Count'], 'What a failed pod entails.'),
    onExitCodes: object(
      {
        containerName: string('Container looked at; all when empty.'),
        operator: oneOf(['In', 'NotIn'], 'How exit status and values relate.'),
        values: array(int32(), 'Exit statuses.', { 'x-kubernetes-list-type': 'set' }),
      },
      ['operator', 'values'],
    ),
    onPodConditions: array(
      object({ type: string('Type of the condition.'), status: string('Its status.') }, ['type']),
      'Conditions of the pod.',
      atomic,
    ),
  },
  ['action'],
);

const spec = object(
  {
    parallelism: int32('Most pods that run at once.'),
    completions: int32('Pods that must succeed.'),
    activeDeadlineSeconds: int64('Seconds after which it fails.'),
    podFailurePolicy: object({ rules: array(failureRule, 'The first rule that fits counts.', atomic) }, [
      'rules',
    ]),
    successPolicy: object(
      {
        rules: array(
          object({
            succeededIndexes: string('Indexes that must succeed.'),
            succeededCount: int32('How many of them.'),
          }),
          'The first rule that holds ends the job.',
          atomic,
        ),
      },
      ['rules'],
    ),
    backoffLimit: int32('Failed pods after which it fails.'),
    backoffLimitPerIndex: int32('Failed pods of one index after which the index fails.'),
    maxFailedIndexes: int32('Failed indexes after which it fails.'),
    selector: labelSelector,
    manualSelector: boolean('Whether selector and labels are the user’s.'),
    template: podTemplateSpec,
    ttlSecondsAfterFinished: int32('Seconds after its end at which it is deleted.'),
    completionMode: oneOf(['Indexed', 'NonIndexed'], 'Whether every completion has its own index.', {
      default: 'NonIndexed',
    }),
    suspend: boolean('Whether no pods may run.', { default: false }),
    podReplacementPolicy: oneOf(['Failed', 'TerminatingOrFailed'], 'When a pod is replaced.'),
    managedBy: string('Controller in charge; kubernetes.io/job-controller when empty.'),
  },
  ['template'],
  'The work to do.',
);

const status = object({
  conditions: { ...conditions, 'x-kubernetes-list-type': 'atomic' },
  startTime: time('When it was first taken on, or last resumed.'),
  completionTime: time('When it was done.'),
  active: int32('Pods that are not at their end.'),
  terminating: int32('Pods that are ending.'),
  ready: int32('Pods that are ready.'),
  succeeded: int32('Pods that succeeded.'),
  failed: int32('Pods that failed.'),
  completedIndexes: string('Indexes done, such as 1,3-5.'),
  failedIndexes: string('Indexes given up, such as 1,3-5.'),
  uncountedTerminatedPods: object(
    {
      succeeded: setOf(string(), 'UIDs of pods that succeeded.'),
      failed: setOf(string(), 'UIDs of pods that failed.'),
    },
    [],
    'Pods at their end that are not yet in the counts.',
  ),
});

const schema = object({ spec, status }, ['spec'], 'Runs pods until enough have succeeded.');

/** Runs pods until enough have succeeded. */
export type Job = KubeObject & TypeOf<typeof schema>;
export type JobSpec = TypeOf<typeof spec>;
export type JobStatus = TypeOf<typeof status>;

export const job: KindDefinition<Job> = {
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  singular: 'job',
  categories: ['all'],
  namespaced: true,
  builtin: true,
  schema,
  subresources: { status: true },
  columns: jobColumns,
  selectableFields: ['status.successful'],
  selectableValues: { 'status.successful': { path: 'status.succeeded', absent: '0' } },
  mutate: withJobDefaults,
  validate: jobCauses,
  warn: templateWarnings,
};
