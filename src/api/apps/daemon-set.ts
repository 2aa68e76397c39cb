import { isDeepStrictEqual } from 'node:util';
import { ageColumn } from '../columns.ts';
import { withTemplateDefaults } from '../core/admission/pod-template-rules.ts';
import { conditions } from '../core/condition.ts';
import { labelSelector } from '../core/label-selector.ts';
import { podTemplateSpec } from '../core/pod-template.ts';
import { templateWarnings } from '../core/pod-warnings.ts';
import type { AdmissionRequest, KindDefinition, PrinterColumn } from '../kind.ts';
import { selectorCell } from '../label-rules.ts';
import type { KubeObject } from '../meta.ts';
import { int32, int64, intOrString, object, oneOf, type TypeOf } from '../schema.ts';
import { daemonSetCauses } from './admission/daemon-set-rules.ts';
import { workloadColumns } from './workload.ts';

/** Counts changes of the template; apps/v1 keeps it in an annotation. */
export const templateGenerationAnnotation = 'deprecated.daemonset.template.generation';

const spec = object(
  {
    selector: labelSelector,
    template: podTemplateSpec,
    updateStrategy: object(
      {
        type: oneOf(['OnDelete', 'RollingUpdate'], 'How old pods are replaced.', {
          default: 'RollingUpdate',
        }),
        rollingUpdate: object({
          maxUnavailable: intOrString('Most nodes that may be without the pod during an update.'),
          maxSurge: intOrString('Most nodes with an old and a new pod during an update.'),
        }),
      },
      [],
      'How old pods are replaced by new ones.',
      { default: {} },
    ),
    minReadySeconds: int32('Seconds a pod must be ready to count as available.'),
    revisionHistoryLimit: int32('Old revisions that are kept for a rollback.', { default: 10 }),
  },
  ['selector', 'template'],
  'The pods to keep, one on each node.',
);

const status = object(
  {
    currentNumberScheduled: int32('Nodes that should have the pod and do.'),
    numberMisscheduled: int32('Nodes that should not have the pod and do.'),
    desiredNumberScheduled: int32('Nodes that should have the pod.'),
    numberReady: int32('Nodes whose pod is ready.'),
    observedGeneration: int64('Generation that was looked at.'),
    updatedNumberScheduled: int32('Nodes with a pod of the present template.'),
    numberAvailable: int32('Nodes whose pod has been ready for minReadySeconds.'),
    numberUnavailable: int32('Nodes without an available pod.'),
    collisionCount: int32('How often the hash of the template collided.'),
    conditions,
  },
  ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady'],
);

const schema = object({ spec, status }, ['spec'], 'Keeps one pod on each node.');

/** Keeps one pod on each node. */
export type DaemonSet = KubeObject & TypeOf<typeof schema>;
export type DaemonSetStatus = TypeOf<typeof status>;

export const emptyDaemonSetStatus: DaemonSetStatus = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
};

const count = (
  name: string,
  description: string,
  of: (status: DaemonSetStatus) => number | undefined,
): PrinterColumn => ({
  name,
  type: 'integer',
  description,
  value: ({ status = emptyDaemonSetStatus }: DaemonSet) => of(status) ?? 0,
});

export const daemonSet: KindDefinition<DaemonSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  singular: 'daemonset',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  builtin: true,
  schema,
  subresources: { status: true },
  columns: [
    count('Desired', 'Nodes that should have the pod.', (one) => one.desiredNumberScheduled),
    count('Current', 'Nodes that should have the pod and do.', (one) => one.currentNumberScheduled),
    count('Ready', 'Nodes whose pod is ready.', (one) => one.numberReady),
    count('Up-to-date', 'Nodes with a pod of the present template.', (one) => one.updatedNumberScheduled),
    count('Available', 'Nodes whose pod is available.', (one) => one.numberAvailable),
    {
      name: 'Node Selector',
      type: 'string',
      description: 'Labels the nodes must have.',
      value: ({ spec }: DaemonSet) => selectorCell({ matchLabels: spec.template.spec.nodeSelector }),
    },
    ageColumn,
    ...workloadColumns,
  ],
  mutate: withDefaults,
  validate: daemonSetCauses,
  warn: templateWarnings,
};

function withDefaults({ object, old, operation, subresource }: AdmissionRequest<DaemonSet>): DaemonSet {
  if (subresource !== undefined || operation === 'DELETE') return object;
  const { updateStrategy } = object.spec;
  const rolling = updateStrategy?.type === undefined || updateStrategy.type === 'RollingUpdate';
  const rollingUpdate = { maxUnavailable: 1, maxSurge: 0, ...updateStrategy?.rollingUpdate };
  const spec = {
    ...object.spec,
    template: withTemplateDefaults(object.spec.template),
    ...(rolling
      ? { updateStrategy: { type: 'RollingUpdate' as const, ...updateStrategy, rollingUpdate } }
      : {}),
  };
  const next = { ...object, spec, ...(operation === 'CREATE' ? { status: emptyDaemonSetStatus } : {}) };
  return withGeneration(next, old);
}

/** The template's generation counts on when the template changes, whatever the client writes. */
function withGeneration(object: DaemonSet, old: DaemonSet | undefined): DaemonSet {
  const before = Number(old?.metadata.annotations?.[templateGenerationAnnotation] ?? 0);
  const changed = old === undefined || !isDeepStrictEqual(object.spec.template, old.spec.template);
  const annotations = {
    ...object.metadata.annotations,
    [templateGenerationAnnotation]: String(before + (changed ? 1 : 0)),
  };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
