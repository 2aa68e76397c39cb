/** What a definition of an OVN network tells about itself: who shares its network, and where the physical one is. Pure. */
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { mtuNeedOf, narrowText } from '#api/k8s.cni.cncf.io/network-mtu.ts';
import { networkDifferences, type OvnNetwork, ovnNetworkOfText } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { Condition } from '#api/meta.ts';
import type { NodeWires } from '#api/nmstate.io/wires.ts';
import { keyOf } from '#machinery/controller.ts';

type Claim = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** A node with its bridge mappings; undefined while its state is not known. */
export interface MappedNode {
  readonly name: string;
  readonly mappings: ReadonlyMap<string, string> | undefined;
}

/** Condition, also of nodes, that packets of full size are lost somewhere; absent while none are. */
export const mtuMismatch = 'NetworkMTUMismatch';

/** Condition of localnets: the nodes map the physical network. */
export const bridgeMapped = 'BridgeMapped';

/** Definitions that are named one by one. */
const named = 20;

/**
 * The conditions of a definition; none for other types. `peers` are the other definitions of its network.
 * @param podMtu largest packet of the default pod network, bytes: networks that name no MTU follow it
 */
export function conditionsOf(
  nad: NetworkAttachmentDefinition,
  peers: readonly NetworkAttachmentDefinition[],
  nodes: readonly MappedNode[],
  wires: readonly NodeWires[] = [],
  podMtu?: number,
): readonly Claim[] {
  const network = ovnNetworkOfText(nad.spec?.config, podMtu);
  return network === undefined
    ? []
    : [
        consistent(nad, network, peers, podMtu),
        ...(network.topology === 'localnet' ? [mapped(network, nodes)] : []),
        ...mismatched(network, wires),
      ];
}

function mismatched(network: OvnNetwork, wires: readonly NodeWires[]): readonly Claim[] {
  const { needed, narrow } = mtuNeedOf(network, wires);
  if (narrow.length === 0) {
    return [];
  }
  const isLocalnet = network.topology === 'localnet';
  const what = isLocalnet ? `bridges of physical network "${network.physicalNetwork}"` : 'the underlay';
  const where = narrow.map(narrowText).toSorted();
  const message = `network "${network.name}" has MTU ${network.mtu}, which needs ${needed} bytes of ${what}; less have nodes: [${listed(where)}], where larger packets are lost: raise the MTU of their interfaces to ${needed}, or give the network an mtu of ${network.mtu - needed + Math.min(...narrow.map(({ has }) => has))}`;
  const reason = isLocalnet ? 'BridgeMTUTooSmall' : 'UnderlayMTUTooSmall';
  return [{ type: mtuMismatch, status: 'True', reason, message }];
}

function consistent(
  nad: NetworkAttachmentDefinition,
  network: OvnNetwork,
  peers: readonly NetworkAttachmentDefinition[],
  podMtu: number | undefined,
): Claim {
  const type = 'NetworkConsistent';
  const name = JSON.stringify(network.name);
  const renderer = nad.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (renderer !== undefined) {
    const message = `network ${name} is that of ${renderer.kind} ${renderer.name}, whose status tells where it is`;
    return { type, status: 'True', reason: 'UserDefinedNetwork', message };
  }
  const others = peers.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const wrong = others.flatMap((peer) => {
    const theirs = ovnNetworkOfText(peer.spec?.config, podMtu);
    const differences = theirs === undefined ? [] : networkDifferences(network, theirs);
    return differences.length === 0 ? [] : [`${keyOf(peer)} (${differences.join(', ')})`];
  });
  if (wrong.length > 0) {
    const message = `network ${name} is otherwise in NetworkAttachmentDefinitions: [${listed(wrong)}]; the oldest counts, and pods of the others are not connected: make them equal, or give one another "name"`;
    return { type, status: 'False', reason: 'NetworkMismatch', message };
  }
  return others.length === 0
    ? { type, status: 'True', reason: 'OnlyDefinition', message: `network ${name} has no other definition` }
    : {
        type,
        status: 'True',
        reason: 'SharedNetwork',
        message: `network ${name} is shared with NetworkAttachmentDefinitions: [${listed(others.map(keyOf))}]`,
      };
}

function listed(names: readonly string[]): string {
  const rest = names.length - named;
  return [...names.slice(0, named), ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ');
}

function mapped({ physicalNetwork }: OvnNetwork, nodes: readonly MappedNode[]): Claim {
  const type = bridgeMapped;
  const known = nodes
    .filter(({ mappings }) => mappings !== undefined)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const without = known.filter(({ mappings }) => mappings?.has(physicalNetwork) === false);
  const there = known.flatMap(({ name, mappings }) => {
    const bridge = mappings?.get(physicalNetwork);
    return bridge === undefined ? [] : [`${name} (${bridge})`];
  });
  const name = JSON.stringify(physicalNetwork);
  if (known.length === 0) {
    const message = 'no node has told its bridge mappings yet';
    return { type, status: 'Unknown', reason: 'NodeStateUnknown', message };
  }
  if (without.length === 0) {
    const message = `physical network ${name} is mapped on: [${listed(there)}]`;
    return { type, status: 'True', reason: 'BridgeMappingPresent', message };
  }
  const elsewhere = there.length === 0 ? '' : ` (it is on: [${listed(there)}])`;
  const message = `physical network ${name} is mapped to no bridge of nodes: [${listed(without.map((node) => node.name))}]${elsewhere}; virtual machines on this network are not started there: map it with a NodeNetworkConfigurationPolicy (desiredState.ovn.bridge-mappings), or correct the physical network`;
  return { type, status: 'False', reason: 'BridgeMappingNotFound', message };
}
