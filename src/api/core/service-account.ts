import { ageColumn } from '../columns.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, boolean, listMap, object, repeatable, type TypeOf } from '../schema.ts';
import { localObjectReference, objectReference } from './reference.ts';

const schema = object(
  {
    secrets: repeatable(listMap(['name'], objectReference, 'Secrets its pods may use.')),
    imagePullSecrets: array(localObjectReference, 'Secrets to pull images with.', {
      'x-kubernetes-list-type': 'atomic',
    }),
    automountServiceAccountToken: boolean('Whether its pods get a token.'),
  },
  [],
  'An identity for programs in pods.',
);

/** An identity for programs in pods. */
export type ServiceAccount = KubeObject & TypeOf<typeof schema>;

export const serviceAccount: KindDefinition<ServiceAccount> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  singular: 'serviceaccount',
  shortNames: ['sa'],
  namespaced: true,
  builtin: true,
  schema,
  columns: [
    {
      name: 'Secrets',
      type: 'string',
      description: 'How many secrets its pods may use.',
      value: (one: ServiceAccount) => one.secrets?.length ?? 0,
    },
    ageColumn,
  ],
};
