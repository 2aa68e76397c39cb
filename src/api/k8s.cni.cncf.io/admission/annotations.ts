/** Annotations of a NetworkAttachmentDefinition. */
import { invalid } from '../../cause.ts';
import type { Cause, ObjectMeta } from '../../meta.ts';
import { qualifiedNameProblem } from '../../names.ts';

/** Resource of the node that each attachment takes one of. */
export const RESOURCE_NAME = 'k8s.v1.cni.cncf.io/resourceName';
/** Prefix of the resources that stand for the bridges of a node. */
export const BRIDGE_RESOURCE = 'bridge.network.kubevirt.io/';

/** `k8s.v1.cni.cncf.io/resourceName` is `<prefix>/<name>`. */
export function resourceNameCauses({ annotations }: Pick<ObjectMeta, 'annotations'>): readonly Cause[] {
  const resource = annotations?.[RESOURCE_NAME];
  if (resource === undefined) return [];
  const field = `metadata.annotations[${RESOURCE_NAME}]`;
  const form = `write <prefix>/<name>, such as ${BRIDGE_RESOURCE}br1`;
  if (!resource.includes('/')) return [invalid(field, resource, `must have a prefix; ${form}`)];
  const problem = qualifiedNameProblem(resource);
  return problem === undefined ? [] : [invalid(field, resource, `${problem}; ${form}`)];
}
