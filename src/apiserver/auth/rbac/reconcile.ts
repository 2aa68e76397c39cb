/** Default roles and bindings, brought back at every start as far as they ask for it (`autoupdate`). */
import type { KindDefinition } from '#api/kind.ts';
import type { AnyBinding, Subject } from '#api/rbac.authorization.k8s.io/binding.ts';
import type { ClusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import { clusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import { clusterRoleBinding } from '#api/rbac.authorization.k8s.io/cluster-role-binding.ts';
import { requestInfo } from '../../http/request-info.ts';
import { deepEqual } from '../../patch/equal.ts';
import type { Services } from '../../registry/call.ts';
import { keyOf } from '../../registry/catalog.ts';
import { create } from '../../registry/create.ts';
import { type ApiObject, objectOf } from '../../registry/objects.ts';
import { update } from '../../registry/update.ts';
import { mastersGroup } from '../user.ts';
import { kubevirtBindings, kubevirtRoles } from './defaults/kubevirt-roles.ts';
import { networkRoles } from './defaults/network-roles.ts';
import { systemBindings, systemRoles } from './defaults/system-roles.ts';
import { userRoles } from './defaults/user-roles.ts';
import { missingRules } from './rules.ts';

const roles: readonly ClusterRole[] = [...userRoles, ...systemRoles, ...kubevirtRoles, ...networkRoles];
const bindings: readonly AnyBinding[] = [...systemBindings, ...kubevirtBindings];
const user = { name: 'system:apiserver', groups: [mastersGroup] };
const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';
const options = {
  dryRun: false,
  fieldManager: 'patchbay-apiserver',
  fieldValidation: 'Strict',
  force: false,
} as const;

/** Makes what is missing and adds what was taken away; rules and subjects that were added stay. */
export async function reconcileDefaultRoles(services: Services): Promise<void> {
  const wanted: readonly (readonly [KindDefinition, ApiObject])[] = [
    ...roles.map((role) => [clusterRole, role as unknown as ApiObject] as const),
    ...bindings.map((binding) => [clusterRoleBinding, binding as unknown as ApiObject] as const),
  ];
  await Promise.all(wanted.map(([kind, object]) => reconcile(services, kind, object)));
}

async function reconcile(services: Services, kind: KindDefinition, object: ApiObject): Promise<void> {
  const { name } = object.metadata;
  const path = `/apis/${kind.group}/${kind.version}/${kind.plural}`;
  const call = { info: requestInfo('POST', path), user, userAgent: 'patchbay-apiserver', warnings: [] };
  const entry = services.store.head(keyOf(kind, '', name));
  if (entry === undefined) {
    await create(services, call, { kind, namespace: '', object }, options);
    return;
  }
  const stored = objectOf(entry);
  if (stored.metadata.annotations?.[autoupdate] === 'false') {
    return;
  }
  const merged = mergeDefaults(stored, object);
  if (!deepEqual(merged, stored)) {
    await update(services, call, { kind, namespace: '', name, next: () => ({ object: merged }) }, options);
  }
}

/** What is stored, with what the default has more. */
export function mergeDefaults(stored: ApiObject, wanted: ApiObject): ApiObject {
  const metadata = {
    ...stored.metadata,
    labels: { ...wanted.metadata.labels, ...stored.metadata.labels },
    annotations: { ...wanted.metadata.annotations, ...stored.metadata.annotations },
  };
  if (wanted['roleRef'] !== undefined) {
    const before = (stored['subjects'] ?? []) as readonly Subject[];
    const subjects = (wanted['subjects'] ?? []) as readonly Subject[];
    const lost = subjects.filter((one) => !before.some((each) => deepEqual(each, one)));
    return lost.length === 0
      ? { ...stored, metadata }
      : { ...stored, metadata, subjects: [...before, ...lost] };
  }
  if (wanted['aggregationRule'] !== undefined) {
    return { ...stored, metadata, aggregationRule: stored['aggregationRule'] ?? wanted['aggregationRule'] };
  }
  const before = (stored as unknown as ClusterRole).rules ?? [];
  const lost = ((wanted as unknown as ClusterRole).rules ?? []).filter(
    (rule) => missingRules(before, [rule]).length > 0,
  );
  return lost.length === 0 ? { ...stored, metadata } : { ...stored, metadata, rules: [...before, ...lost] };
}
