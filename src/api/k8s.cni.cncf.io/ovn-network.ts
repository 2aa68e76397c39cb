/** What a configuration of type ovn-k8s-cni-overlay says about its network, with upstream's defaults. */
import { type Ip, type IpRange, parseInterface, parseIp, parseRanges } from '../ip-range.ts';
import { isObject } from './admission/config-fields.ts';
import { pluginsOf } from './admission/definition-config.ts';
import { readJson } from './admission/json-text.ts';

/** CNI type of OVN networks. */
export const ovnType = 'ovn-k8s-cni-overlay';

/** MTU of pods where nothing else is known: an underlay of 1500 less what Geneve adds. */
const usualPodMtu = 1400;

/** What Geneve adds to a packet, bytes. */
export const geneveOverhead = 100;

/** Prefix length of a node's part where the definition names none. */
const hostPrefixes = { 4: 24, 6: 64 } as const;

/** A range of a network; of topology layer3 with the prefix length of each node's part. */
export interface NetworkSubnet extends IpRange {
  readonly hostPrefix?: number;
}

/** A network of OVN. Several definitions with one `name` are one network. */
export interface OvnNetwork {
  readonly name: string;
  readonly topology: 'layer2' | 'layer3' | 'localnet';
  readonly role: 'primary' | 'secondary';
  readonly mtu: number;
  /** One per family, of topology layer3 more; none: no addresses are given. */
  readonly subnets: readonly NetworkSubnet[];
  readonly excludeSubnets: readonly IpRange[];
  /** Given only to those who ask for an address of them. */
  readonly reservedSubnets: readonly IpRange[];
  /** For gateways and management ports: no pod gets an address of them. */
  readonly infrastructureSubnets: readonly IpRange[];
  /** Gateways of a primary network that are not the first addresses. */
  readonly defaultGateways: readonly Ip[];
  readonly joinSubnets: readonly IpRange[];
  readonly transitSubnets: readonly IpRange[];
  /** Access VLAN on the physical network. */
  readonly vlan?: number;
  /** Name in the nodes' bridge mappings. */
  readonly physicalNetwork: string;
  readonly allowPersistentIPs: boolean;
}

/**
 * The network of a plug-in's configuration; undefined for other types and for what makes no network.
 * @param podMtu largest packet of the default pod network, bytes: networks that name no MTU follow it
 */
export function ovnNetworkOf(
  config: Readonly<Record<string, unknown>>,
  podMtu = usualPodMtu,
): OvnNetwork | undefined {
  const { name, type, topology, mtu, vlanID } = config;
  const known = topology === 'layer2' || topology === 'layer3' || topology === 'localnet';
  if (type !== ovnType || typeof name !== 'string' || name === '' || !known) {
    return undefined;
  }
  const text = (key: string): string | undefined => {
    const value = config[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    name,
    topology,
    role: config['role'] === 'primary' ? 'primary' : 'secondary',
    // A localnet has no tunnel: what the underlay carries.
    mtu:
      typeof mtu === 'number' && mtu > 0 ? mtu : topology === 'localnet' ? podMtu + geneveOverhead : podMtu,
    subnets: topology === 'layer3' ? parseNodeRanges(text('subnets')) : parseRanges(text('subnets')),
    excludeSubnets: parseRanges(text('excludeSubnets')),
    reservedSubnets: parseRanges(text('reservedSubnets')),
    infrastructureSubnets: parseRanges(text('infrastructureSubnets')),
    defaultGateways: (text('defaultGatewayIPs') ?? '').split(',').flatMap((one) => parseIp(one.trim()) ?? []),
    joinSubnets: parseRanges(text('joinSubnet')),
    transitSubnets: parseRanges(text('transitSubnet')),
    ...(typeof vlanID === 'number' && vlanID > 0 && { vlan: vlanID }),
    physicalNetwork: text('physicalNetworkName') ?? name,
    allowPersistentIPs: config['allowPersistentIPs'] === true,
  };
}

/** Ranges of topology layer3, `10.128.0.0/16/24` or `10.128.0.0/16`; what is none is left out (validation names it). */
export function parseNodeRanges(text: string | undefined): readonly NetworkSubnet[] {
  return (text ?? '').split(',').flatMap((one) => {
    const [, range = '', host] = /^([^/]+\/\d{1,3})(?:\/(\d{1,3}))?$/.exec(one.trim()) ?? [];
    const parsed = parseInterface(range)?.range;
    return parsed === undefined
      ? []
      : [{ ...parsed, hostPrefix: host === undefined ? hostPrefixes[parsed.family] : Number(host) }];
  });
}

/** The OVN network of a definition's `spec.config`; undefined when it is of another type or cannot be read. */
export function ovnNetworkOfText(text: string | undefined, podMtu?: number): OvnNetwork | undefined {
  const reading = readJson(text ?? '');
  if (reading.kind === 'broken' || !isObject(reading.value)) {
    return undefined;
  }
  const [first] = pluginsOf(reading.value);
  return first === undefined ? undefined : ovnNetworkOf(first.config, podMtu);
}

/** Keys in which two configurations of one network differ; each definition has its own `netAttachDefName`. */
export function networkDifferences(a: OvnNetwork, b: OvnNetwork): readonly string[] {
  const plain = (value: unknown): string =>
    JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one)) ?? '';
  const keys: Readonly<Record<keyof OvnNetwork, string>> = {
    name: 'name',
    topology: 'topology',
    role: 'role',
    mtu: 'mtu',
    subnets: 'subnets',
    excludeSubnets: 'excludeSubnets',
    reservedSubnets: 'reservedSubnets',
    infrastructureSubnets: 'infrastructureSubnets',
    defaultGateways: 'defaultGatewayIPs',
    joinSubnets: 'joinSubnet',
    transitSubnets: 'transitSubnet',
    vlan: 'vlanID',
    physicalNetwork: 'physicalNetworkName',
    allowPersistentIPs: 'allowPersistentIPs',
  };
  return (Object.keys(keys) as (keyof OvnNetwork)[])
    .filter((key) => plain(a[key]) !== plain(b[key]))
    .map((key) => keys[key]);
}

/**
 * True when a network became larger, which is all that may change while pods are on it: ranges were added to a primary one of
 * topology layer3, for nodes that found none left. Families stay as they are.
 */
export function isGrown(before: OvnNetwork, after: OvnNetwork): boolean {
  const isSame = (a: NetworkSubnet, b: NetworkSubnet): boolean =>
    a.family === b.family && a.base === b.base && a.prefix === b.prefix && a.hostPrefix === b.hostPrefix;
  return (
    before.topology === 'layer3' &&
    before.role === 'primary' &&
    networkDifferences(before, after).join() === 'subnets' &&
    before.subnets.every((old) => after.subnets.some((one) => isSame(old, one))) &&
    after.subnets.every(({ family }) => before.subnets.some((old) => old.family === family))
  );
}

/** A network's or definition's name as the beginning of OVN names, as upstream makes them: `a/b-c` -> `a.b.c_`. */
export function ovnPrefix(name: string): string {
  return `${name.replaceAll('-', '.').replaceAll('/', '.')}_`;
}

/** Name of a pod's port on a network besides the default one; `nad` is `<namespace>/<name>`, with `/<n>` when attached again. */
export function ovnPortName(nad: string, namespace: string, pod: string): string {
  return `${ovnPrefix(nad)}${namespace}_${pod}`;
}
