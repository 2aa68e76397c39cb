import { forbidden } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { array, object, oneOf, string, type TypeOf } from '../schema.ts';
import { conditions } from './condition.ts';

const schema = object(
  {
    spec: object(
      {
        finalizers: array(string(), 'What must be done before the namespace can go.', {
          'x-kubernetes-list-type': 'atomic',
        }),
      },
      [],
      'How the namespace behaves.',
    ),
    status: object({
      phase: oneOf(['Active', 'Terminating'], 'Whether objects may be made in it.'),
      conditions,
    }),
  },
  [],
  'A scope for names.',
);

/** A scope for names. */
export type Namespace = KubeObject & TypeOf<typeof schema>;

export const namespace: KindDefinition<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  namespaced: false,
  builtin: true,
  nameRule: 'dns-label',
  schema,
  subresources: { status: true },
  columns: [
    {
      name: 'Status',
      type: 'string',
      description: 'Whether objects may be made in it.',
      value: (object: Namespace) => object.status?.phase ?? '',
    },
    ageColumn,
  ],
  selectableFields: ['status.phase'],
  mutate: withDefaults,
  validate,
};

/** OVN-Kubernetes' admission policy: where pods already are, the primary network cannot change any more. */
const primaryLabel = 'k8s.ovn.org/primary-user-defined-network';

function validate({ object, old, operation, subresource }: AdmissionRequest<Namespace>): readonly Cause[] {
  const has = (one: Namespace): boolean => one.metadata.labels?.[primaryLabel] !== undefined;
  return operation !== 'UPDATE' || subresource !== undefined || old === undefined || has(old) === has(object)
    ? []
    : [
        forbidden(
          `metadata.labels[${primaryLabel}]`,
          'can only be given when the namespace is created, and cannot be removed; make another namespace',
        ),
      ];
}

/** As upstream: the name as a label, the finalizer of the namespace controller, phase Active. */
function withDefaults({ object, operation }: AdmissionRequest<Namespace>): Namespace {
  const name = object.metadata.name;
  const labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': name };
  const metadata = { ...object.metadata, labels };
  if (operation !== 'CREATE') return { ...object, metadata };
  const finalizers = new Set([...(object.spec?.finalizers ?? []), 'kubernetes']);
  return {
    ...object,
    metadata,
    spec: { ...object.spec, finalizers: [...finalizers] },
    status: { phase: 'Active' },
  };
}
