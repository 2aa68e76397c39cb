import { ageColumn } from '../columns.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { boolean, map, object, string, type TypeOf } from '../schema.ts';
import { validateKeyedValues } from './keyed-values.ts';

const schema = object(
  {
    immutable: boolean('Whether keys and values are fixed for good.'),
    data: map(string(), 'Text by key.'),
    binaryData: map(string(undefined, { format: 'byte' }), 'Bytes by key, base64.'),
  },
  [],
  'Configuration as keys and values.',
);

/** Configuration as keys and values. */
export type ConfigMap = KubeObject & TypeOf<typeof schema>;

export const configMap: KindDefinition<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  namespaced: true,
  builtin: true,
  schema,
  columns: [
    {
      name: 'Data',
      type: 'integer',
      description: 'How many keys it has.',
      value: (one: ConfigMap) =>
        Object.keys(one.data ?? {}).length + Object.keys(one.binaryData ?? {}).length,
    },
    ageColumn,
  ],
  validate: ({ object, old }) => validateKeyedValues('ConfigMap', ['data', 'binaryData'], object, old),
};
