import { invalid } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { int32, object, string, type TypeOf, time } from '../schema.ts';

const schema = object(
  {
    spec: object({
      holderIdentity: string('Who holds it.'),
      leaseDurationSeconds: int32('Seconds after renewTime until others may take it.'),
      acquireTime: time('When it was taken.'),
      renewTime: time('When it was last renewed.'),
      leaseTransitions: int32('How often the holder changed.'),
      strategy: string('How the next holder is chosen.'),
      preferredHolder: string('Who should take it over.'),
    }),
  },
  [],
  'A claim that must be renewed.',
);

/** A claim that must be renewed. */
export type Lease = KubeObject & TypeOf<typeof schema>;

export const lease: KindDefinition<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  namespaced: true,
  builtin: true,
  schema,
  columns: [
    {
      name: 'Holder',
      type: 'string',
      description: 'Who holds it.',
      value: (one: Lease) => one.spec?.holderIdentity ?? '',
    },
    ageColumn,
  ],
  validate: leaseCauses,
};

/** Rule: k8s.io/kubernetes/pkg/apis/coordination/validation ValidateLeaseSpec. */
function leaseCauses({ object: { spec = {} } }: AdmissionRequest<Lease>): readonly Cause[] {
  const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = spec;
  return [
    ...(seconds === undefined || seconds > 0
      ? []
      : [invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0')]),
    ...(transitions === undefined || transitions >= 0
      ? []
      : [invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0')]),
  ];
}
