import type { KubeObject } from '../meta.ts';
import { int32, object, string, type TypeOf } from '../schema.ts';

/** Body of a builtin kind's `scale` subresource (autoscaling/v1 Scale). Not a kind of its own: nothing stores it. */
export const scaleSchema = object(
  {
    spec: object({ replicas: int32('The desired number of instances for the scaled object.') }),
    status: object(
      {
        replicas: int32('The actual number of observed instances of the scaled object.'),
        selector: string('The label query over pods that should match the replicas count.'),
      },
      ['replicas'],
    ),
  },
  [],
  'Scale represents a scaling request for a resource.',
);

/** A scaling request. */
export type Scale = KubeObject & TypeOf<typeof scaleSchema>;
