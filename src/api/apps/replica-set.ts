import {
  lastingTemplateCauses,
  selectorMatchCauses,
  templateCauses,
  withTemplateDefaults,
} from '../core/admission/pod-template-rules.ts';
import { labelSelector } from '../core/label-selector.ts';
import { templateWarnings } from '../core/pod-warnings.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { immutable, nonNegative } from '../number-rules.ts';
import { int32, object, type TypeOf } from '../schema.ts';
import { replicasColumns, replicasSpec, replicasStatus, replicasSubresources } from './replicas.ts';
import { workloadColumns, workloadSelectorCauses } from './workload.ts';

const spec = object(
  {
    ...replicasSpec,
    selector: labelSelector,
  },
  ['selector', 'template'],
  'The pods to keep.',
);

const status = object(
  {
    ...replicasStatus,
    terminatingReplicas: int32('Pods that are ending.'),
  },
  ['replicas'],
);

const schema = object({ spec, status }, ['spec'], 'Keeps a number of equal pods.');

/** Keeps a number of equal pods. */
export type ReplicaSet = KubeObject & TypeOf<typeof schema>;
export type ReplicaSetStatus = TypeOf<typeof status>;

export const replicaSet: KindDefinition<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  singular: 'replicaset',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  builtin: true,
  schema,
  subresources: replicasSubresources,
  columns: [...replicasColumns, ...workloadColumns],
  selectableFields: ['status.replicas'],
  selectableValues: { 'status.replicas': { absent: '0' } },
  mutate: withDefaults,
  validate,
  warn: templateWarnings,
};

function withDefaults({ object, operation, subresource }: AdmissionRequest<ReplicaSet>): ReplicaSet {
  if (subresource !== undefined || operation === 'DELETE') return object;
  const spec = { ...object.spec, template: withTemplateDefaults(object.spec.template) };
  return { ...object, spec, ...(operation === 'CREATE' ? { status: { replicas: 0 } } : {}) };
}

function validate({ object, old, operation, subresource }: AdmissionRequest<ReplicaSet>): readonly Cause[] {
  if (operation === 'DELETE' || subresource !== undefined) return [];
  const { spec } = object;
  return [
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...workloadSelectorCauses(spec.selector, 'deployment'),
    ...selectorMatchCauses(spec.selector, spec.template),
    ...templateCauses(spec.template, 'spec.template'),
    ...lastingTemplateCauses(spec.template, 'ReplicaSet'),
    ...(old === undefined ? [] : immutable('spec.selector', spec.selector, old.spec.selector)),
  ];
}
