import { PatchbayError } from '#machinery/errors.ts';
import { type Cidr, contains, requireCidr } from './cidr.ts';

/** A network that is cut into one subnet per node. */
export interface ClusterNetwork {
  readonly cidr: string;
  /** Prefix length of a node's subnet. */
  readonly hostPrefix: number;
}

/** The default pod network, as the cluster's operator sets it. One entry per address family; IPv4 only so far. */
export interface DefaultNetworkConfig {
  readonly clusterNetwork: readonly ClusterNetwork[];
  readonly serviceNetwork: readonly string[];
  /** Between the cluster router and the nodes' gateway routers. */
  readonly joinSubnets: readonly string[];
  /** MTU of pods, bytes: the underlay's less 100 for Geneve. */
  readonly mtu: number;
}

/** Defaults of OpenShift. */
export const DEFAULT_NETWORK: DefaultNetworkConfig = {
  clusterNetwork: [{ cidr: '10.128.0.0/14', hostPrefix: 23 }],
  serviceNetwork: ['172.30.0.0/16'],
  joinSubnets: ['100.64.0.0/16'],
  mtu: 1400,
};

/** Returns the network to cut up. Throws PatchbayError `InvalidNetwork` for what cannot work. */
export function validateNetwork(config: DefaultNetworkConfig): {
  readonly network: Cidr;
  readonly hostPrefix: number;
} {
  const [first, ...more] = config.clusterNetwork;
  if (first === undefined || more.length > 0) {
    throw invalid(`clusterNetwork has ${config.clusterNetwork.length} entries; one, of IPv4, is supported`);
  }
  const network = requireCidr(first.cidr, 'clusterNetwork[0].cidr');
  if (!Number.isInteger(first.hostPrefix) || first.hostPrefix < network.prefix || first.hostPrefix > 29) {
    throw invalid(`clusterNetwork[0].hostPrefix is ${first.hostPrefix}; allowed is ${network.prefix}..29`);
  }
  const others = { serviceNetwork: config.serviceNetwork, joinSubnets: config.joinSubnets };
  for (const [field, cidrs] of Object.entries(others)) {
    cidrs.forEach((text, i) => {
      const other = requireCidr(text, `${field}[${i}]`);
      if (contains(network, other) || contains(other, network)) {
        throw invalid(`${field}[${i}] ${text} overlaps clusterNetwork[0].cidr ${first.cidr}`);
      }
    });
  }
  return { network, hostPrefix: first.hostPrefix };
}

function invalid(message: string): PatchbayError {
  return new PatchbayError('InvalidNetwork', message, { retryable: false });
}
