import { isDeepStrictEqual } from 'node:util';
import { invalid, required } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { qualifiedNameProblem } from '../names.ts';
import { immutable } from '../number-rules.ts';
import { quantityCauses } from '../quantity.ts';
import { array, object, oneOf, string, type TypeOf } from '../schema.ts';
import { quantities } from './resources.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const scopeNames = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
] as const;
/** Which objects a quota counts. */
export type QuotaScope = (typeof scopeNames)[number];

const requirement = object(
  {
    scopeName: oneOf(scopeNames, 'Property of the objects.'),
    operator: oneOf(['DoesNotExist', 'Exists', 'In', 'NotIn'], 'How it relates to the values.'),
    values: array(string(), 'Values; empty for Exists and DoesNotExist.', atomic),
  },
  ['scopeName', 'operator'],
);

const schema = object(
  {
    spec: object({
      hard: quantities('Most of each resource, such as pods, requests.cpu or count/secrets.'),
      scopes: array(oneOf(scopeNames), 'Objects that count; all must hold.', atomic),
      scopeSelector: object(
        { matchExpressions: array(requirement, 'Requirements that must all hold.', atomic) },
        [],
        'Objects that count.',
        { 'x-kubernetes-map-type': 'atomic' },
      ),
    }),
    status: object({ hard: quantities('Limits in force.'), used: quantities('What is used.') }),
  },
  [],
  'Limits what a namespace may use.',
);

/** Limits what a namespace may use. */
export type ResourceQuota = KubeObject & TypeOf<typeof schema>;

export const resourceQuota: KindDefinition<ResourceQuota> = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  singular: 'resourcequota',
  shortNames: ['quota'],
  namespaced: true,
  builtin: true,
  schema,
  subresources: { status: true },
  columns: [
    {
      name: 'Request',
      type: 'string',
      description: 'Used and allowed requests.',
      value: (one: ResourceQuota) => usageCell(one, false),
    },
    {
      name: 'Limit',
      type: 'string',
      description: 'Used and allowed limits.',
      value: (one: ResourceQuota) => usageCell(one, true),
    },
    ageColumn,
  ],
  mutate: ({ object, operation }) => (operation === 'CREATE' ? { ...object, status: {} } : object),
  validate,
};

/** `pods: 1/10, requests.cpu: 500m/2`, names sorted; those of limits apart. */
function usageCell({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith('limits.') === limits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? 0}/${status?.hard?.[name] ?? 0}`)
    .join(', ');
}

const plainNames: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'storage',
  'ephemeral-storage',
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
]);
const dottedNames = /^(?:(?:requests|limits)\.|services\.(?:nodeports|loadbalancers)$|count\/)/;

/** k8s.io/kubernetes/pkg/apis/core/validation ValidateResourceQuota. */
function validate({
  object,
  old,
  operation,
  subresource,
}: AdmissionRequest<ResourceQuota>): readonly Cause[] {
  if (operation === 'DELETE' || subresource !== undefined) return [];
  const { hard = {}, scopes, scopeSelector } = object.spec ?? {};
  return [
    ...Object.entries(hard).flatMap(([name, amount]) => [
      ...nameCauses(`spec.hard[${name}]`, name),
      ...quantityCauses(`spec.hard[${name}]`, amount),
    ]),
    ...scopeCauses(scopes ?? [], Object.keys(hard)),
    ...(scopeSelector?.matchExpressions ?? []).flatMap(({ operator, values = [] }, index) => {
      const field = `spec.scopeSelector.matchExpressions[${index}].values`;
      const needed = operator === 'In' || operator === 'NotIn';
      if (needed && values.length === 0) {
        return [
          required(field, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
        ];
      }
      return !needed && values.length > 0
        ? [
            invalid(
              field,
              values,
              "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            ),
          ]
        : [];
    }),
    ...(old === undefined ? [] : immutable('spec.scopes', scopes, old.spec?.scopes)),
    ...(old === undefined || isDeepStrictEqual(scopeSelector, old.spec?.scopeSelector)
      ? []
      : [invalid('spec.scopeSelector', scopeSelector ?? null, 'field is immutable')]),
  ];
}

function nameCauses(field: string, name: string): readonly Cause[] {
  const problem = qualifiedNameProblem(name.replace(/^count\//, ''));
  if (problem !== undefined) return [invalid(field, name, problem)];
  return name.includes('/') || plainNames.has(name) || dottedNames.test(name) || name.startsWith('hugepages-')
    ? []
    : [invalid(field, name, 'must be a standard resource for quota')];
}

const computeNames: ReadonlySet<string> = new Set(['pods', 'cpu', 'memory']);

function scopeCauses(scopes: readonly QuotaScope[], names: readonly string[]): readonly Cause[] {
  const field = 'spec.scopes';
  const given = new Set(scopes);
  const pairs = [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const;
  const onlyPods = given.has('BestEffort') && names.some((name) => name !== 'pods');
  const others = names.some((name) => !computeNames.has(name) && !/^(?:requests|limits)\./.test(name));
  return [
    ...(onlyPods || (scopes.length > 0 && others)
      ? [invalid(field, scopes, 'unsupported scope applied to resource')]
      : []),
    ...(pairs.some(([one, other]) => given.has(one) && given.has(other))
      ? [invalid(field, scopes, 'conflicting scopes')]
      : []),
  ];
}
