import { ageColumn } from '../columns.ts';
import type { PrinterColumn } from '../kind.ts';
import type { KubeObject } from '../meta.ts';

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
