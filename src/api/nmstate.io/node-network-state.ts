import { conditionList } from '../core/condition.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { anyObject, object, string, type TypeOf, time } from '../schema.ts';

const schema = object(
  {
    status: object({
      currentState: anyObject(
        'Interfaces, routes, DNS and bridge mappings of the node, in the words of nmstate.',
      ),
      lastSuccessfulUpdateTime: { ...time('When the state was last read.'), nullable: true },
      handlerNmstateVersion: string('Version of what reads the state.'),
      hostNetworkManagerVersion: string('Version of NetworkManager, when the node runs it.'),
      conditions: conditionList,
    }),
  },
  [],
  'Network state of one node, named like the node.',
);

/** Network state of one node, named like the node. */
export type NodeNetworkState = KubeObject & TypeOf<typeof schema>;

export const nodeNetworkState: KindDefinition<NodeNetworkState> = {
  group: 'nmstate.io',
  version: 'v1beta1',
  kind: 'NodeNetworkState',
  plural: 'nodenetworkstates',
  singular: 'nodenetworkstate',
  shortNames: ['nns'],
  namespaced: false,
  builtin: false,
  schema,
  subresources: { status: true },
  columns: [],
};
