import { ageColumn } from '../columns.ts';
import { conditionList } from '../core/condition.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { anyObject, array, int32, int64, map, object, string, type TypeOf, time } from '../schema.ts';

const metaInfo = object({ version: string('Version that made it.'), time: time('When it was made.') });

const schema = object(
  {
    status: object({
      desiredState: anyObject('State asked of this node, captures filled in.'),
      desiredStateMetaInfo: metaInfo,
      capturedStates: map(object({ state: anyObject('What was captured.'), metaInfo }), 'Captures by name.'),
      conditions: conditionList,
      policyGeneration: int64('Generation of the policy that was worked on.'),
      features: array(string(), 'Features of nmstate that are used.'),
      retryCount: int32('How often it was tried again.'),
    }),
  },
  [],
  'How far a policy is on one node; named <node>.<policy>.',
);

/** How far a policy is on one node; named `<node>.<policy>`. */
export type NodeNetworkConfigurationEnactment = KubeObject & TypeOf<typeof schema>;

export const nodeNetworkConfigurationEnactment: KindDefinition<NodeNetworkConfigurationEnactment> = {
  group: 'nmstate.io',
  version: 'v1beta1',
  kind: 'NodeNetworkConfigurationEnactment',
  plural: 'nodenetworkconfigurationenactments',
  singular: 'nodenetworkconfigurationenactment',
  shortNames: ['nnce'],
  namespaced: false,
  builtin: false,
  schema,
  subresources: { status: true },
  columns: [
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.status=="True")].type' },
    {
      name: 'Status Age',
      type: 'date',
      jsonPath: '.status.conditions[?(@.status=="True")].lastTransitionTime',
    },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.status=="True")].reason' },
    { ...ageColumn, priority: 1 },
  ],
};
