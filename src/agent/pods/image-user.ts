/** Who a container's processes are: the pod's word, then the container's, then the image's. */
import type { Container, Pod } from '#api/core/pod.ts';
import type { ContainerImage } from '#drivers/image/container-images.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerUser } from '#node-state/container.ts';

/** Decides it. @throws PatchbayError `CreateContainerConfigError` when root is not allowed */
export function userOf({ spec }: Pod, container: Container, image: ContainerImage): ContainerUser {
  const own = container.securityContext ?? {};
  const all = spec.securityContext ?? {};
  const { uid: imageUid, gid: imageGid } = image.config.user;
  const uid = own.runAsUser ?? all.runAsUser ?? imageUid;
  const asked = own.runAsGroup ?? all.runAsGroup;
  const gid = (asked ?? (own.runAsUser ?? all.runAsUser) === undefined) ? (asked ?? imageGid) : 0;
  if ((own.runAsNonRoot ?? all.runAsNonRoot) === true && uid === 0) {
    throw new PatchbayError(
      'CreateContainerConfigError',
      `container has runAsNonRoot and image will run as root (container: ${container.name}); set runAsUser`,
      { retryable: false },
    );
  }
  const groups = [...(all.supplementalGroups ?? []), ...(all.fsGroup === undefined ? [] : [all.fsGroup])];
  return { uid, gid, groups: [...new Set(groups)] };
}
