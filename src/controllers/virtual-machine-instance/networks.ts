/** Secondary networks of a VMI as the annotations and resources of its launcher pod. */
import { createHash } from 'node:crypto';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { ovnNetworkOfText } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { VirtualMachineInstanceSpec } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { ObjectKey } from '#machinery/api-client.ts';
import { primaryChoice } from './primary-choice.ts';

/** Finds a NetworkAttachmentDefinition. */
export type NadLookup = (key: ObjectKey) => NetworkAttachmentDefinition | undefined;

/** A network whose NetworkAttachmentDefinition is not there. */
export interface MissingNad {
  readonly namespace: string;
  readonly name: string;
  /** Path of the reference, such as `spec.networks[1].multus.networkName`. */
  readonly field: string;
  readonly network: string;
}

/** What the networks of a VMI make of its launcher pod. */
export interface LauncherNetworks {
  readonly annotations: Readonly<Record<string, string>>;
  /** Names of resources to ask for, one per attachment. */
  readonly resources: readonly string[];
  readonly missing: readonly MissingNad[];
}

export const networksAnnotation = 'k8s.v1.cni.cncf.io/networks';
export const defaultNetworkAnnotation = 'v1.multus-cni.io/default-network';
const resourceNameAnnotation = 'k8s.v1.cni.cncf.io/resourceName';

/** Name of the pod's end of a secondary network: `pod` and the first 11 hex digits of the network name's SHA-256. */
export function podInterfaceName(network: string): string {
  return `pod${createHash('sha256').update(network).digest('hex').slice(0, 11)}`;
}

/** Name of the IPAMClaim that keeps the addresses of a machine's card. */
export function claimName(machine: string, network: string): string {
  return `${machine}.${network}`;
}

/** `<name>` or `<namespace>/<name>`; the namespace is the VMI's when it names none. */
export function nadKey(
  networkName: string,
  namespace: string,
): { readonly name: string; readonly namespace: string } {
  const slash = networkName.indexOf('/');
  return slash < 0
    ? { name: networkName, namespace }
    : { name: networkName.slice(slash + 1), namespace: networkName.slice(0, slash) };
}

/**
 * Annotations, resources and missing definitions of a VMI's secondary networks. Pure.
 * @param machine name of the instance, for its claims
 * @param annotationsOfMachine the instance's annotations, in which it may ask for addresses
 */
export function launcherNetworks(
  spec: VirtualMachineInstanceSpec,
  namespace: string,
  lookup: NadLookup,
  machine?: string,
  annotationsOfMachine?: Readonly<Record<string, string>>,
): LauncherNetworks {
  const interfaces = new Map((spec.domain.devices.interfaces ?? []).map((one) => [one.name, one]));
  const elements: object[] = [];
  const choice = primaryChoice(spec, annotationsOfMachine);
  const annotations: Record<string, string> =
    choice === undefined ? {} : { [defaultNetworkAnnotation]: choice };
  const resources: string[] = [];
  const missing: MissingNad[] = [];
  for (const [index, { name: network, multus }] of (spec.networks ?? []).entries()) {
    const card = interfaces.get(network);
    if (multus === undefined || card?.state === 'absent') {
      continue;
    }
    const key = nadKey(multus.networkName, namespace);
    const nad = lookup(key);
    if (nad === undefined) {
      missing.push({ ...key, network, field: `spec.networks[${index}].multus.networkName` });
    }
    const resource = nad?.metadata.annotations?.[resourceNameAnnotation];
    if (resource !== undefined && resource !== '') {
      resources.push(resource);
    }
    if (multus.default === true) {
      annotations[defaultNetworkAnnotation] = `${key.namespace}/${key.name}`;
      continue;
    }
    const mac = card?.macAddress === undefined ? {} : { mac: card.macAddress };
    const isKept = ovnNetworkOfText(nad?.spec?.config)?.allowPersistentIPs === true;
    elements.push({
      name: key.name,
      namespace: key.namespace,
      ...mac,
      interface: podInterfaceName(network),
      ...(isKept && machine !== undefined && { 'ipam-claim-reference': claimName(machine, network) }),
    });
  }
  if (elements.length > 0) {
    annotations[networksAnnotation] = JSON.stringify(elements);
  }
  return { annotations, resources, missing };
}

/** What is missing, where it was asked for, and what would help. `known` names the definitions there are. */
export function explainMissing(
  missing: readonly MissingNad[],
  known: (namespace: string) => readonly string[],
): string {
  return missing
    .map(({ namespace, name, network, field }) => {
      const there = known(namespace);
      const list = there.length === 0 ? 'it has none' : `it has: ${there.join(', ')}`;
      return (
        `network "${network}": cannot find a network-attachment-definition (${name}) in namespace (${namespace}) ` +
        `as ${field} asks for; ${list}. Make a NetworkAttachmentDefinition of that name there, or correct the field.`
      );
    })
    .join(' ');
}
