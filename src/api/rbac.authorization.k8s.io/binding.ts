/** What role bindings and cluster role bindings share (`rbac/v1 RoleRef`, `Subject`). */
import { invalid, notSupported, required } from '../cause.ts';
import type { AdmissionRequest, PrinterColumn } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { array, object, string, type TypeOf } from '../schema.ts';
import { rbacGroup } from './rule.ts';

const roleRef = object(
  {
    apiGroup: string('API group of the role.', { default: rbacGroup }),
    kind: string('Role or ClusterRole.'),
    name: string('Name of the role.'),
  },
  ['kind', 'name'],
  'The role that is granted; it cannot be changed.',
  { 'x-kubernetes-map-type': 'atomic' },
);

const subject = object(
  {
    kind: string('User, Group or ServiceAccount.'),
    apiGroup: string('API group of the subject; "" for service accounts.'),
    name: string('Name of the subject.'),
    namespace: string('Namespace of a service account.'),
  },
  ['kind', 'name'],
  'Who gets the role.',
  { 'x-kubernetes-map-type': 'atomic' },
);

/** Fields of both kinds of bindings. */
export const bindingFields = {
  subjects: array(subject, 'Who gets the role.', { 'x-kubernetes-list-type': 'atomic' }),
  roleRef,
};

/** The role that is granted. */
export type RoleRef = TypeOf<typeof roleRef>;
/** Who gets a role. */
export type Subject = TypeOf<typeof subject>;
/** What both kinds of bindings are. */
export type AnyBinding = KubeObject & {
  readonly roleRef: RoleRef;
  readonly subjects?: readonly Subject[] | undefined;
};

/** Group of subjects that name none: that of RBAC for users and groups. */
export function defaultSubjects<T extends AnyBinding>(binding: T): T {
  const { subjects } = binding;
  if (subjects === undefined) {
    return binding;
  }
  const filled = subjects.map((one) =>
    (one.apiGroup ?? '') === '' && one.kind !== 'ServiceAccount' ? { ...one, apiGroup: rbacGroup } : one,
  );
  return { ...binding, subjects: filled };
}

/** Causes of a binding that upstream refuses (`rbac/validation ValidateRoleBinding`). */
export function validateBinding(
  { object: { roleRef: ref, subjects }, old }: AdmissionRequest<AnyBinding>,
  kinds: readonly string[],
): readonly Cause[] {
  const causes: Cause[] = [];
  if ((ref.apiGroup ?? rbacGroup) !== rbacGroup) {
    causes.push(notSupported('roleRef.apiGroup', ref.apiGroup ?? '', [rbacGroup]));
  }
  if (!kinds.includes(ref.kind)) {
    causes.push(notSupported('roleRef.kind', ref.kind, kinds));
  }
  if (ref.name === '') {
    causes.push(required('roleRef.name', ''));
  }
  if (old !== undefined && (old.roleRef.kind !== ref.kind || old.roleRef.name !== ref.name)) {
    causes.push(invalid('roleRef', ref, 'cannot change roleRef'));
  }
  const namespaced = kinds.length > 1;
  return [
    ...causes,
    ...(subjects ?? []).flatMap((one, index) => validateSubject(one, `subjects[${index}]`, namespaced)),
  ];
}

function validateSubject(one: Subject, field: string, namespaced: boolean): readonly Cause[] {
  const causes: Cause[] = [];
  if (one.name === '') {
    causes.push(required(`${field}.name`, ''));
  }
  const group = one.apiGroup ?? '';
  switch (one.kind) {
    case 'ServiceAccount':
      if (group !== '') {
        causes.push(notSupported(`${field}.apiGroup`, group, ['']));
      }
      if (!namespaced && (one.namespace ?? '') === '') {
        causes.push(required(`${field}.namespace`, ''));
      }
      return causes;
    case 'User':
    case 'Group':
      if (group !== rbacGroup) {
        causes.push(notSupported(`${field}.apiGroup`, group, [rbacGroup]));
      }
      return causes;
    default:
      return [...causes, notSupported(`${field}.kind`, one.kind, ['ServiceAccount', 'User', 'Group'])];
  }
}

/** Columns of both kinds after Name. */
export const bindingColumns: readonly PrinterColumn[] = [
  {
    name: 'Role',
    type: 'string',
    description: 'The role that is granted.',
    value: (one: AnyBinding) => `${one.roleRef.kind}/${one.roleRef.name}`,
  },
  {
    name: 'Age',
    type: 'date',
    description: 'How long ago the object was made.',
    jsonPath: '.metadata.creationTimestamp',
  },
  subjectColumn('Users', 'User'),
  subjectColumn('Groups', 'Group'),
  subjectColumn('ServiceAccounts', 'ServiceAccount'),
];

function subjectColumn(name: string, kind: string): PrinterColumn {
  return {
    name,
    type: 'string',
    priority: 1,
    description: `${name} that get the role.`,
    value: (one: AnyBinding) =>
      (one.subjects ?? [])
        .filter((each) => each.kind === kind)
        .map((each) => (kind === 'ServiceAccount' ? `${each.namespace ?? ''}/${each.name}` : each.name))
        .join(', '),
  };
}
