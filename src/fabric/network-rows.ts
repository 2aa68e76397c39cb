/** Every network besides the default one as northbound rows, whatever its topology (pure but for the numbers of primary networks). */
import { createHash } from 'node:crypto';
import type { OvnNetwork } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import type { Egress, GatewayNode } from './egress.ts';
import { composeFlatNetwork, flatNetworkKeys } from './flat-network.ts';
import { composeLayer3Network, composeNodePart, layer3NetworkKeys, nodePartKeys } from './layer3-network.ts';
import type { NodeSubnets } from './node-subnets.ts';
import { composePrimary, primaryEgress, primaryKeys } from './primary-network.ts';

/** Composes rows and their keys. */
export class NetworkRows {
  readonly #nodes: () => readonly GatewayNode[];
  readonly #subnets: NodeSubnets;
  /** Primary networks by name, numbered: each has its own masquerade address. */
  readonly #slots = new Map<string, number>();

  constructor(nodes: () => readonly GatewayNode[], subnets: NodeSubnets) {
    this.#nodes = nodes;
    this.#subnets = subnets;
  }

  /** The ways out of a primary network. */
  egressOf(network: OvnNetwork): Egress | undefined {
    if (network.role !== 'primary') {
      return undefined;
    }
    const known = this.#slots.get(network.name);
    const slot = known ?? freeSlot(network.name, new Set(this.#slots.values()));
    this.#slots.set(network.name, slot);
    return primaryEgress(network, slot);
  }

  /** Rows of a network itself, and of the nodes' parts of it. */
  ofNetwork(network: OvnNetwork): readonly NbRow[] {
    const egress = this.egressOf(network);
    if (isFlat(network)) {
      const primary = egress === undefined ? [] : composePrimary(network, egress, this.#nodes());
      return [...composeFlatNetwork(network), ...primary];
    }
    const parts = this.#subnets.nodesOf(network.name);
    return [
      ...composeLayer3Network(network, egress, this.#nodes()),
      ...parts.flatMap((node) => this.ofNode(network, node)),
    ];
  }

  /** Keys of those rows; the network's number is free then. */
  endNetwork(network: OvnNetwork): readonly RowKey[] {
    const egress = this.egressOf(network);
    this.#slots.delete(network.name);
    if (isFlat(network)) {
      const primary = egress === undefined ? [] : primaryKeys(network, egress, this.#nodes());
      return [...primary, ...flatNetworkKeys(network)];
    }
    const parts = this.#subnets.nodesOf(network.name);
    return [
      ...layer3NetworkKeys(network, egress, this.#nodes()),
      ...parts.flatMap((node) => nodePartKeys(network, node, egress)),
    ];
  }

  /** Rows of a node's part of a layer 3 network. */
  ofNode(network: OvnNetwork, node: string): readonly NbRow[] {
    const subnets = this.#subnets.of(network.name, node);
    const gateway = this.#nodes().find(({ name }) => name === node);
    return subnets === undefined
      ? []
      : composeNodePart({ network, node, subnets }, this.egressOf(network), gateway);
  }

  /** Keys of those rows. */
  keysOfNode(network: OvnNetwork, node: string): readonly RowKey[] {
    return nodePartKeys(network, node, this.egressOf(network));
  }
}

/** True for topologies of one switch over all nodes. */
export function isFlat({ topology }: OvnNetwork): boolean {
  return topology !== 'layer3';
}

/** A number that stays the same over restarts, unless two networks' names collide. */
function freeSlot(name: string, taken: ReadonlySet<number>): number {
  let slot = createHash('sha256').update(name).digest().readUInt16BE(0) % 16_000;
  while (taken.has(slot)) {
    slot += 1;
  }
  return slot;
}
