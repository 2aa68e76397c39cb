/** Resource requests and limits of a container or a virtual machine. */
import { listMap, map, object, quantity, string, type TypeOf } from '../schema.ts';

export const quantities = (description: string) => map(quantity(), description);

export const resourceRequirements = object(
  {
    limits: quantities('Most it may use, by resource.'),
    requests: quantities('What the scheduler sets aside, by resource; defaults to limits.'),
    claims: listMap(
      ['name'],
      object(
        { name: string('Name of an entry of the pod resource claims.'), request: string('Request in it.') },
        ['name'],
      ),
      'Claims of dynamic resource allocation that are used.',
    ),
  },
  [],
  'Compute resources.',
);
export type ResourceRequirements = TypeOf<typeof resourceRequirements>;
