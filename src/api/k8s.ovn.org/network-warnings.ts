/** What a network's controller would refuse later, or what would show only as lost packets: told when it is written. */
import { overlap, parseRanges } from '../ip-range.ts';
import { clusterSubnets } from '../k8s.cni.cncf.io/admission/cluster-subnets.ts';
import { rangeCauses, takenText } from '../k8s.cni.cncf.io/admission/ovn-ranges.ts';
import { specialRanges } from '../k8s.cni.cncf.io/admission/ovn-room.ts';
import { mtuWarnings } from '../k8s.cni.cncf.io/network-mtu.ts';
import { ovnNetworkOf, ovnType } from '../k8s.cni.cncf.io/ovn-network.ts';
import type { AdmissionRequest } from '../kind.ts';
import { storedWires } from '../nmstate.io/wires.ts';
import { type NetworkParts, networkConfig } from './network-config.ts';

/** Warnings about a network. `field` is where it is: `spec`, `spec.network`. */
export function networkWarnings(
  network: NetworkParts,
  field: string,
  view: Pick<AdmissionRequest, 'list'>,
): readonly string[] {
  const wires = storedWires(view);
  return [
    ...rangeWarnings(network, field),
    ...(['layer2', 'layer3', 'localnet'] as const).flatMap((topology) => {
      const { mtu, subnets = [] } = network[topology] ?? {};
      const physicalNetworkName = network.localnet?.physicalNetworkName;
      // Where none is named the network follows the pods', which nodes judge themselves.
      const wide = ovnNetworkOf({ name: 'network', type: ovnType, topology, mtu, physicalNetworkName }, 0);
      return [
        ...(wide === undefined ? [] : mtuWarnings(wide, wires, `${field}.${topology}.mtu`)),
        ...subnets.flatMap((subnet, index) => {
          const isText = typeof subnet === 'string';
          const at = `${field}.${topology}.subnets[${index}]${isText ? '' : '.cidr'}`;
          return takenWarnings(isText ? subnet : subnet.cidr, at);
        }),
      ];
    }),
  ];
}

/** What the definitions of the network would be refused for, at the network's own fields. */
function rangeWarnings(network: NetworkParts, field: string): readonly string[] {
  const at = `${field}.${network.topology.toLowerCase()}`;
  return (
    rangeCauses(networkConfig(network), at)
      // Told with their place in the list.
      .filter((cause) => cause.field !== `${at}.subnets` || !cause.message.startsWith(takenText))
      .map(({ field: where, value, message }) => {
        const own = where.replace(/\.joinSubnet$/, '.joinSubnets');
        return `${own}: ${String(value)} ${message}: the network is not made, make it anew`;
      })
  );
}

function takenWarnings(cidr: string, at: string): readonly string[] {
  const ranges = parseRanges(cidr);
  const taken = [...specialRanges, ...clusterSubnets].find((other) =>
    ranges.some((range) => parseRanges(other.cidr).some((one) => overlap(one, range))),
  );
  return taken === undefined
    ? []
    : [
        `${at}: ${cidr} overlaps the ${taken.what}, ${taken.cidr}: the network is not made; make it anew with another range`,
      ];
}
