/** `bridge` and `cnv-bridge`: the pod on a Linux bridge of the node, or on the Open vSwitch bridge that stands for it. */
import { PatchbayError } from '#machinery/errors.ts';
import type { BridgePort, BridgeVlan, Link } from '#node-state/link.ts';
import { hostLinkName, macOf } from '#node-state/mac.ts';
import { nearest } from '#node-state/nearest.ts';
import type { NftTable } from '#node-state/nft.ts';
import type { OvsPort } from '#node-state/ovs.ts';
import { NODE } from '#node-state/resource.ts';
import type { Attachment, AttachmentInput, CniType } from './attachment.ts';
import { validateBridge, vlanTrunkOf } from './bridge-config.ts';
import { integerField, isTrue } from './config.ts';
import { otherMacs, otherProtocols, rulesOf, servers } from './guest-rules.ts';
import { staticIpam } from './ipam.ts';

export const bridgeCni: CniType = { types: ['bridge', 'cnv-bridge'], validate: validateBridge, compose };

function compose(input: AttachmentInput): Attachment {
  const [cause] = validateBridge(input.config, 'spec.config');
  if (cause !== undefined) {
    throw new PatchbayError('InvalidNetworkConfig', `${cause.field}: ${cause.message}`, { retryable: false });
  }
  const { name, realisedBy, mtu: bridgeMtu } = bridgeOf(input);
  const { config, sandbox, interfaceName } = input;
  const mtu = integerField(config, 'mtu', 68, 65535) ?? bridgeMtu;
  const mac = input.mac ?? macOf(sandbox.podUid, interfaceName);
  const host = hostLinkName(sandbox.podUid, interfaceName);
  const isOvs = realisedBy === 'ovs-bridge';
  const isChecked = isTrue(config, 'macspoofchk');
  const isTrunk = vlanTrunkOf(config).length > 0;
  const podLink: Link = {
    kind: 'link',
    netns: sandbox.netns,
    name: interfaceName,
    device: {
      type: 'veth',
      peer: { netns: NODE, name: host, ...(!isOvs && { port: linuxPort(input, name) }) },
    },
    up: !isTrue(config, 'disableContainerInterface'),
    mtu,
    mac,
    ...(isOvs && input.node.ovsUserspace && { offload: false }),
  };
  const ipam = staticIpam(config, sandbox.netns, interfaceName);
  return {
    podLink,
    podResources: ipam.resources,
    gateways: ipam.gateways,
    nodeResources: isOvs
      ? [ovsPort(input, name, host, mac, isChecked)]
      : isChecked
        ? [macSpoofTable(NODE, `patchbay-${host}`, [{ link: host, mac, mayTag: isTrunk }])]
        : [],
    ...(isChecked && { macSpoofCheck: { mayTag: isTrunk } }),
  };
}

/** Finds the bridge; it is never made here, because a bridge without an uplink only looks like a network. */
function bridgeOf(input: AttachmentInput): {
  name: string;
  realisedBy: 'linux-bridge' | 'ovs-bridge';
  mtu: number;
} {
  const name = typeof input.config['bridge'] === 'string' ? input.config['bridge'] : 'cni0';
  const found = input.node.bridges.get(name);
  if (found !== undefined) {
    return { name, ...found };
  }
  const names = [...input.node.bridges.keys()].sort();
  const near = nearest(name, names);
  const there = names.length === 0 ? 'this node has no bridge' : `this node has ${names.join(', ')}`;
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
  throw new PatchbayError(
    'BridgeNotFound',
    `bridge "${name}" does not exist${hint}; ${there}. Make it with a NodeNetworkConfigurationPolicy (type linux-bridge, name ${name}), or correct "bridge" in the NetworkAttachmentDefinition`,
  );
}

function linuxPort(input: AttachmentInput, bridge: string): BridgePort {
  const { config } = input;
  return {
    bridge,
    ...(isTrue(config, 'hairpinMode') && { hairpin: true }),
    ...(isTrue(config, 'portIsolation') && { isolated: true }),
    ...(input.node.bridgeVlanFiltering && { vlans: linuxVlans(input) }),
  };
}

/**
 * VLAN membership of the port. VLAN 1 stays only where nothing else was asked for: with a `vlan`, upstream's default
 * `preserveDefaultVlan: true` would let broadcasts of VLAN 1 into the guest (containernetworking/plugins issue 667).
 */
function linuxVlans(input: AttachmentInput): readonly BridgeVlan[] {
  const vlan = integerField(input.config, 'vlan', 1, 4094);
  if (vlan !== undefined) {
    return [{ id: vlan, pvid: true, untagged: true }];
  }
  const trunk = vlanTrunkOf(input.config).map(({ min, max }) => ({
    id: min,
    ...(max > min && { endId: max }),
  }));
  const keepsDefault = trunk.length === 0 || input.config['preserveDefaultVlan'] !== false;
  const coversDefault = trunk.some(({ id }) => id === 1);
  return keepsDefault && !coversDefault ? [{ id: 1, pvid: true, untagged: true }, ...trunk] : trunk;
}

/** VLAN 1 is the untagged one of a Linux bridge: on its stand-in it is no VLAN at all. */
function ovsPort(
  input: AttachmentInput,
  bridge: string,
  host: string,
  mac: string,
  isChecked: boolean,
): OvsPort {
  const { config, sandbox } = input;
  const vlan = integerField(config, 'vlan', 2, 4094);
  const trunk = vlanTrunkOf(config).flatMap(({ min, max }) =>
    Array.from({ length: max - min + 1 }, (_, index) => min + index),
  );
  const untagged = trunk.length === 0 || config['preserveDefaultVlan'] !== false ? [0] : [];
  return {
    kind: 'ovs-port',
    name: host,
    bridge,
    interfaceType: 'system',
    ...(vlan === undefined
      ? { trunks: [...untagged, ...trunk.filter((id) => id !== 1)], vlanMode: 'trunk' }
      : { tag: vlan, vlanMode: 'access' }),
    ...(isChecked && { allowedMac: mac }),
    externalIds: { sandbox: sandbox.netns, attached_mac: mac },
  };
}

/**
 * A table of the bridge family that lets from each link only what a host with the given MAC may send: where an Open
 * vSwitch bridge checks a port, its flows say the same (`drivers/ovs/flows.ts`).
 */
export function macSpoofTable(
  netns: string,
  name: string,
  links: readonly { readonly link: string; readonly mac: string; readonly mayTag?: boolean }[],
): NftTable {
  const rules = links.flatMap(({ link, mac, mayTag = false }) =>
    rulesOf('prerouting', [...otherMacs(mac), otherProtocols(mayTag), ...servers], link),
  );
  const chain = {
    chain: { name: 'prerouting', type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' },
  };
  return { kind: 'nft-table', netns, family: 'bridge', name, objects: [chain, ...rules] };
}
