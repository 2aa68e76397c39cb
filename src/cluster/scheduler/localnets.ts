/** Physical networks that a pod needs on its node. */
import type { Pod } from '#api/core/pod.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { ovnNetworkOfText } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { isProblem, networksAnnotation, readSelections } from '#api/k8s.cni.cncf.io/selection.ts';
import type { Informer } from '#machinery/informer.ts';

/** Names of the physical networks behind a pod's localnet networks; what cannot be read the node's agent tells. */
export function physicalNetworksOf(
  { metadata }: Pod,
  nads: Pick<Informer<NetworkAttachmentDefinition>, 'get'>,
): readonly string[] {
  const annotation = metadata.annotations?.[networksAnnotation];
  const selections =
    annotation === undefined ? [] : readSelections(annotation, metadata.namespace ?? 'default');
  if (isProblem(selections)) {
    return [];
  }
  const names = selections.flatMap(({ namespace, name }) => {
    const network = ovnNetworkOfText(nads.get({ namespace, name })?.spec?.config);
    return network?.topology === 'localnet' ? [network.physicalNetwork] : [];
  });
  return [...new Set(names)];
}
