/** Rules for the names of virtual machines and for who may change an instance. */
import { isDeepStrictEqual } from 'node:util';
import { forbidden, invalid } from '../../cause.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Cause, KubeObject, ObjectMeta } from '../../meta.ts';
import { MAX_LABEL } from '../../names.ts';

/**
 * The name becomes the label `vm.kubevirt.io/name` of the launcher pod and the guest's host name; both end at 63 characters.
 * KubeVirt finds that out when the launcher pod is refused.
 */
export function nameCauses({ name }: Pick<ObjectMeta, 'name'>): readonly Cause[] {
  if (name.length <= MAX_LABEL) return [];
  return [
    invalid(
      'metadata.name',
      name,
      `must be no more than ${MAX_LABEL} characters, has ${name.length}: it becomes the label vm.kubevirt.io/name of the pod virt-launcher-<name>-… and the host name of the guest, which take no more; choose a shorter name`,
    ),
  ];
}

/** Whether the request comes from a part of the system itself. */
function isOwnComponent({ name }: AdmissionRequest['user']): boolean {
  return (
    name.startsWith('system:patchbay:') ||
    name.startsWith('system:node:') ||
    name.startsWith('system:serviceaccount:patchbay:')
  );
}

/** Whether a request leaves the spec as it is stored: status, labels, finalizers of something being deleted. */
export function leavesSpec<T extends KubeObject & { readonly spec: unknown }>(
  request: AdmissionRequest<T>,
): boolean {
  if (request.operation === 'DELETE' || request.subresource !== undefined) return true;
  return request.old !== undefined && isDeepStrictEqual(request.old.spec, request.object.spec);
}

/** Users change the virtual machine, not the instance that runs for it. */
export function changedInstanceCauses(request: AdmissionRequest<KubeObject>): readonly Cause[] {
  if (request.operation !== 'UPDATE' || isOwnComponent(request.user)) return [];
  return [
    forbidden(
      'spec',
      'update of a VirtualMachineInstance is restricted to the system; change spec.template.spec of the VirtualMachine, then restart it',
    ),
  ];
}
