/** Label selectors (apimachinery `meta/v1 LabelSelector`). */
import { array, map, object, oneOf, string, type TypeOf } from '../schema.ts';

export const labelSelector = object(
  {
    matchLabels: map(string(), 'Labels that must have exactly these values.'),
    matchExpressions: array(
      object(
        {
          key: string('Label key.'),
          operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], 'How key and values relate.'),
          values: array(string(), 'Values; empty for Exists and DoesNotExist.', {
            'x-kubernetes-list-type': 'atomic',
          }),
        },
        ['key', 'operator'],
      ),
      'Requirements that must all hold.',
      { 'x-kubernetes-list-type': 'atomic' },
    ),
  },
  [],
  'Selects objects by their labels; an empty selector selects everything.',
  { 'x-kubernetes-map-type': 'atomic' },
);
export type LabelSelector = TypeOf<typeof labelSelector>;
