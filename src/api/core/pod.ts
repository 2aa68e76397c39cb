import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { object, type TypeOf } from '../schema.ts';
import { podColumns } from './pod-columns.ts';
import { podSpec } from './pod-spec.ts';
import { podStatus } from './pod-status.ts';

export type { Container } from './container.ts';
export type { PodSpec } from './pod-spec.ts';
export type { ContainerStatus, PodStatus } from './pod-status.ts';

const schema = object(
  { spec: podSpec, status: podStatus },
  ['spec'],
  'Containers that run together on one node.',
);

/** Containers that run together on one node. */
export type Pod = KubeObject & TypeOf<typeof schema>;

export const pod: KindDefinition<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  builtin: true,
  schema,
  subresources: { status: true },
  columns: podColumns,
  selectableFields: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
};
