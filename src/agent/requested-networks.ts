/** The networks a pod asks for, with their definitions. */
import type { Pod } from '#api/core/pod.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { parseCniConfig } from '#cni/config.ts';
import { podNetworksAnnotation, primaryNetworkInterface, primaryNetworkOf } from '#cni/ovn-overlay.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Informer } from '#machinery/informer.ts';
import { nearest } from '#node-state/nearest.ts';
import type { RequestedNetwork } from './compose-sandbox.ts';
import { networksAnnotation, parseSelections, type Selection } from './selection.ts';

type Nads = Pick<Informer<NetworkAttachmentDefinition>, 'get' | 'list'>;

/** Looks the definitions up; throws a PatchbayError with Multus' words when one is not there. */
export function requestedNetworks(pod: Pod, nads: Nads): readonly RequestedNetwork[] {
  const annotation = pod.metadata.annotations?.[networksAnnotation];
  const selections = parseSelections(annotation, pod.metadata.namespace ?? 'default');
  return [...primarySelection(pod), ...selections].map((selection) => {
    const { namespace, name } = selection;
    const nad = nads.get({ namespace, name });
    if (nad === undefined) {
      throw notFound(nads, namespace, name);
    }
    const config = parseCniConfig(nad.spec?.config, `NetworkAttachmentDefinition ${namespace}/${name}`);
    return { selection, config };
  });
}

/** The primary user-defined network of the pod's namespace, which every pod there is on. */
function primarySelection(pod: Pod): readonly Selection[] {
  const key = primaryNetworkOf(pod.metadata.annotations?.[podNetworksAnnotation]);
  const [namespace, name] = key?.split('/') ?? [];
  return namespace === undefined || name === undefined
    ? []
    : [{ namespace, name, interfaceName: primaryNetworkInterface }];
}

function notFound(nads: Nads, namespace: string, name: string): PatchbayError {
  const there = nads.list(namespace).map(({ metadata }) => metadata.name);
  const near = nearest(name, there);
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
  const list = there.length === 0 ? 'there is none' : `there are ${there.join(', ')}`;
  return new PatchbayError(
    'NetworkAttachmentDefinitionNotFound',
    `cannot find a network-attachment-definition (${name}) in namespace (${namespace})${hint}; ${list}`,
  );
}
