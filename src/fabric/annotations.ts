/** Annotations of nodes and pods in which the network's decisions are kept (OVN-Kubernetes' names and forms). */
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import {
  formatIp,
  formatRange,
  type HostIp,
  type IpFamily,
  type IpRange,
  parseInterface,
} from '#api/ip-range.ts';
import type { OvnNetwork } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { nodeSubnetsAnnotation, readNodeSubnets } from '#api/k8s.ovn.org/node-subnets.ts';
import type { KubeObject } from '#api/meta.ts';
import { type FlatPlace, gatewayOf } from './flat-network.ts';

export const POD_NETWORKS = 'k8s.ovn.org/pod-networks';
/** Multus' choice for the default network; its `mac` is honoured. */
const DEFAULT_NETWORK_CHOICE = 'v1.multus-cni.io/default-network';

const NETWORK = 'default';
const UNICAST_MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;

/** A pod's place in the default network. Addresses are CIDRs, one per family. */
export interface PodNetwork {
  readonly addresses: readonly string[];
  readonly mac: string;
  readonly gateways: readonly string[];
  readonly routes: readonly { readonly dest: string; readonly nextHop: string }[];
}

/** The subnets of a network in a node's annotation that can be read; one per family, the first of each counts. */
export function parseNodeSubnets(node: Node, network = NETWORK): readonly IpRange[] {
  return readNodeSubnets(node.metadata.annotations?.[nodeSubnetsAnnotation], network);
}

/** The annotation's value: a node's subnets on the default network and on those of topology layer3. */
export function formatNodeSubnets(
  subnets: readonly IpRange[],
  others: Readonly<Record<string, readonly IpRange[]>>,
): string {
  const entries = Object.entries({ [NETWORK]: subnets, ...others });
  return JSON.stringify(Object.fromEntries(entries.map(([name, list]) => [name, list.map(formatRange)])));
}

/** True when a node's annotation says what `formatNodeSubnets` made, in whatever order. */
export function tellsSubnets(node: Node, value: string): boolean {
  return isDeepStrictEqual(readObject(node, nodeSubnetsAnnotation), JSON.parse(value));
}

/** The addresses and MAC of the default network in a pod's annotation; undefined when there are none that can be read. */
export function parsePodNetwork(pod: Pod): FlatEntry | undefined {
  const entry = parseFlatEntry(pod, NETWORK);
  const addresses = (entry?.addresses ?? []).map(({ family, value }) => ({ family, value }));
  return entry === undefined || addresses.length === 0 ? undefined : { mac: entry.mac, addresses };
}

/** What a pod's annotation tells of one network. */
export interface FlatEntry {
  readonly mac: string;
  readonly addresses: readonly HostIp[];
}

/** Reads one network of a pod's annotation; undefined when it is not there or cannot be read. */
export function parseFlatEntry(pod: Pod, key: string): FlatEntry | undefined {
  const entry = entryOf(pod, POD_NETWORKS, key);
  if (typeof entry !== 'object' || entry === null) {
    return undefined;
  }
  const { ip_addresses: addresses, mac_address: mac } = entry as Readonly<Record<string, unknown>>;
  const texts: readonly unknown[] = Array.isArray(addresses) ? addresses : [];
  const parsed = texts.flatMap((text) => {
    const found = typeof text === 'string' ? parseInterface(text) : undefined;
    return found === undefined ? [] : [{ ...found.ip, prefix: found.range.prefix }];
  });
  return isMac(mac) && parsed.length === texts.length ? { mac, addresses: parsed } : undefined;
}

/** True when a pod's annotation tells exactly these networks, the default one and those besides it. */
export function isTold(pod: Pod, place: FlatEntry, places: readonly FlatPlace[]): boolean {
  const keys = Object.keys(readObject(pod, POD_NETWORKS)).filter((key) => key !== NETWORK);
  return (
    tells(pod, NETWORK, place) &&
    keys.length === places.length &&
    places.every((one) => tells(pod, one.key, one))
  );
}

function tells(pod: Pod, key: string, { mac, addresses }: FlatEntry): boolean {
  const told = parseFlatEntry(pod, key);
  const isSame = (one: HostIp, other: HostIp | undefined): boolean =>
    one.family === other?.family &&
    one.value === other.value &&
    [other.prefix, undefined].includes(one.prefix);
  return (
    told?.mac === mac &&
    told.addresses.length === addresses.length &&
    addresses.every((one, index) => isSame(one, told.addresses[index]))
  );
}

/**
 * The annotation's value: the default network and those besides it. What it told of the default network stays as long as
 * it is the pod's place, which `place` says.
 */
export function formatPodNetworks(
  pod: Pod,
  place: FlatEntry,
  network: PodNetwork,
  places: readonly FlatPlace[],
): string {
  const isLocked = places.some((one) => one.network.role === 'primary');
  const known = tells(pod, NETWORK, place) ? entryOf(pod, POD_NETWORKS) : undefined;
  const moved = new Set(places.flatMap(({ gateways = [] }) => gateways.map(({ family }) => family)));
  const others = places.map((one) => [one.key, flatEntry(one, moved)] as const);
  const gateways = network.gateways.filter((ip) => !moved.has(ip.includes(':') ? 6 : 4));
  return JSON.stringify({
    [NETWORK]: known ?? defaultEntry({ ...network, gateways }, isLocked),
    ...Object.fromEntries(others),
  });
}

/** Beside a primary user-defined network the default one is for health checks alone: nothing else is routed there. */
function defaultEntry({ addresses, mac, gateways, routes }: PodNetwork, isLocked: boolean): object {
  if (isLocked) {
    return {
      ip_addresses: addresses,
      mac_address: mac,
      routes,
      ip_address: addresses[0],
      role: 'infrastructure-locked',
    };
  }
  return {
    ip_addresses: addresses,
    mac_address: mac,
    ...(gateways.length > 0 && { gateway_ips: gateways }),
    routes,
    ip_address: addresses[0],
    ...(gateways.length > 0 && { gateway_ip: gateways[0] }),
    role: 'primary',
  };
}

/** @param moved families whose default route a pod asks for on a network of its choice: the primary one has them no more */
function flatEntry(place: FlatPlace, moved: ReadonlySet<IpFamily>): object {
  const { addresses, mac, network, subnets } = place;
  const texts = addresses.map(({ family, value, prefix: own }) => {
    const known = subnets.find((subnet) => subnet.family === family)?.prefix;
    return `${formatIp(family, value)}/${known ?? own ?? (family === 4 ? 32 : 128)}`;
  });
  const routes = routesOf(place);
  const asked = (place.gateways ?? []).map(({ family, value }) => formatIp(family, value));
  const usual =
    network.role === 'primary'
      ? subnets.filter(({ family }) => !moved.has(family)).map((subnet) => gatewayText(network, subnet))
      : [];
  const gateways = [...asked, ...usual];
  const [first] = texts;
  return {
    ip_addresses: texts,
    mac_address: mac,
    ...(first !== undefined && { ip_address: first }),
    ...(gateways.length > 0 && { gateway_ips: gateways }),
    ...(routes.length > 0 && { routes }),
    role: network.role,
  };
}

/** On a secondary network of topology layer3 the other nodes' parts are behind the node's router. */
function routesOf({ network, subnets }: FlatPlace): readonly object[] {
  if (network.topology !== 'layer3' || network.role === 'primary') {
    return [];
  }
  return network.subnets.flatMap((range) => {
    const own = subnets.find(({ family }) => family === range.family);
    return own === undefined ? [] : [{ dest: formatRange(range), nextHop: gatewayText(network, own) }];
  });
}

function gatewayText(network: OvnNetwork, subnet: IpRange): string {
  const { family, value } = gatewayOf(network, subnet);
  return formatIp(family, value);
}

/** What is asked for in Multus' choice of the default network: a unicast MAC, and addresses. What is no such thing counts as absent. */
export function defaultChoiceOf(pod: Pod): { readonly mac?: string; readonly ips: readonly string[] } {
  const text = pod.metadata.annotations?.[DEFAULT_NETWORK_CHOICE];
  const choice = text === undefined ? undefined : parseJson(text);
  const first: unknown = Array.isArray(choice) ? choice[0] : choice;
  const { mac, ips } = (typeof first === 'object' && first !== null ? first : {}) as {
    readonly mac?: unknown;
    readonly ips?: unknown;
  };
  const lower = typeof mac === 'string' ? mac.toLowerCase() : undefined;
  const list: readonly unknown[] = Array.isArray(ips) ? ips : [];
  return {
    ips: list.filter((ip) => typeof ip === 'string'),
    ...(isMac(lower) && { mac: lower }),
  };
}

/** Why Multus' choice of the default network cannot be followed; undefined when it can, or when there is none. */
export function defaultChoiceProblem(pod: Pod): string | undefined {
  const text = pod.metadata.annotations?.[DEFAULT_NETWORK_CHOICE];
  if (text === undefined || text.trim() === '') {
    return undefined;
  }
  const choice = parseJson(text);
  const first: unknown = Array.isArray(choice) ? choice[0] : choice;
  const at = `annotation ${DEFAULT_NETWORK_CHOICE}`;
  const example = '[{"name": "default", "namespace": "ovn-kubernetes", "ips": ["10.1.0.5/24"]}]';
  if (choice === undefined) {
    return `${at} is no JSON; write such as ${example}`;
  }
  if (typeof first !== 'object' || first === null) {
    return `${at} has no element that is an object; write such as ${example}`;
  }
  const { mac, ips } = first as { readonly mac?: unknown; readonly ips?: unknown };
  if (mac !== undefined && mac !== '' && !(typeof mac === 'string' && isMac(mac.toLowerCase()))) {
    return `${at}, mac: ${JSON.stringify(mac)} is no unicast MAC address; write such as 02:00:00:00:00:01, or leave it out`;
  }
  const isList = Array.isArray(ips) && ips.every((ip) => typeof ip === 'string');
  return ips === undefined || isList
    ? undefined
    : `${at}, ips: ${JSON.stringify(ips)} is no list of addresses; write such as ["10.1.0.5/24"]`;
}

function isMac(value: unknown): value is string {
  return typeof value === 'string' && UNICAST_MAC.test(value);
}

function entryOf(object: KubeObject, annotation: string, network = NETWORK): unknown {
  const map = readObject(object, annotation);
  return Object.hasOwn(map, network) ? map[network] : undefined;
}

function readObject(object: KubeObject, annotation: string): Readonly<Record<string, unknown>> {
  const text = object.metadata.annotations?.[annotation];
  const value = text === undefined ? undefined : parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** Annotations are anybody's to write: what is no JSON counts as absent, and is written anew. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
