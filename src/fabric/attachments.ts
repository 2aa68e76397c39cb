/** Which OVN networks a pod asks for besides the default one (pure). */
import type { Pod } from '#api/core/pod.ts';
import { type HostIp, type Ip, parseInterface, parseIp } from '#api/ip-range.ts';
import {
  isProblem,
  keyedSelections,
  networksAnnotation,
  readSelections,
} from '#api/k8s.cni.cncf.io/selection.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { defaultChoiceOf, defaultChoiceProblem } from './annotations.ts';

/** One attachment asked for. */
export interface Wanted {
  /** Key in the annotation `k8s.ovn.org/pod-networks`. */
  readonly key: string;
  /** `<namespace>/<name>` of the definition. */
  readonly nad: string;
  /** Name of the pod's end. */
  readonly interfaceName: string;
  readonly mac?: string;
  /** Addresses asked for. */
  readonly ips: readonly HostIp[];
  /** Gateways of the pod's default route, which is on this network then. */
  readonly gateways?: readonly Ip[];
  /** IPAMClaim that keeps the addresses, in the pod's namespace. */
  readonly claim?: string;
}

/** A pod's attachments by its annotation; none when it cannot be read, which the node's agent tells. */
export function wantedAttachments(pod: Pod): readonly Wanted[] {
  const annotation = pod.metadata.annotations?.[networksAnnotation];
  const selections = readSelections(annotation, pod.metadata.namespace ?? 'default');
  if (isProblem(selections)) {
    return [];
  }
  return keyedSelections(selections).map(({ key, nad, selection }) => ({
    key,
    nad,
    interfaceName: selection.interfaceName,
    ips: (selection.ips ?? []).flatMap(hostIp),
    gateways: (selection.defaultRoute ?? []).flatMap((text) => parseIp(text) ?? []),
    ...(selection.mac !== undefined && { mac: selection.mac }),
    ...(selection.ipamClaim !== undefined && { claim: selection.ipamClaim }),
  }));
}

/** Reads `10.1.0.5/24` or `10.1.0.5`. */
function hostIp(text: string): readonly HostIp[] {
  const found = parseInterface(text);
  return found === undefined ? [parseIp(text) ?? []].flat() : [{ ...found.ip, prefix: found.range.prefix }];
}

/**
 * A pod's place on the primary network of its namespace, with the addresses and MAC that it asks for in Multus' choice of
 * the default network.
 * @throws PatchbayError `InvalidNetworkSelection` for a choice that cannot be read, and for what is no address
 */
export function primaryAttachment(pod: Pod, nad: string): Wanted {
  const problem = defaultChoiceProblem(pod);
  if (problem !== undefined) {
    const message = `pod ${pod.metadata.namespace}/${pod.metadata.name}: ${problem}`;
    throw new PatchbayError('InvalidNetworkSelection', message, { retryable: false });
  }
  const { mac, ips } = defaultChoiceOf(pod);
  const wrong = ips.find((text) => parseIp(text.split('/')[0] ?? '') === undefined);
  if (wrong !== undefined) {
    throw new PatchbayError(
      'InvalidNetworkSelection',
      `pod ${pod.metadata.namespace}/${pod.metadata.name}: ${JSON.stringify(wrong)} is no address; write such as 10.1.0.5 in annotation v1.multus-cni.io/default-network (ips) of the pod, or {"<interface>": ["10.1.0.5"]} in annotation network.kubevirt.io/addresses of the virtual machine`,
      { retryable: false },
    );
  }
  return {
    key: nad,
    nad,
    interfaceName: 'ovn-udn1',
    ips: ips.flatMap((text) => parseIp(text.split('/')[0] ?? '') ?? []),
    ...(mac !== undefined && { mac }),
  };
}

/** Who holds addresses: a virtual machine holds its own through each of its launchers, any other pod for itself. */
export function ownerOf(pod: Pod): string {
  const { namespace, name, labels } = pod.metadata;
  const vm = guestOf(pod) === undefined ? undefined : labels?.['vm.kubevirt.io/name'];
  return vm === undefined ? `pod ${namespace}/${name}` : `virtual machine ${namespace}/${vm}`;
}

/** Host name of the guest that a pod launches. */
export function guestOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.['kubevirt.io'] === 'virt-launcher' ? pod.spec.hostname : undefined;
}
