/** Nobody grants what they do not have: checks on roles and bindings that are written (upstream `policybased` storages). */
import type { KindDefinition } from '#api/kind.ts';
import type { AnyBinding } from '#api/rbac.authorization.k8s.io/binding.ts';
import type { ClusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import { type PolicyRule, rbacGroup } from '#api/rbac.authorization.k8s.io/rule.ts';
import { failure, forbidden } from '../../api-errors.ts';
import { deepEqual } from '../../patch/equal.ts';
import type { ApiObject } from '../../registry/objects.ts';
import { resourceAttributes } from '../attributes.ts';
import { type Authorizer, isAllowed } from '../authorize.ts';
import { mastersGroup, type User } from '../user.ts';
import { type RbacPolicy, roleNotFound } from './policy.ts';
import { describeRules, missingRules, quoted } from './rules.ts';

/** A role or binding on its way into the store. */
export interface Granting {
  readonly user: User;
  readonly kind: KindDefinition;
  readonly object: ApiObject;
  readonly old: ApiObject | undefined;
}

const everything: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

/** Throws 403 when a user would grant rights that it does not hold itself, 404 when a binding's role is missing. */
export function checkEscalation(
  policy: RbacPolicy,
  authorizers: readonly Authorizer[],
  granting: Granting,
): void {
  const { user, kind, object, old } = granting;
  if (kind.group !== rbacGroup || user.groups.includes(mastersGroup)) {
    return;
  }
  if (old !== undefined && onlyBookkeeping(object, old)) {
    return;
  }
  const namespace = kind.namespaced ? (object.metadata.namespace ?? '') : '';
  const may = (verb: string, resource: string, name: string): boolean =>
    isAllowed(
      authorizers,
      user,
      resourceAttributes({ verb, group: rbacGroup, version: 'v1', resource, namespace, name }),
    );
  if (kind.plural === 'roles' || kind.plural === 'clusterroles') {
    if (!may('escalate', kind.plural, object.metadata.name)) {
      confirm(policy, granting, namespace, rulesGranted(object));
    }
    return;
  }
  const { roleRef } = object as unknown as AnyBinding;
  if (may('bind', roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles', roleRef.name)) {
    return;
  }
  const rules = policy.rulesOf(roleRef, namespace);
  if (rules === undefined) {
    throw failure(404, 'NotFound', roleNotFound(roleRef), {
      name: roleRef.name,
      group: rbacGroup,
      kind: `${roleRef.kind.toLowerCase()}s`,
    });
  }
  confirm(policy, granting, namespace, rules);
}

/** Whose rules follow the labels of others' roles can become anything. */
function rulesGranted({ rules, aggregationRule }: ClusterRole): readonly PolicyRule[] {
  return aggregationRule === undefined ? (rules ?? []) : everything;
}

function confirm(
  policy: RbacPolicy,
  { user, kind, object }: Granting,
  namespace: string,
  wanted: readonly PolicyRule[],
): void {
  const { rules, errors } = policy.rulesFor(user, namespace);
  const missing = missingRules(rules, wanted);
  if (missing.length === 0) {
    return;
  }
  const resolution = errors.length === 0 ? '' : `; resolution errors: [${errors.join(', ')}]`;
  throw forbidden(
    kind,
    object.metadata.name,
    `user ${JSON.stringify(user.name)} (groups=${quoted(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${describeRules(missing).join('\n')}${resolution}`,
  );
}

/** True when nothing changes but what deletion needs: finalizers and owners. */
function onlyBookkeeping(object: ApiObject, old: ApiObject): boolean {
  const content = (one: ApiObject): unknown => {
    const {
      finalizers: _f,
      ownerReferences: _o,
      managedFields: _m,
      resourceVersion: _r,
      ...kept
    } = one.metadata;
    return { ...one, metadata: kept };
  };
  return deepEqual(content(object), content(old));
}
