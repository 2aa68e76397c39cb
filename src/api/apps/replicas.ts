/** What ReplicaSet and its elder ReplicationController have in common. k8s.io/api/apps/v1, k8s.io/api/core/v1. */
import { ageColumn } from '../columns.ts';
import { conditions } from '../core/condition.ts';
import { podTemplateSpec } from '../core/pod-template.ts';
import type { KindDefinition, PrinterColumn } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { int32, int64 } from '../schema.ts';

/** Fields of the spec beside the selector. */
export const replicasSpec = {
  replicas: int32('How many pods are wanted.', { default: 1 }),
  minReadySeconds: int32('Seconds a pod must be ready to count as available.'),
  template: podTemplateSpec,
};

/** Fields of the status. */
export const replicasStatus = {
  replicas: int32('Pods that are not ending.'),
  fullyLabeledReplicas: int32('Pods with all labels of the template.'),
  readyReplicas: int32('Pods that are ready.'),
  availableReplicas: int32('Pods ready for minReadySeconds.'),
  observedGeneration: int64('Generation that was looked at.'),
  conditions,
};

/** Status, and a scale whose selector is the object's own; Deployments have the same. */
export const replicasSubresources = {
  status: true,
  scale: {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.spec.selector',
  },
} as const satisfies KindDefinition['subresources'];

/** An object that keeps a number of equal pods. */
type Replicated = KubeObject & {
  readonly spec: { readonly replicas?: number | undefined };
  readonly status?:
    | { readonly replicas?: number | undefined; readonly readyReplicas?: number | undefined }
    | undefined;
};

/** Columns of ReplicaSets and ReplicationControllers. */
export const replicasColumns: readonly PrinterColumn[] = [
  {
    name: 'Desired',
    type: 'integer',
    description: 'Pods wanted.',
    value: ({ spec }: Replicated) => spec.replicas ?? 0,
  },
  {
    name: 'Current',
    type: 'integer',
    description: 'Pods there.',
    value: ({ status }: Replicated) => status?.replicas ?? 0,
  },
  {
    name: 'Ready',
    type: 'integer',
    description: 'Pods that are ready.',
    value: ({ status }: Replicated) => status?.readyReplicas ?? 0,
  },
  ageColumn,
];
