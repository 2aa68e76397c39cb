/** What a definition of type ovn-k8s-cni-overlay must share with others: its network, and the nodes' bridge mappings. */
import { forbidden, nearest } from '../../cause.ts';
import { type Pod, pod } from '../../core/pod.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Cause, KubeObject, OwnerReference } from '../../meta.ts';
import { nodeNetworkConfigurationPolicy } from '../../nmstate.io/node-network-configuration-policy.ts';
import { storedWires } from '../../nmstate.io/wires.ts';
import { mtuWarnings } from '../network-mtu.ts';
import { definitionsOf } from '../network-users.ts';
import { isGrown, networkDifferences, type OvnNetwork, ovnNetworkOfText, ovnPrefix } from '../ovn-network.ts';

type View = Pick<AdmissionRequest<KubeObject>, 'list'>;
type Definition = KubeObject & { readonly spec?: { readonly config?: string | undefined } | undefined };

/** Label of definitions that a user-defined network renders. */
const renderedLabel = 'k8s.ovn.org/user-defined-network';

/** Definitions of one network must agree, whatever their namespaces. */
export function peerCauses(object: Definition, definitions: readonly Definition[]): readonly Cause[] {
  const network = ovnNetworkOfText(object.spec?.config);
  if (network === undefined) return [];
  const peers = definitions.filter(
    ({ metadata }) =>
      metadata.name !== object.metadata.name || metadata.namespace !== object.metadata.namespace,
  );
  for (const peer of peers) {
    const theirs = ovnNetworkOfText(peer.spec?.config);
    const why = theirs === undefined ? undefined : conflict(object, network, peer, theirs);
    if (why !== undefined) return [why];
  }
  return [];
}

/** Why two definitions cannot be there together. */
function conflict(
  object: Definition,
  network: OvnNetwork,
  peer: Definition,
  theirs: OvnNetwork,
): Cause | undefined {
  const who = `NetworkAttachmentDefinition ${peer.metadata.namespace}/${peer.metadata.name}`;
  const name = JSON.stringify(network.name);
  if (theirs.name !== network.name) {
    return ovnPrefix(theirs.name) === ovnPrefix(network.name)
      ? forbidden(
          'spec.config.name',
          `network ${name} has the same name in OVN as ${JSON.stringify(theirs.name)} of ${who}, because "-" and "/" become "."; give this one another "name"`,
        )
      : undefined;
  }
  const owner = rendererOf(peer);
  if (owner !== undefined && owner.uid === rendererOf(object)?.uid && isGrown(theirs, network)) {
    return undefined; // Its renderer changes one definition after the other.
  }
  if (owner !== undefined && owner.uid !== rendererOf(object)?.uid) {
    return forbidden(
      'spec.config.name',
      `network ${name} is that of ${owner.kind} ${owner.name}, which alone says who joins it (${who}); give this one another "name"`,
    );
  }
  const differences = networkDifferences(network, theirs);
  return differences.length === 0
    ? undefined
    : forbidden(
        'spec.config',
        `network ${name} is also defined by ${who}, which says otherwise in ${differences.join(', ')}; make them equal, or give this one another "name"`,
      );
}

/** The user-defined network that a definition is rendered for. */
function rendererOf({ metadata }: Definition): OwnerReference | undefined {
  return metadata.labels?.[renderedLabel] === undefined
    ? undefined
    : metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** What pods are on stays as it is: they would keep what they have, and new ones get something else. */
export function editCauses(object: Definition, old: Definition | undefined, view: View): readonly Cause[] {
  const before = ovnNetworkOfText(old?.spec?.config);
  if (before === undefined || old?.spec?.config === object.spec?.config) return [];
  const after = ovnNetworkOfText(object.spec?.config);
  if (after !== undefined && isGrown(before, after)) return [];
  const differences = after === undefined ? ['type'] : networkDifferences(before, after);
  const users = differences.length === 0 ? [] : usersOf(object, view);
  if (users.length === 0) return [];
  const told = `[${users.join(', ')}]`;
  return differences.map((key) =>
    forbidden(
      `spec.config.${key}`,
      `cannot be changed while pods are on network ${JSON.stringify(before.name)}: ${told}; stop these virtual machines and delete these pods first, or make another definition with another "name"`,
    ),
  );
}

/** A definition that goes while pods are on it. */
export function deletionWarnings(object: Definition, view: View): readonly string[] {
  const network = ovnNetworkOfText(object.spec?.config);
  const users = network === undefined ? [] : usersOf(object, view);
  return users.length === 0
    ? []
    : [
        `network ${JSON.stringify(network?.name)} is in use by the following pods: [${users.join(', ')}]; they keep it until they end, and virtual machines on it cannot be started again`,
      ];
}

function usersOf({ metadata }: Definition, view: View): readonly string[] {
  const key = `${metadata.namespace}/${metadata.name}`;
  return view
    .list(pod)
    .filter((one) => definitionsOf(one as Pod).includes(key))
    .map((one) => `${one.metadata.namespace}/${one.metadata.name}`)
    .sort();
}

/** What would show only as silence on the wire. */
export function ovnWarnings(object: Definition, view: View): readonly string[] {
  // A network that names no MTU follow the pods', which nodes judge themselves.
  const network = ovnNetworkOfText(object.spec?.config, 0);
  if (network === undefined) return [];
  return [...mappingWarnings(network, view), ...mtuWarnings(network, storedWires(view), 'spec.config.mtu')];
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
