/** Where packets of a network's full size do not pass: on a wire that is narrower than the network needs. Pure. */
import type { NodeWires } from '../nmstate.io/wires.ts';
import { geneveOverhead, type OvnNetwork } from './ovn-network.ts';

/** A node where they do not pass. MTUs are in bytes. */
export interface Narrow {
  readonly node: string;
  readonly has: number;
  /** Bridge of a localnet; tunnels go by the node's own interface. */
  readonly bridge?: string;
}

/** What a network needs, which nodes have less, and on how many that is known. */
export interface MtuNeed {
  readonly needed: number;
  readonly narrow: readonly Narrow[];
  readonly known: number;
}

/** Compares a network with the wires of the nodes. */
export function mtuNeedOf(network: OvnNetwork, wires: readonly NodeWires[]): MtuNeed {
  const isLocalnet = network.topology === 'localnet';
  const needed = isLocalnet ? network.mtu : network.mtu + geneveOverhead;
  const carried = wires.flatMap(({ node, underlay, physical }): readonly Narrow[] => {
    if (isLocalnet) {
      const bridge = physical.get(network.physicalNetwork);
      return bridge === undefined ? [] : [{ node, has: bridge.mtu, bridge: bridge.bridge }];
    }
    return underlay === undefined ? [] : [{ node, has: underlay }];
  });
  return { needed, narrow: carried.filter(({ has }) => has < needed), known: carried.length };
}

/** `node1 (br1, 1500)` */
export function narrowText({ node, has, bridge }: Narrow): string {
  return `${node} (${bridge === undefined ? '' : `${bridge}, `}${has})`;
}

/**
 * Told of an MTU that some node's wires do not carry.
 * @param at where the MTU is written: `spec.config.mtu`
 */
export function mtuWarnings(network: OvnNetwork, wires: readonly NodeWires[], at: string): readonly string[] {
  const { needed, narrow } = mtuNeedOf(network, wires);
  if (narrow.length === 0) return [];
  const overhead = needed - network.mtu;
  const least = Math.min(...narrow.map(({ has }) => has));
  const what = network.topology === 'localnet' ? 'the bridge of its physical network' : 'the underlay';
  const less = overhead === 0 ? '' : `, less ${overhead} for Geneve`;
  const nodes = narrow.map(narrowText).toSorted().join(', ');
  return [
    `${at}: ${network.mtu} is more than ${what} carries on nodes: [${nodes}]${less}: larger packets are lost; write ${least - overhead} or leave it out`,
  ];
}
