import { ageColumn } from '../columns.ts';
import { withTemplateDefaults } from '../core/admission/pod-template-rules.ts';
import { conditions } from '../core/condition.ts';
import { labelSelector } from '../core/label-selector.ts';
import { podTemplateSpec } from '../core/pod-template.ts';
import { templateWarnings } from '../core/pod-warnings.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import {
  boolean,
  int32,
  int64,
  intOrString,
  listMap,
  object,
  oneOf,
  string,
  type TypeOf,
  time,
} from '../schema.ts';
import { deploymentCauses } from './admission/deployment-rules.ts';
import { replicasSubresources } from './replicas.ts';
import { workloadColumns } from './workload.ts';

const spec = object(
  {
    replicas: int32('How many pods are wanted.', { default: 1 }),
    selector: labelSelector,
    template: podTemplateSpec,
    strategy: object(
      {
        type: oneOf(['Recreate', 'RollingUpdate'], 'How old pods are replaced.', {
          default: 'RollingUpdate',
        }),
        rollingUpdate: object({
          maxUnavailable: intOrString(
            'Most pods that may be missing during an update; number or percentage.',
          ),
          maxSurge: intOrString('Most pods above replicas during an update; number or percentage.'),
        }),
      },
      [],
      'How old pods are replaced by new ones.',
      { default: {}, 'x-kubernetes-patch-strategy': 'retainKeys' },
    ),
    minReadySeconds: int32('Seconds a pod must be ready to count as available.'),
    revisionHistoryLimit: int32('Old ReplicaSets that are kept for a rollback.', { default: 10 }),
    paused: boolean('Whether changes of the template wait.'),
    progressDeadlineSeconds: int32('Seconds without progress after which an update counts as failed.', {
      default: 600,
    }),
  },
  ['selector', 'template'],
  'The pods to keep.',
);

const deploymentCondition = object(
  {
    type: string('Available, Progressing or ReplicaFailure.'),
    status: oneOf(['True', 'False', 'Unknown'], 'Whether it holds.'),
    lastUpdateTime: time('When it was last updated.'),
    lastTransitionTime: time('When status last changed.'),
    reason: string('CamelCase word for the cause.'),
    message: string('The cause in words.'),
  },
  ['type', 'status'],
);
export type DeploymentCondition = TypeOf<typeof deploymentCondition>;

const status = object({
  observedGeneration: int64('Generation that was looked at.'),
  replicas: int32('Pods that are not ending.'),
  updatedReplicas: int32('Pods of the present template.'),
  readyReplicas: int32('Pods that are ready.'),
  availableReplicas: int32('Pods ready for minReadySeconds.'),
  unavailableReplicas: int32('Pods missing from full availability.'),
  terminatingReplicas: int32('Pods that are ending.'),
  conditions: listMap(['type'], deploymentCondition, conditions.description),
  collisionCount: int32('How often the hash of the template collided.'),
});

const schema = object({ spec, status }, ['spec'], 'Keeps pods of a template and updates them in steps.');

/** Keeps pods of a template and updates them in steps. */
export type Deployment = KubeObject & TypeOf<typeof schema>;
export type DeploymentSpec = TypeOf<typeof spec>;
export type DeploymentStatus = TypeOf<typeof status>;

export const deployment: KindDefinition<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  singular: 'deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  builtin: true,
  schema,
  subresources: replicasSubresources,
  columns: [
    {
      name: 'Ready',
      type: 'string',
      description: 'Number of the pod with ready state',
      value: ({ spec, status }: Deployment) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    },
    {
      name: 'Up-to-date',
      type: 'string',
      description: 'Pods of the present template.',
      value: ({ status }: Deployment) => status?.updatedReplicas ?? 0,
    },
    {
      name: 'Available',
      type: 'string',
      description: 'Pods ready for minReadySeconds.',
      value: ({ status }: Deployment) => status?.availableReplicas ?? 0,
    },
    ageColumn,
    ...workloadColumns,
  ],
  mutate: withDefaults,
  validate: deploymentCauses,
  warn: templateWarnings,
};

function withDefaults({ object, operation, subresource }: AdmissionRequest<Deployment>): Deployment {
  if (subresource !== undefined || operation === 'DELETE') return object;
  const { strategy } = object.spec;
  const rolling = strategy?.type === undefined || strategy.type === 'RollingUpdate';
  const rollingUpdate = { maxUnavailable: '25%', maxSurge: '25%', ...strategy?.rollingUpdate };
  const spec = {
    ...object.spec,
    template: withTemplateDefaults(object.spec.template),
    ...(rolling ? { strategy: { type: 'RollingUpdate' as const, ...strategy, rollingUpdate } } : {}),
  };
  return { ...object, spec, ...(operation === 'CREATE' ? { status: {} } : {}) };
}
