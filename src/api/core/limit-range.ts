import { duplicate, invalid } from '../cause.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { quantityCauses, quantityValue } from '../quantity.ts';
import { array, object, string, type TypeOf } from '../schema.ts';
import { quantities } from './resources.ts';

const item = object(
  {
    type: string('Container, Pod or PersistentVolumeClaim.'),
    max: quantities('Most of each resource.'),
    min: quantities('Least of each resource.'),
    default: quantities('Limit of a container that names none.'),
    defaultRequest: quantities('Request of a container that names none.'),
    maxLimitRequestRatio: quantities('How many times its request a limit may be.'),
  },
  ['type'],
);

const schema = object(
  {
    spec: object({ limits: array(item, 'Limits by type.', { 'x-kubernetes-list-type': 'atomic' }) }, [
      'limits',
    ]),
  },
  [],
  'Limits and defaults of single objects in a namespace.',
);

/** Limits and defaults of single objects in a namespace. */
export type LimitRange = KubeObject & TypeOf<typeof schema>;
export type LimitRangeItem = TypeOf<typeof item>;

/** In `kubectl get` upstream shows when it was made, not its age. */
const createdAtColumn = {
  name: 'Created At',
  type: 'date',
  description: 'When the object was made.',
  value: ({ metadata }: KubeObject) => metadata.creationTimestamp ?? '<unknown>',
} as const;

export const limitRange: KindDefinition<LimitRange> = {
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  singular: 'limitrange',
  shortNames: ['limits'],
  namespaced: true,
  builtin: true,
  schema,
  columns: [createdAtColumn],
  mutate: withDefaults,
  validate,
};

/** Maximum is default limit, default limit is default request, minimum is default request, where nothing else is said. */
function withDefaults({ object, operation }: AdmissionRequest<LimitRange>): LimitRange {
  if (operation === 'DELETE' || object.spec === undefined) return object;
  const limits = object.spec.limits.map((one) => {
    if (one.type !== 'Container') return one;
    const limit = { ...one.max, ...one.default };
    const request = { ...one.min, ...limit, ...one.defaultRequest };
    return {
      ...one,
      ...(Object.keys(limit).length === 0 ? {} : { default: limit }),
      ...(Object.keys(request).length === 0 ? {} : { defaultRequest: request }),
    };
  });
  return { ...object, spec: { ...object.spec, limits } };
}

const amountFields = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

/** k8s.io/kubernetes/pkg/apis/core/validation ValidateLimitRange. */
function validate({ object, operation }: AdmissionRequest<LimitRange>): readonly Cause[] {
  if (operation === 'DELETE') return [];
  const seen = new Set<string>();
  return (object.spec?.limits ?? []).flatMap((one, index) => {
    const field = `spec.limits[${index}]`;
    const again = seen.has(one.type);
    seen.add(one.type);
    const amounts = amountFields.flatMap((name) =>
      Object.entries(one[name] ?? {}).flatMap(([resource, amount]) =>
        quantityCauses(`${field}.${name}[${resource}]`, amount),
      ),
    );
    const names = new Set(amountFields.flatMap((name) => Object.keys(one[name] ?? {})));
    return [
      ...(again ? [duplicate(`${field}.type`, one.type, '')] : []),
      ...(one.type === 'Pod' ? podCauses(one, field) : []),
      ...amounts,
      ...(amounts.length > 0 ? [] : [...names].flatMap((name) => orderCauses(one, field, name))),
    ];
  });
}

function podCauses(one: LimitRangeItem, field: string): readonly Cause[] {
  return (['default', 'defaultRequest'] as const)
    .filter((name) => Object.keys(one[name] ?? {}).length > 0)
    .map((name) => ({
      type: 'FieldValueForbidden' as const,
      field: `${field}.${name}`,
      message: "may not be specified when `type` is 'Pod'",
    }));
}

/** Minimum, default request, default limit, maximum must be in this order. */
function orderCauses(one: LimitRangeItem, field: string, resource: string): readonly Cause[] {
  const said = [
    ['min', 'min', one.min],
    ['defaultRequest', 'default request', one.defaultRequest],
    ['default', 'default', one.default],
    ['max', 'max', one.max],
  ] as const;
  const present = said.filter(([, , amounts]) => amounts?.[resource] !== undefined);
  return present.flatMap(([name, words, amounts], index) => {
    const value = amounts?.[resource];
    const above = present
      .slice(index + 1)
      .find(([, , more]) => (quantityValue(value) ?? 0) > (quantityValue(more?.[resource]) ?? 0));
    if (above === undefined) return [];
    const limit = above[2]?.[resource];
    const detail = `${words} value ${value} is greater than ${above[1]} value ${limit}`;
    return [invalid(`${field}.${name}[${resource}]`, String(value), detail)];
  });
}
