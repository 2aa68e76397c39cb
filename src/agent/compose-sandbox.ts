/** A pod's network namespace as node state: default network, attachments in order, and the cards of its guest. Pure. */
import type { Pod } from '#api/core/pod.ts';
import { keyedSelections } from '#api/k8s.cni.cncf.io/selection.ts';
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { PodInterface } from '#bindings/binding.ts';
import type { Attachment, NodeFacts } from '#cni/attachment.ts';
import { cniTypeOf } from '#cni/cni.ts';
import type { CniConfig } from '#cni/config.ts';
import {
  composeDefaultNetwork,
  type PodNetwork,
  parsePodNetwork,
  podNetworksAnnotation,
  primaryInterface,
  primaryNetworkInterface,
} from '#cni/ovn-overlay.ts';
import type { Link } from '#node-state/link.ts';
import type { Resource } from '#node-state/resource.ts';
import type { VmNic } from '#node-state/vm.ts';
import { composeCards, type GuestSettings } from './compose-cards.ts';
import { composeGuards } from './compose-guards.ts';
import type { NetworkStatus, Selection } from './selection.ts';

/** A network asked for and its definition's configuration. */
export interface RequestedNetwork {
  readonly selection: Selection;
  readonly config: CniConfig;
}

/** Everything a sandbox is composed from. */
export interface SandboxInput {
  readonly pod: Pod;
  readonly netns: string;
  readonly node: NodeFacts;
  /** The default network; undefined for pods without one. */
  readonly podNetwork: PodNetwork;
  readonly networks: readonly RequestedNetwork[];
  /** The guest of a launcher pod. */
  readonly guest?: { readonly vmi: VirtualMachineInstance; readonly settings: GuestSettings };
}

/** A pod's end and what belongs to it. */
export interface PodEnd {
  readonly interface: PodInterface;
  readonly attachment: Attachment;
}

/** A sandbox. */
export interface Sandbox {
  readonly resources: readonly Resource[];
  readonly status: readonly NetworkStatus[];
  readonly nics: readonly VmNic[];
}

/** Composes a sandbox; throws PatchbayErrors of the plug-ins and bindings. */
export function composeSandbox(input: SandboxInput): Sandbox {
  const ends = podEnds(input);
  const primary = [...ends.values()].find((end) => end.interface.name === primaryNetworkInterface);
  const status = [...ends].map(([name, end], index) =>
    statusOf(name, end, primary === undefined ? index === 0 : end === primary),
  );
  const nodeResources = [...ends.values()].flatMap(({ attachment }) => attachment.nodeResources);
  const base: Resource[] = [
    { kind: 'netns', netns: input.netns },
    { kind: 'link', netns: input.netns, name: 'lo', device: { type: 'nic' }, up: true },
  ];
  const attachments = [...ends.values()].map(({ attachment }) => attachment);
  const guards = (own: readonly Resource[]): readonly Resource[] =>
    composeGuards(input.netns, attachments, own, input.pod.metadata.annotations);
  if (input.guest === undefined) {
    const own = [...ends.values()].flatMap(({ attachment }) => [
      attachment.podLink,
      ...attachment.podResources,
    ]);
    return { resources: [...base, ...own, ...guards(own), ...nodeResources], status, nics: [] };
  }
  const cards = composeCards({
    netns: input.netns,
    ends: new Map([...ends].map(([, end]) => [end.interface.name, end])),
    vmi: input.guest.vmi,
    settings: input.guest.settings,
  });
  return {
    resources: [
      ...base,
      ...withoutBridgeFilter(input),
      ...cards.resources,
      ...guards(cards.resources),
      ...nodeResources,
    ],
    status,
    nics: cards.nics,
  };
}

/** Bridged frames of guests are none of the pod's IP filters' business. */
function withoutBridgeFilter(input: SandboxInput): readonly Resource[] {
  if (input.node.bridgeNetfilter !== true) {
    return [];
  }
  return ['arptables', 'ip6tables', 'iptables'].map((tables) => ({
    kind: 'sysctl',
    netns: input.netns,
    key: `net.bridge.bridge-nf-call-${tables}`,
    value: '0',
  }));
}

/** Names of the ports that OVN puts up. */
export function ovnPorts(resources: readonly Resource[]): readonly string[] {
  return resources.flatMap((one) =>
    one.kind === 'ovs-port' && one.externalIds['iface-id'] !== undefined ? [one.name] : [],
  );
}

/** Ends by the name of their network: the default one first, then those asked for, in order. */
function podEnds(input: SandboxInput): ReadonlyMap<string, PodEnd> {
  const { pod, netns, node } = input;
  const sandbox = {
    netns,
    podUid: pod.metadata.uid ?? '',
    podNamespace: pod.metadata.namespace ?? '',
    podName: pod.metadata.name,
  };
  const primary = composeDefaultNetwork({ sandbox, interfaceName: primaryInterface, node }, input.podNetwork);
  const ends = new Map<string, PodEnd>([['ovn-kubernetes', endOf(primary, netns)]]);
  const annotation = pod.metadata.annotations?.[podNetworksAnnotation];
  for (const { key, nad: name, network } of keyed(input.networks)) {
    const { selection, config } = network;
    const { interfaceName, mac } = selection;
    const place = parsePodNetwork(annotation, key);
    const attachment = cniTypeOf(config, `NetworkAttachmentDefinition ${name}`).compose({
      sandbox,
      interfaceName,
      config,
      node,
      key,
      ...(place !== undefined && { place }),
      ...(mac !== undefined && { mac }),
    });
    // One network may be asked for twice; the interface's name keeps the two apart.
    ends.set(ends.has(name) ? `${name}@${interfaceName}` : name, endOf(attachment, netns));
  }
  return ends;
}

function keyed(
  networks: readonly RequestedNetwork[],
): readonly { readonly key: string; readonly nad: string; readonly network: RequestedNetwork }[] {
  const keys = keyedSelections(networks.map(({ selection }) => selection));
  return networks.flatMap((network, index) => {
    const found = keys[index];
    return found === undefined ? [] : [{ key: found.key, nad: found.nad, network }];
  });
}

function endOf(attachment: Attachment, netns: string): PodEnd {
  const { podLink, podResources, gateways, servesDhcp } = attachment;
  const addresses = podResources.flatMap((resource) =>
    resource.kind === 'address' ? [resource.address] : [],
  );
  const routes = podResources.flatMap((resource) =>
    resource.kind === 'route'
      ? [{ destination: resource.destination, ...(resource.via !== undefined && { via: resource.via }) }]
      : [],
  );
  return {
    attachment,
    interface: {
      netns,
      name: podLink.name,
      ...identity(podLink),
      addresses,
      gateways,
      routes,
      ...(servesDhcp !== undefined && { servesDhcp }),
    },
  };
}

function identity(link: Link): { mac: string; mtu: number } {
  return { mac: link.mac ?? '', mtu: link.mtu ?? 1500 };
}

function statusOf(key: string, end: PodEnd, isDefault: boolean): NetworkStatus {
  const { name, mac, mtu, addresses } = end.interface;
  const { gateways } = end.attachment;
  return {
    name: key.split('@')[0] ?? key,
    interface: name,
    ...(addresses.length > 0 && { ips: addresses.map((address) => address.split('/')[0] ?? '') }),
    mac,
    mtu,
    ...(isDefault && { default: true }),
    dns: {},
    ...(gateways.length > 0 && { gateway: gateways }),
  };
}
