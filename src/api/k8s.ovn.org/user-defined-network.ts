import { ageColumn } from '../columns.ts';
import { conditions } from '../core/condition.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { object, oneOf, type TypeOf } from '../schema.ts';
import { layer2, layer3, unionRules } from './network-schema.ts';
import { networkWarnings } from './network-warnings.ts';

const schema = object(
  {
    spec: object(
      { topology: oneOf(['Layer2', 'Layer3'], 'Shape of the network.'), layer2, layer3 },
      ['topology'],
      'What the network is.',
      { 'x-kubernetes-validations': unionRules(['Layer3', 'Layer2']) },
    ),
    status: object({ conditions }),
  },
  ['spec'],
  'A network of one namespace.',
);

/** A network of one namespace. */
export type UserDefinedNetwork = KubeObject & TypeOf<typeof schema>;

export const userDefinedNetwork: KindDefinition<UserDefinedNetwork> = {
  group: 'k8s.ovn.org',
  version: 'v1',
  kind: 'UserDefinedNetwork',
  plural: 'userdefinednetworks',
  singular: 'userdefinednetwork',
  shortNames: ['udn'],
  namespaced: true,
  builtin: false,
  schema,
  subresources: { status: true },
  columns: [
    { name: 'Topology', type: 'string', jsonPath: '.spec.topology' },
    { name: 'Created', type: 'string', jsonPath: '.status.conditions[?(@.type=="NetworkCreated")].status' },
    ageColumn,
  ],
  warn: (request) =>
    request.operation === 'DELETE' || request.subresource !== undefined
      ? []
      : networkWarnings(request.object.spec, 'spec', request),
};
