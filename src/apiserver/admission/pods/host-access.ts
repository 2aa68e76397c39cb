/**
 * What pods may have of their node. What no node gives is refused before the pod is made. The node's network needs
 * the right to `use` the security context constraint `hostnetwork`, and capabilities over it the constraint `privileged`, as
 * on OpenShift: of who makes the pod, or of the pod's service account when a controller makes it.
 */
import {
  asksForNetworkRights,
  privilegeWarnings,
  refusedNamespace,
  refusedPrivilege,
} from '#api/core/admission/privileges.ts';
import type { Container, Pod } from '#api/core/pod.ts';
import { resourceAttributes } from '../../auth/attributes.ts';
import { type Authorizer, isAllowed } from '../../auth/authorize.ts';
import { authenticatedGroup, serviceAccountGroups, serviceAccountUser, type User } from '../../auth/user.ts';
import type { ApiObject } from '../../registry/objects.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { refused } from '../refusals.ts';
import { isNewPod, isPod, podOf } from './pod.ts';

export function hostAccess(authorizers: readonly Authorizer[]): AdmissionPlugin {
  return {
    name: 'SecurityContextConstraint',
    concerns: (target) =>
      isNewPod(target) ||
      (target.subresource === 'ephemeralcontainers' && isPod({ kind: target.kind, subresource: '' })),
    validate(attributes) {
      const pod = podOf(attributes);
      if (pod === undefined) {
        return;
      }
      const { old, subresource } = attributes;
      const containers = newContainersOf(pod, old);
      const why =
        refusedNamespace(pod.spec) ??
        containers.map(refusedPrivilege).find((one) => one !== undefined) ??
        network(authorizers, attributes, pod, {
          constraint: containers.some(asksForNetworkRights) ? 'privileged' : 'hostnetwork',
          isNew: subresource === '',
        });
      if (why !== undefined) {
        throw refused(attributes, why);
      }
      for (const warning of containers.flatMap(privilegeWarnings)) attributes.warn(warning);
    },
  };
}

function newContainersOf({ spec }: Pod, old: ApiObject | undefined): readonly Container[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  if (old === undefined) {
    return [...initContainers, ...containers];
  }
  const before = new Set((old as unknown as Pod).spec.ephemeralContainers?.map(({ name }) => name));
  return ephemeralContainers.filter(({ name }) => !before.has(name));
}

function network(
  authorizers: readonly Authorizer[],
  { user, namespace }: Attributes,
  { spec, metadata }: Pod,
  { constraint, isNew }: { readonly constraint: 'hostnetwork' | 'privileged'; readonly isNew: boolean },
): string | undefined {
  // A debug container that asks for nothing gets less than the pod has.
  if (spec.hostNetwork !== true || (!isNew && constraint === 'hostnetwork')) {
    return undefined;
  }
  const name = spec.serviceAccountName ?? 'default';
  const account: User = {
    name: serviceAccountUser(namespace, name),
    groups: [...serviceAccountGroups(namespace), authenticatedGroup],
  };
  // A controller may do anything: what counts is whom it acts for.
  const isMade = metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
  const question = resourceAttributes({
    verb: 'use',
    group: 'security.openshift.io',
    version: '*',
    resource: 'securitycontextconstraints',
    namespace,
    name: constraint,
  });
  const may = (isMade ? [account] : [user, account]).some((one) => isAllowed(authorizers, one, question));
  return may
    ? undefined
    : `hostNetwork: true${constraint === 'privileged' ? ' with NET_ADMIN, NET_BROADCAST or NET_RAW' : ''} needs the right to use the security context constraint "${constraint}": kubectl -n ${namespace} create rolebinding ${constraint} --clusterrole=system:openshift:scc:${constraint} --serviceaccount=${namespace}:${name}`;
}
