/** `status.interfaces` of a VMI: cards of the domain, overlaid with what the guest's agent and the pod know. Pure. */
import type {
  VirtualMachineInstance,
  VmiStatusInterface,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { isGlobal, isIpv6 } from '#bindings/nic.ts';
import type { GuestInterface } from '#drivers/guest/driver.ts';
import type { VirtualMachineState, VmNic } from '#node-state/vm.ts';
import { type Card, cardsOf } from './compose-cards.ts';
import type { NetworkStatus } from './selection.ts';

/** What the list is composed from. */
export interface InterfacesInput {
  readonly vmi: VirtualMachineInstance;
  readonly vm: VirtualMachineState;
  /** Undefined while the agent is not connected. */
  readonly guest: { readonly interfaces: readonly GuestInterface[] } | undefined;
  readonly networks: readonly NetworkStatus[];
}

/** Interfaces only the guest knows are listed up to this many, as upstream. */
const guestOnlyLimit = 10;

/** The primary card first, then the others in order, then what only the guest has. */
export function statusInterfaces(input: InterfacesInput): readonly VmiStatusInterface[] {
  const cards = cardsOf(
    input.vmi.spec,
    input.networks.find((one) => one.default === true)?.interface,
  ).toSorted((a, b) => a.index - b.index);
  const ours = cards.flatMap((card) => {
    const nic = input.vm.nics.find(({ name }) => name === card.interface.name);
    return nic === undefined ? [] : [cardStatus(input, card, nic)];
  });
  const macs = new Set(input.vm.nics.map(({ mac }) => mac));
  const others = (input.guest?.interfaces ?? []).filter(({ mac }) => mac === undefined || !macs.has(mac));
  return [...ours, ...others.slice(0, guestOnlyLimit).map(guestOnly)];
}

function cardStatus(input: InterfacesInput, card: Card, nic: VmNic): VmiStatusInterface {
  const podEnd = input.networks.find((network) => network.interface === card.podInterface);
  const seen = input.guest?.interfaces.find(({ mac }) => mac === nic.mac);
  const isMasquerade = card.interface.masquerade !== undefined;
  const isKept = isMasquerade || card.interface.binding !== undefined;
  const addresses = mergeAddresses(podAddresses(card, podEnd), seen, { isMasquerade, isKept });
  const sources = [
    'domain',
    ...(seen === undefined ? [] : ['guest-agent']),
    ...(podEnd === undefined || card.index === 0 ? [] : ['multus-status']),
  ];
  return {
    name: card.network.name,
    mac: nic.mac,
    ...addressFields(addresses),
    ...(seen !== undefined && { interfaceName: seen.name }),
    podInterfaceName: card.podInterface,
    infoSource: sources.join(', '),
    queueCount: nic.queues,
    linkState: nic.linkUp ? 'up' : 'down',
  };
}

/**
 * Behind masquerade the pod's addresses are the guest's to the world, and on a primary network its own; on a bridge, those
 * IPAM gave, IPv4 only: no server in the pod gives the others to the guest.
 */
function podAddresses(card: Card, podEnd: NetworkStatus | undefined): readonly string[] {
  const all = podEnd?.ips ?? [];
  return card.interface.bridge === undefined ? all : all.filter((address) => !isIpv6(address));
}

/**
 * By family: what is known stays, unless there was nothing or the agent reports nothing. IPv4 first.
 * Behind masquerade and on a primary network it stays even then, unlike upstream: the pod's address is the guest's to the world whether or not
 * the guest has its lease yet, and an address that comes, goes and comes again misleads whoever waits for it.
 */
function mergeAddresses(
  known: readonly string[],
  seen: GuestInterface | undefined,
  { isMasquerade, isKept }: { readonly isMasquerade: boolean; readonly isKept: boolean },
): readonly string[] {
  if (seen === undefined) {
    return known;
  }
  const told = seen.addresses
    .map((address) => address.split('/')[0] ?? '')
    .filter((address) => !isMasquerade || isGlobal(address));
  return [false, true].flatMap((ipv6) => {
    const before = known.filter((address) => isIpv6(address) === ipv6);
    const now = told.filter((address) => isIpv6(address) === ipv6);
    return before.length > 0 && (isKept || now.length > 0) ? before : now;
  });
}

function guestOnly(seen: GuestInterface): VmiStatusInterface {
  return {
    ...(seen.mac !== undefined && { mac: seen.mac }),
    ...addressFields(seen.addresses.map((address) => address.split('/')[0] ?? '')),
    interfaceName: seen.name,
    infoSource: 'guest-agent',
  };
}

function addressFields(addresses: readonly string[]): Pick<VmiStatusInterface, 'ipAddress' | 'ipAddresses'> {
  const [first] = addresses;
  return first === undefined ? {} : { ipAddress: first, ipAddresses: [...addresses] };
}
