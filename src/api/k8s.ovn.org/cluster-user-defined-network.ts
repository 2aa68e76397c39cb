import { ageColumn } from '../columns.ts';
import { conditions } from '../core/condition.ts';
import { labelSelector } from '../core/label-selector.ts';
import type { KindDefinition } from '../kind.ts';
import { labelSelectorCauses } from '../label-rules.ts';
import type { KubeObject } from '../meta.ts';
import { object, oneOf, type TypeOf } from '../schema.ts';
import { layer2, layer3, localnet, unionRules } from './network-schema.ts';
import { networkWarnings } from './network-warnings.ts';

const schema = object(
  {
    spec: object(
      {
        namespaceSelector: labelSelector,
        network: object(
          {
            topology: oneOf(['Layer2', 'Layer3', 'Localnet'], 'Shape of the network.'),
            layer2,
            layer3,
            localnet,
          },
          ['topology'],
          'What the network is.',
          { 'x-kubernetes-validations': unionRules(['Layer3', 'Layer2', 'Localnet']) },
        ),
      },
      ['namespaceSelector', 'network'],
      'Which namespaces the network is for, and what it is.',
    ),
    status: object({ conditions }),
  },
  ['spec'],
  'A network of several namespaces.',
);

/** A network of several namespaces. */
export type ClusterUserDefinedNetwork = KubeObject & TypeOf<typeof schema>;

export const clusterUserDefinedNetwork: KindDefinition<ClusterUserDefinedNetwork> = {
  group: 'k8s.ovn.org',
  version: 'v1',
  kind: 'ClusterUserDefinedNetwork',
  plural: 'clusteruserdefinednetworks',
  singular: 'clusteruserdefinednetwork',
  shortNames: ['cudn'],
  namespaced: false,
  builtin: false,
  schema,
  subresources: { status: true },
  columns: [
    { name: 'Topology', type: 'string', jsonPath: '.spec.network.topology' },
    { name: 'Created', type: 'string', jsonPath: '.status.conditions[?(@.type=="NetworkCreated")].status' },
    ageColumn,
  ],
  // Upstream stores it, and the network's condition tells; here as with the selectors of every other kind.
  validate: ({ object, operation, subresource }) =>
    operation === 'DELETE' || subresource !== undefined || object.metadata.deletionTimestamp !== undefined
      ? []
      : labelSelectorCauses('spec.namespaceSelector', object.spec.namespaceSelector),
  warn: (request) =>
    request.operation === 'DELETE' || request.subresource !== undefined
      ? []
      : networkWarnings(request.object.spec.network, 'spec.network', request),
};
