/** ReplicaSet's elder, with a plain map of labels as its selector. k8s.io/kubernetes/pkg/apis/core. */
import { replicasColumns, replicasSpec, replicasStatus, replicasSubresources } from '../apps/replicas.ts';
import { workloadColumns } from '../apps/workload.ts';
import { required } from '../cause.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import { selectorCell } from '../label-rules.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { nonNegative } from '../number-rules.ts';
import { map, object, string, type TypeOf } from '../schema.ts';
import {
  lastingTemplateCauses,
  selectorMatchCauses,
  templateCauses,
  withTemplateDefaults,
} from './admission/pod-template-rules.ts';
import { templateWarnings } from './pod-warnings.ts';

const spec = object(
  {
    ...replicasSpec,
    selector: map(string(), 'Labels of its pods; those of the template when absent.', {
      'x-kubernetes-map-type': 'atomic',
    }),
  },
  ['template'],
  'The pods to keep.',
);

const status = object(replicasStatus, ['replicas']);
const schema = object({ spec, status }, ['spec'], 'Keeps a number of equal pods.');

/** Keeps a number of equal pods. */
export type ReplicationController = KubeObject & TypeOf<typeof schema>;

export const replicationController: KindDefinition<ReplicationController> = {
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  singular: 'replicationcontroller',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  builtin: true,
  schema,
  subresources: replicasSubresources,
  columns: [
    ...replicasColumns,
    ...workloadColumns.slice(0, 2),
    {
      name: 'Selector',
      type: 'string',
      description: 'Selects the pods that belong to it.',
      priority: 1,
      value: ({ spec }: ReplicationController) => selectorCell({ matchLabels: spec.selector }),
    },
  ],
  selectableFields: ['status.replicas'],
  selectableValues: { 'status.replicas': { absent: '0' } },
  mutate: withDefaults,
  validate,
  warn: templateWarnings,
};

function withDefaults(request: AdmissionRequest<ReplicationController>): ReplicationController {
  const { object, operation, subresource } = request;
  if (subresource !== undefined || operation === 'DELETE') return object;
  const { metadata, spec } = object;
  const labels = spec.template.metadata?.labels;
  const isEmpty = (given: Readonly<Record<string, string>> | undefined) =>
    Object.keys(given ?? {}).length === 0;
  return {
    ...object,
    metadata: isEmpty(metadata.labels) && labels !== undefined ? { ...metadata, labels } : metadata,
    spec: {
      ...spec,
      template: withTemplateDefaults(spec.template),
      ...(isEmpty(spec.selector) && labels !== undefined ? { selector: labels } : {}),
    },
    ...(operation === 'CREATE' ? { status: { replicas: 0 } } : {}),
  };
}

function validate(request: AdmissionRequest<ReplicationController>): readonly Cause[] {
  const { object, operation, subresource } = request;
  if (operation === 'DELETE' || subresource !== undefined) return [];
  const { replicas, minReadySeconds, selector = {}, template } = object.spec;
  return [
    ...nonNegative('spec.minReadySeconds', minReadySeconds),
    ...(Object.keys(selector).length === 0 ? [required('spec.selector', '')] : []),
    ...nonNegative('spec.replicas', replicas),
    ...selectorMatchCauses({ matchLabels: selector }, template),
    ...templateCauses(template, 'spec.template'),
    ...lastingTemplateCauses(template, 'ReplicationController'),
  ];
}
