/** `ovn-k8s-cni-overlay`: an OVN network besides the default one, addressed by the fabric's annotation. */
import { validateOvnConfig } from '#api/k8s.cni.cncf.io/admission/ovn-config.ts';
import { type OvnNetwork, ovnNetworkOf, ovnPortName, ovnType } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { nearest } from '#node-state/nearest.ts';
import type { Attachment, AttachmentInput, CniType } from './attachment.ts';
import { composeOvnEnd } from './ovn-overlay.ts';

export const ovnCni: CniType = {
  types: [ovnType],
  validate: (config, field) => validateOvnConfig(config, field, String(config['netAttachDefName'])),
  compose,
};

function compose(input: AttachmentInput): Attachment {
  const { config, sandbox, place, node } = input;
  const key = input.key ?? '';
  const network = ovnNetworkOf(config, node.podMtu);
  checkConfig(input, key, network);
  if (network?.topology === 'localnet') {
    checkMapping(network, key, node.mappings ?? new Map());
  }
  if (network === undefined || place === undefined) {
    throw new PatchbayError(
      'PodNetworkPending',
      `network ${key}: the pod has no place on it yet; its events tell why when it gets none`,
    );
  }
  const attachment = composeOvnEnd(input, place, {
    portName: ovnPortName(key, sandbox.podNamespace, sandbox.podName),
    mtu: network.mtu,
    externalIds: { 'k8s.ovn.org/network': network.name, 'k8s.ovn.org/nad': key },
  });
  // On layer 3 OVN answers no DHCP, as upstream: a binding that gives the guest the pod's address answers itself.
  const servesDhcp = network.subnets.length > 0 && network.topology !== 'layer3';
  return servesDhcp ? { ...attachment, servesDhcp } : attachment;
}

/** What admission refuses may still be there, from before or by another server. */
function checkConfig({ config }: AttachmentInput, key: string, network: OvnNetwork | undefined): void {
  const own = key.split('/').slice(0, 2).join('/');
  const [cause] = validateOvnConfig(config, 'spec.config', own);
  if (cause !== undefined || network === undefined) {
    const why = cause === undefined ? 'spec.config is no network' : `${cause.field}: ${cause.message}`;
    throw new PatchbayError('InvalidNetworkConfig', `NetworkAttachmentDefinition ${own}: ${why}`, {
      retryable: false,
    });
  }
}

/** Without a mapping the port would come up, and nothing would ever pass. */
function checkMapping(network: OvnNetwork, key: string, mappings: ReadonlyMap<string, string>): void {
  const { physicalNetwork } = network;
  if (mappings.has(physicalNetwork)) {
    return;
  }
  const names = [...mappings.keys()].sort();
  const near = nearest(physicalNetwork, names);
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
  const there = names.length === 0 ? 'this node has no bridge mapping' : `this node maps ${names.join(', ')}`;
  throw new PatchbayError(
    'BridgeMappingNotFound',
    `network ${key}: physical network "${physicalNetwork}" is mapped to no bridge of this node${hint}; ${there}. Map it with a NodeNetworkConfigurationPolicy (desiredState.ovn.bridge-mappings: localnet ${physicalNetwork}, bridge br-ex, state present), or correct "physicalNetworkName" of the NetworkAttachmentDefinition`,
  );
}
