import { invalid } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import { conditions } from '../core/condition.ts';
import { labelSelector } from '../core/label-selector.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import { labelSelectorCauses } from '../label-rules.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { intOrPercentCauses } from '../number-rules.ts';
import { int32, int64, intOrString, map, object, oneOf, type TypeOf, time } from '../schema.ts';

const schema = object(
  {
    spec: object(
      {
        minAvailable: intOrString('Fewest pods that must be left after an eviction; number or percentage.'),
        maxUnavailable: intOrString('Most pods that may be missing after an eviction; number or percentage.'),
        selector: { ...labelSelector, 'x-kubernetes-patch-strategy': 'replace' as const },
        unhealthyPodEvictionPolicy: oneOf(
          ['AlwaysAllow', 'IfHealthyBudget'],
          'Whether pods that are not ready may always be evicted.',
        ),
      },
      [],
      'How many pods may be missing.',
    ),
    status: object(
      {
        observedGeneration: int64('Generation that was looked at.'),
        disruptedPods: map(
          time(),
          'Pods whose eviction was granted and that are not gone yet, with the time.',
        ),
        disruptionsAllowed: int32('Pods that may be evicted now.'),
        currentHealthy: int32('Pods that are ready.'),
        desiredHealthy: int32('Fewest pods that must be ready.'),
        expectedPods: int32('Pods counted.'),
        conditions,
      },
      ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'],
    ),
  },
  [],
  'Says how many pods of a group may be evicted at once.',
);

/** Says how many pods of a group may be evicted at once. */
export type PodDisruptionBudget = KubeObject & TypeOf<typeof schema>;
export type PodDisruptionBudgetStatus = NonNullable<PodDisruptionBudget['status']>;

const shown = (value: number | string | undefined): string => (value === undefined ? 'N/A' : String(value));

export const podDisruptionBudget: KindDefinition<PodDisruptionBudget> = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  singular: 'poddisruptionbudget',
  shortNames: ['pdb'],
  namespaced: true,
  builtin: true,
  schema,
  subresources: { status: true },
  columns: [
    {
      name: 'Min Available',
      type: 'string',
      description: 'The minimum number of pods that must be available.',
      value: ({ spec }: PodDisruptionBudget) => shown(spec?.minAvailable),
    },
    {
      name: 'Max Unavailable',
      type: 'string',
      description: 'The maximum number of pods that may be unavailable.',
      value: ({ spec }: PodDisruptionBudget) => shown(spec?.maxUnavailable),
    },
    {
      name: 'Allowed Disruptions',
      type: 'integer',
      description: 'Calculated number of pods that may be disrupted at this time.',
      value: ({ status }: PodDisruptionBudget) => status?.disruptionsAllowed ?? 0,
    },
    ageColumn,
  ],
  mutate: ({ object, operation }) =>
    operation === 'CREATE'
      ? {
          ...object,
          status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
        }
      : object,
  validate,
};

/** k8s.io/kubernetes/pkg/apis/policy/validation ValidatePodDisruptionBudgetSpec. */
function validate(request: AdmissionRequest<PodDisruptionBudget>): readonly Cause[] {
  const { object, operation, subresource } = request;
  if (operation === 'DELETE' || subresource !== undefined) return [];
  const { minAvailable, maxUnavailable, selector } = object.spec ?? {};
  return [
    ...(minAvailable !== undefined && maxUnavailable !== undefined
      ? [invalid('spec', object.spec, 'minAvailable and maxUnavailable cannot be both set')]
      : []),
    ...intOrPercentCauses('spec.minAvailable', minAvailable, true),
    ...intOrPercentCauses('spec.maxUnavailable', maxUnavailable, true),
    ...labelSelectorCauses('spec.selector', selector),
  ];
}
