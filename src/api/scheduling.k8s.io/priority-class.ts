import { forbidden } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { immutable } from '../number-rules.ts';
import { boolean, int32, object, oneOf, string, type TypeOf } from '../schema.ts';

/** Highest value a user may give. */
export const highestUserPriority = 1_000_000_000;
/** Classes every cluster has. */
export const systemPriorities: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

const schema = object(
  {
    value: int32('Priority of the pods that name this class.'),
    globalDefault: boolean('Whether pods that name no class get this one.'),
    description: string('When to use it.'),
    preemptionPolicy: oneOf(['Never', 'PreemptLowerPriority'], 'Whether its pods may displace others.', {
      default: 'PreemptLowerPriority',
    }),
  },
  ['value'],
  'A name for a priority of pods.',
);

/** A name for a priority of pods. */
export type PriorityClass = KubeObject & TypeOf<typeof schema>;

export const priorityClass: KindDefinition<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  singular: 'priorityclass',
  shortNames: ['pc'],
  namespaced: false,
  builtin: true,
  schema,
  columns: [
    {
      name: 'Value',
      type: 'integer',
      description: 'Priority of its pods.',
      value: ({ value }: PriorityClass) => value,
    },
    {
      name: 'Global-Default',
      type: 'boolean',
      description: 'Whether pods that name no class get this one.',
      value: ({ globalDefault }: PriorityClass) => globalDefault ?? false,
    },
    ageColumn,
    {
      name: 'PreemptionPolicy',
      type: 'string',
      description: 'Whether its pods may displace others.',
      value: ({ preemptionPolicy }: PriorityClass) => preemptionPolicy ?? '',
    },
  ],
  validate,
};

/** k8s.io/kubernetes/pkg/apis/scheduling/validation, plugin/pkg/admission/priority. */
function validate(request: AdmissionRequest<PriorityClass>): readonly Cause[] {
  const { object, old, operation } = request;
  if (operation === 'DELETE') return [];
  return [
    ...reservedCauses(object),
    ...defaultCauses(request),
    ...(old === undefined || object.value === old.value
      ? []
      : [forbidden('value', 'may not be changed in an update.')]),
    ...(old === undefined
      ? []
      : immutable('preemptionPolicy', object.preemptionPolicy, old.preemptionPolicy)),
  ];
}

function reservedCauses({ metadata: { name }, value }: PriorityClass): readonly Cause[] {
  if (!name.startsWith('system-')) {
    return value > highestUserPriority
      ? [forbidden('value', `maximum allowed value of a user defined priority is ${highestUserPriority}`)]
      : [];
  }
  const known = systemPriorities[name];
  if (known === value) return [];
  const why =
    known === undefined
      ? `${name} is not a known system priority class`
      : `value of ${name} PriorityClass must be ${known}`;
  const words = "priority class names with 'system-' prefix are reserved for system use only. error:";
  return [forbidden('metadata.name', `${words} ${why}`)];
}

function defaultCauses({ object, list }: AdmissionRequest<PriorityClass>): readonly Cause[] {
  if (object.globalDefault !== true) return [];
  const other = (list(priorityClass) as readonly PriorityClass[]).find(
    (one) => one.globalDefault === true && one.metadata.name !== object.metadata.name,
  );
  return other === undefined
    ? []
    : [
        forbidden(
          'globalDefault',
          `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
        ),
      ];
}
