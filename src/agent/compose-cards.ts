/** A guest's network cards: each VM interface bound to its pod interface. Pure. */
import type {
  VirtualMachineInstance,
  VirtualMachineInstanceSpec,
  VmiInterface,
  VmiNetwork,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { bindingOf } from '#bindings/bindings.ts';
import { linkNames, podInterfaceName } from '#bindings/names.ts';
import { macSpoofTable } from '#cni/bridge.ts';
import { primaryInterface, primaryNetworkInterface } from '#cni/ovn-overlay.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { normalMac } from '#node-state/mac.ts';
import type { Resource } from '#node-state/resource.ts';
import type { VmNic } from '#node-state/vm.ts';
import type { PodEnd } from './compose-sandbox.ts';

/** What guests of this node are given. */
export interface GuestSettings {
  /** Numeric id of the user that opens taps. */
  readonly qemuUser: number;
  readonly dnsServers: readonly string[];
  /** Such as `cluster.local`. */
  readonly clusterDomain: string;
}

/** What cards are composed from. */
export interface CardsInput {
  readonly netns: string;
  /** Ends by interface name in the pod. */
  readonly ends: ReadonlyMap<string, PodEnd>;
  readonly vmi: VirtualMachineInstance;
  readonly settings: GuestSettings;
}

/** A VM interface with its network and pod interface. */
export interface Card {
  readonly interface: VmiInterface;
  readonly network: VmiNetwork;
  /** 0 for the pod network, then 1, 2, … */
  readonly index: number;
  readonly podInterface: string;
}

/**
 * The cards a guest has, in the order of its interfaces; those that are `absent` are left out.
 * @param primary name of the pod's end of the pod network: `eth0`, or that of a primary user-defined network
 */
export function cardsOf(spec: VirtualMachineInstanceSpec, primary = primaryInterface): readonly Card[] {
  const networks = spec.networks ?? [];
  const secondary = networks.filter(({ pod }) => pod === undefined);
  return (spec.domain.devices.interfaces ?? []).flatMap((card) => {
    const network = networks.find(({ name }) => name === card.name);
    if (network === undefined || card.state === 'absent') {
      return [];
    }
    const isPrimary = network.pod !== undefined;
    return [
      {
        interface: card,
        network,
        index: isPrimary ? 0 : secondary.indexOf(network) + 1,
        podInterface: isPrimary ? primary : podInterfaceName(network.name),
      },
    ];
  });
}

/** Composes the pod's wiring of all cards, and what no card uses as it is. */
export function composeCards(input: CardsInput): { resources: readonly Resource[]; nics: readonly VmNic[] } {
  const primary = input.ends.has(primaryNetworkInterface) ? primaryNetworkInterface : primaryInterface;
  const cards = cardsOf(input.vmi.spec, primary);
  const outputs = cards
    .map((card) => ({ card, end: endOf(input, card) }))
    .map(({ card, end }) => ({
      card,
      end,
      output: bindingOf(card.interface).compose({
        ...card,
        pod: end.interface,
        podLink: end.attachment.podLink,
        podResources: end.attachment.podResources,
        spec: input.vmi.spec,
        guestMac: guestMac(input.vmi, card, end.interface.mac),
        hostname: hostnameOf(input.vmi),
        dns: {
          servers: input.settings.dnsServers,
          searches: searchDomains(input.vmi, input.settings.clusterDomain),
        },
        qemuUser: input.settings.qemuUser,
        queues: queuesOf(input.vmi.spec, card.interface),
      }),
    }));
  const used = new Set(cards.map(({ podInterface }) => podInterface));
  const unused = [...input.ends].filter(([name]) => !used.has(name)).map(([, end]) => end.attachment);
  const checked = outputs.flatMap(({ card, end, output }) => {
    const { macSpoofCheck } = end.attachment;
    const link = linkNames(card.podInterface, card.index).tap;
    return macSpoofCheck === undefined ? [] : [{ link, mac: output.nic.mac, ...macSpoofCheck }];
  });
  return {
    resources: [
      ...unused.flatMap(({ podLink, podResources }) => [podLink, ...podResources]),
      ...outputs.flatMap(({ output }) => output.resources),
      ...(checked.length === 0 ? [] : [macSpoofTable(input.netns, 'patchbay-macspoof', checked)]),
    ],
    nics: outputs.map(({ output }) => output.nic),
  };
}

function endOf(input: CardsInput, card: Card): PodEnd {
  const end = input.ends.get(card.podInterface);
  if (end === undefined) {
    throw new PatchbayError(
      'PodLinkMissing',
      `pod link (${card.podInterface}) is missing: network "${card.network.name}" is not among the networks of the launcher pod`,
    );
  }
  return end;
}

/** Spec, else what it had before (migration), else that of the pod's interface. */
function guestMac(vmi: VirtualMachineInstance, card: Card, podMac: string): string {
  const known = vmi.status?.interfaces?.find(({ name }) => name === card.network.name)?.mac;
  return normalMac(card.interface.macAddress ?? known ?? podMac);
}

/** Host name of the guest. */
export function hostnameOf(vmi: VirtualMachineInstance): string {
  return vmi.spec.hostname ?? vmi.metadata.name.split('.')[0] ?? vmi.metadata.name;
}

function searchDomains(vmi: VirtualMachineInstance, clusterDomain: string): readonly string[] {
  const cluster = [
    `${vmi.metadata.namespace ?? 'default'}.svc.${clusterDomain}`,
    `svc.${clusterDomain}`,
    clusterDomain,
  ];
  const { subdomain } = vmi.spec;
  return subdomain === undefined || subdomain === '' ? cluster : [`${subdomain}.${cluster[0]}`, ...cluster];
}

/** Virtual processors of a guest. */
export function vcpusOf(spec: VirtualMachineInstanceSpec): number {
  const { sockets = 1, cores = 1, threads = 1 } = spec.domain.cpu ?? {};
  return Math.max(1, sockets * cores * threads);
}

function queuesOf(spec: VirtualMachineInstanceSpec, card: VmiInterface): number {
  const isVirtio = card.model === undefined || card.model === '' || card.model === 'virtio';
  return spec.domain.devices.networkInterfaceMultiqueue === true && isVirtio
    ? Math.min(vcpusOf(spec), 256)
    : 1;
}
