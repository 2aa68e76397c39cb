import { type IpFamily, type IpRange, overlap } from '#api/ip-range.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { requireRange } from './addresses.ts';

/** A network that is cut into one subnet per node. */
export interface ClusterNetwork {
  readonly cidr: string;
  /** Prefix length of a node's subnet. */
  readonly hostPrefix: number;
}

/**
 * The default pod network, as the cluster's operator sets it: one entry of `clusterNetwork` for each address family,
 * the first of which is the cluster's primary one, and a join subnet of each of them.
 */
export interface DefaultNetworkConfig {
  readonly clusterNetwork: readonly ClusterNetwork[];
  readonly serviceNetwork: readonly string[];
  /** Between the cluster router and the nodes' gateway routers. */
  readonly joinSubnets: readonly string[];
  /** MTU of pods, bytes: the underlay's less 100 for Geneve. */
  readonly mtu: number;
}

/** Defaults of OpenShift, dual stack. */
export const DEFAULT_NETWORK: DefaultNetworkConfig = {
  clusterNetwork: [
    { cidr: '10.128.0.0/14', hostPrefix: 23 },
    { cidr: 'fd01::/48', hostPrefix: 64 },
  ],
  serviceNetwork: ['172.30.0.0/16', 'fd02::/112'],
  joinSubnets: ['100.64.0.0/16', 'fd98::/64'],
  mtu: 1400,
};

/** One family's network, with what its nodes get of it. */
export interface FamilyNetwork {
  readonly network: IpRange;
  readonly hostPrefix: number;
  readonly join: IpRange;
}

/** Longest prefixes of nodes' subnets: smaller ones have no room for pods, or none for IPv6's interface identifiers. */
const longest: Readonly<Record<IpFamily, number>> = { 4: 29, 6: 64 };

/** A configuration with some of its address families only. */
export function ofFamilies(
  config: DefaultNetworkConfig,
  families: readonly IpFamily[],
): DefaultNetworkConfig {
  const isOf = (text: string): boolean => families.includes(text.includes(':') ? 6 : 4);
  return {
    ...config,
    clusterNetwork: config.clusterNetwork.filter(({ cidr }) => isOf(cidr)),
    serviceNetwork: config.serviceNetwork.filter(isOf),
    joinSubnets: config.joinSubnets.filter(isOf),
  };
}

/** Returns the networks to cut up, the primary family first. Throws PatchbayError `InvalidNetwork` for what cannot work. */
export function validateNetwork(config: DefaultNetworkConfig): readonly FamilyNetwork[] {
  const { clusterNetwork } = config;
  const networks = clusterNetwork.map(({ cidr }, i) => requireRange(cidr, `clusterNetwork[${i}].cidr`));
  if (networks.length === 0 || new Set(networks.map(({ family }) => family)).size < networks.length) {
    throw invalid(
      `clusterNetwork has ${networks.length} entries; allowed are one, or one of IPv4 and one of IPv6`,
    );
  }
  for (const [field, i, other] of others(config)) {
    const index = networks.findIndex((network) => overlap(network, other));
    if (index >= 0) {
      throw invalid(
        `${field}[${i}] ${config[field][i]} overlaps clusterNetwork[${index}].cidr ${clusterNetwork[index]?.cidr}`,
      );
    }
  }
  return networks.map((network, i) => familyNetwork(config, network, i));
}

function others(
  config: DefaultNetworkConfig,
): readonly (readonly ['serviceNetwork' | 'joinSubnets', number, IpRange])[] {
  const of = (field: 'serviceNetwork' | 'joinSubnets') =>
    config[field].map((text, i) => [field, i, requireRange(text, `${field}[${i}]`)] as const);
  return [...of('serviceNetwork'), ...of('joinSubnets')];
}

function familyNetwork(config: DefaultNetworkConfig, network: IpRange, i: number): FamilyNetwork {
  const hostPrefix = config.clusterNetwork[i]?.hostPrefix ?? 0;
  const most = longest[network.family];
  if (!Number.isInteger(hostPrefix) || hostPrefix < network.prefix || hostPrefix > most) {
    throw invalid(`clusterNetwork[${i}].hostPrefix is ${hostPrefix}; allowed is ${network.prefix}..${most}`);
  }
  const join = others(config).find(
    ([field, , range]) => field === 'joinSubnets' && range.family === network.family,
  );
  if (join === undefined) {
    throw invalid(`joinSubnets has no network of IPv${network.family}, and clusterNetwork[${i}] needs one`);
  }
  return { network, hostPrefix, join: join[2] };
}

function invalid(message: string): PatchbayError {
  return new PatchbayError('InvalidNetwork', message, { retryable: false });
}
