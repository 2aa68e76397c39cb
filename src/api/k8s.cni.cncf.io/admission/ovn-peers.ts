/** What a definition of type ovn-k8s-cni-overlay must share with others: its network, and the nodes' bridge mappings. */
import { forbidden, nearest } from '../../cause.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Cause, KubeObject } from '../../meta.ts';
import { nodeNetworkConfigurationPolicy } from '../../nmstate.io/node-network-configuration-policy.ts';
import { networkDifferences, type OvnNetwork, ovnNetworkOfText } from '../ovn-network.ts';

type View = Pick<AdmissionRequest<KubeObject>, 'list'>;
type Definition = KubeObject & { readonly spec?: { readonly config?: string | undefined } | undefined };

/** MTU of the underlay less what Geneve takes. */
const overlayMtu = 1400;

/** Definitions of one network must agree, whatever their namespaces. */
export function peerCauses(object: Definition, definitions: readonly Definition[]): readonly Cause[] {
  const network = ovnNetworkOfText(object.spec?.config);
  if (network === undefined) return [];
  for (const other of definitions) {
    const isSelf =
      other.metadata.name === object.metadata.name && other.metadata.namespace === object.metadata.namespace;
    const theirs = isSelf ? undefined : ovnNetworkOfText(other.spec?.config);
    const differences = theirs?.name === network.name ? networkDifferences(network, theirs) : [];
    if (differences.length > 0) {
      const peer = `${other.metadata.namespace}/${other.metadata.name}`;
      return [
        forbidden(
          'spec.config',
          `network ${JSON.stringify(network.name)} is also defined by NetworkAttachmentDefinition ${peer}, which says otherwise in ${differences.join(', ')}; make them equal, or give this one another "name"`,
        ),
      ];
    }
  }
  return [];
}

/** What would show only as silence on the wire. */
export function ovnWarnings(object: Definition, view: View): readonly string[] {
  const network = ovnNetworkOfText(object.spec?.config);
  if (network === undefined) return [];
  return [...mappingWarnings(network, view), ...mtuWarnings(network)];
}

function mtuWarnings({ topology, mtu }: OvnNetwork): readonly string[] {
  return topology === 'localnet' || mtu <= overlayMtu
    ? []
    : [
        `spec.config.mtu: ${mtu} is more than the underlay carries (1500 less 100 for Geneve): larger packets between nodes are lost; write ${overlayMtu} or leave it out`,
      ];
}

function mappingWarnings(network: OvnNetwork, view: View): readonly string[] {
  if (network.topology !== 'localnet') return [];
  const mapped = view.list(nodeNetworkConfigurationPolicy).flatMap(mappedNetworks);
  if (mapped.includes(network.physicalNetwork)) return [];
  const near = nearest(network.physicalNetwork, mapped);
  const hint = near === undefined ? '' : ` Did you mean ${JSON.stringify(near)}?`;
  return [
    `spec.config: no NodeNetworkConfigurationPolicy maps physical network ${JSON.stringify(network.physicalNetwork)} to a bridge.${hint} Virtual machines on this network are not started until one does (desiredState.ovn.bridge-mappings)`,
  ];
}

function mappedNetworks(policy: KubeObject): readonly string[] {
  const { spec } = policy as { spec?: { desiredState?: { ovn?: { 'bridge-mappings'?: unknown } } } };
  const entries = spec?.desiredState?.ovn?.['bridge-mappings'];
  return (Array.isArray(entries) ? entries : []).flatMap((entry: { localnet?: unknown; state?: unknown }) =>
    typeof entry?.localnet === 'string' && entry.state !== 'absent' ? [entry.localnet] : [],
  );
}
