/** What a network's controller would refuse later, or what would show only as lost packets: told when it is written. */

import { overlap, parseRanges } from '../ip-range.ts';
import { clusterSubnets } from '../k8s.cni.cncf.io/admission/cluster-subnets.ts';

/** MTU of the underlay less what Geneve takes. */
const overlayMtu = 1400;

interface Overlaid {
  readonly mtu?: number | undefined;
  readonly subnets?: readonly (string | { readonly cidr: string })[] | undefined;
}

/** A network as both kinds have it. */
interface Network {
  readonly layer2?: Overlaid | undefined;
  readonly layer3?: Overlaid | undefined;
  readonly localnet?: Pick<Overlaid, 'subnets'> | undefined;
}

/** Warnings about a network. `field` is where it is: `spec`, `spec.network`. */
export function networkWarnings(network: Network, field: string): readonly string[] {
  return [
    ...(['layer2', 'layer3'] as const).flatMap((key) =>
      mtuWarnings(network[key]?.mtu, `${field}.${key}.mtu`),
    ),
    ...(['layer2', 'layer3', 'localnet'] as const).flatMap((key) =>
      (network[key]?.subnets ?? []).flatMap((subnet, index) => {
        const isText = typeof subnet === 'string';
        const at = `${field}.${key}.subnets[${index}]${isText ? '' : '.cidr'}`;
        return takenWarnings(isText ? subnet : subnet.cidr, at);
      }),
    ),
  ];
}

function mtuWarnings(mtu: number | undefined, at: string): readonly string[] {
  return mtu === undefined || mtu <= overlayMtu
    ? []
    : [
        `${at}: ${mtu} is more than the underlay carries (1500 less 100 for Geneve): larger packets between nodes are lost; write ${overlayMtu} or leave it out`,
      ];
}

function takenWarnings(cidr: string, at: string): readonly string[] {
  const ranges = parseRanges(cidr);
  const taken = clusterSubnets.find((other) =>
    ranges.some((range) => parseRanges(other.cidr).some((one) => overlap(one, range))),
  );
  return taken === undefined
    ? []
    : [
        `${at}: ${cidr} overlaps the ${taken.what}, ${taken.cidr}: the network is not made; make it anew with another range`,
      ];
}
