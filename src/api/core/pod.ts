import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { object, type TypeOf } from '../schema.ts';
import { ephemeralUpdateCauses } from './admission/ephemeral-rules.ts';
import { withPodDefaults } from './admission/pod-defaults.ts';
import { newPodCauses, podSpecCauses } from './admission/pod-rules.ts';
import { podUpdateCauses } from './admission/pod-update.ts';
import { resizeCauses } from './admission/resize-rules.ts';
import { podColumns } from './pod-columns.ts';
import { podSpec } from './pod-spec.ts';
import { podStatus } from './pod-status.ts';
import { podWarnings } from './pod-warnings.ts';

export type { Container, EphemeralContainer } from './container.ts';
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
  selectableValues: { 'spec.hostNetwork': { absent: 'false' } },
  mutate: withPodDefaults,
  validate,
  warn: podWarnings,
};

function validate({ object, old, operation, subresource }: AdmissionRequest<Pod>): readonly Cause[] {
  if (subresource === 'ephemeralcontainers' && old !== undefined) {
    return [...podSpecCauses(object.spec), ...ephemeralUpdateCauses(object.spec, old.spec)];
  }
  if (subresource === 'resize' && old !== undefined) {
    return [...podSpecCauses(object.spec), ...resizeCauses(object, old)];
  }
  if (operation === 'DELETE' || subresource !== undefined) return [];
  return old === undefined ? newPodCauses(object.spec) : podUpdateCauses(object.spec, old.spec);
}
