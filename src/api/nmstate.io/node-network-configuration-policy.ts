import { isDeepStrictEqual } from 'node:util';
import { conditionList } from '../core/condition.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { anyObject, int32, intOrString, map, object, string, type TypeOf, time } from '../schema.ts';

import {
  captureCauses,
  desiredStateCauses,
  inProgressCauses,
  maxUnavailableCauses,
  selectorCauses,
} from './admission/policy-rules.ts';
import { warnAboutPolicy } from './admission/policy-warnings.ts';

const schema = object(
  {
    spec: object(
      {
        nodeSelector: map(string(), 'Labels of the nodes it is for; all nodes when empty.'),
        capture: map(string(), 'Expressions over the current state, by name, for use in desiredState.'),
        desiredState: anyObject('Network state the nodes shall have, in the words of nmstate.'),
        maxUnavailable: intOrString(
          'How many nodes may be changed at once, a number or a percentage; 50% when empty.',
        ),
      },
      [],
      'What is to be configured where.',
    ),
    status: object({
      conditions: conditionList,
      unavailableNodeCount: int32('Nodes being changed now.'),
      unavailableNodeCountMap: map(int32(), 'Nodes being changed, by generation.'),
      lastUnavailableNodeCountUpdate: time('When that was last counted.'),
    }),
  },
  [],
  'Network configuration for a set of nodes.',
);

/** Network configuration for a set of nodes. */
export type NodeNetworkConfigurationPolicy = KubeObject & TypeOf<typeof schema>;

export const nodeNetworkConfigurationPolicy: KindDefinition<NodeNetworkConfigurationPolicy> = {
  group: 'nmstate.io',
  version: 'v1',
  kind: 'NodeNetworkConfigurationPolicy',
  plural: 'nodenetworkconfigurationpolicies',
  singular: 'nodenetworkconfigurationpolicy',
  shortNames: ['nncp'],
  namespaced: false,
  builtin: false,
  schema,
  subresources: { status: true },
  columns: [
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.status=="True")].type' },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.status=="True")].reason' },
  ],
  validate,
  warn,
};

function isOfSpec({
  object,
  old,
  operation,
  subresource,
}: AdmissionRequest<NodeNetworkConfigurationPolicy>): boolean {
  if (operation === 'DELETE' || subresource !== undefined) return false;
  return old === undefined || !isDeepStrictEqual(old.spec, object.spec);
}

function validate(request: AdmissionRequest<NodeNetworkConfigurationPolicy>): readonly Cause[] {
  if (!isOfSpec(request)) return [];
  const { spec, metadata } = request.object;
  return [
    ...selectorCauses(spec?.nodeSelector),
    ...captureCauses(spec?.capture),
    ...desiredStateCauses(spec?.desiredState),
    ...maxUnavailableCauses(spec?.maxUnavailable),
    ...inProgressCauses(metadata.name, request.old?.status?.conditions),
  ];
}

function warn(request: AdmissionRequest<NodeNetworkConfigurationPolicy>): readonly string[] {
  if (!isOfSpec(request)) return [];
  const { spec } = request.object;
  return warnAboutPolicy(spec?.desiredState, spec?.nodeSelector, request);
}
