import { type Node, node as nodeKind } from '#api/core/node.ts';
import { nodeSubnetsAnnotation } from '#api/k8s.ovn.org/node-subnets.ts';
import type { NbChanges, NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { messageOf } from '#machinery/errors.ts';
import { formatNodeSubnets, tellsSubnets } from './annotations.ts';
import { composeNodeEgress, gatewayNode, nodeEgressKeys } from './default-egress.ts';
import { composeNode, nodeRowKeys, podRowKey } from './default-network.ts';
import { composeGateway, gatewayKeys } from './gateway.ts';
import type { Ledger } from './ledger.ts';
import { lockedGroupKey } from './locked-ports.ts';
import type { Overlay } from './overlay.ts';
import { byAge, type SettlementParts } from './settlement-parts.ts';

/** What follows for pods and other nodes from a node's pass. */
export interface NodeEffects {
  /** A pod waits for something of a node. */
  readonly wait: (node: string, pod: string) => void;
  /** Pods that wait for something of this node are looked at again. */
  readonly wake: (node: string) => void;
  /** A node is looked at in the next pass. */
  readonly again: (node: string) => void;
}

/** The nodes' part of a settlement: subnets, switches, gateways, and the annotation that tells the subnets. */
export class NodeSettlement {
  readonly #parts: SettlementParts;
  readonly #ledger: Ledger;
  readonly #overlay: Overlay;
  readonly #effects: NodeEffects;

  constructor(parts: SettlementParts, ledger: Ledger, overlay: Overlay, effects: NodeEffects) {
    this.#parts = parts;
    this.#ledger = ledger;
    this.#overlay = overlay;
    this.#effects = effects;
  }

  /** Gives nodes their place on the default network, or takes it back where they are gone. */
  settle(names: readonly string[]): NbChanges {
    const remove: RowKey[] = [];
    const present: Node[] = [];
    for (const name of names.toSorted()) {
      const node = this.#parts.nodes.get({ name });
      if (node === undefined) {
        remove.push(...this.#dropNode(name));
      } else {
        present.push(node);
      }
    }
    // What annotations say is taken first, so that nothing of it is given to others.
    const newcomers = new Set(
      present.filter(({ metadata }) => this.#ledger.node(metadata.name) === undefined),
    );
    for (const node of present.toSorted(byAge)) {
      this.#ledger.adoptNode(node);
    }
    const put = present.flatMap((node) => this.#settleNode(node));
    for (const { metadata } of newcomers) {
      this.#effects.wake(metadata.name);
    }
    return { put, remove };
  }

  #dropNode(name: string): readonly RowKey[] {
    const pods = this.#ledger.pods().filter((pod) => pod.node.name === name);
    for (const pod of pods) {
      this.#effects.wait(name, `${pod.namespace}/${pod.name}`);
    }
    this.#ledger.releaseNode(name);
    this.#parts.annotator.forget(nodeKind, name);
    // A subnet came free: nodes that got none try again.
    for (const node of this.#parts.nodes.list()) {
      if (this.#ledger.node(node.metadata.name) === undefined) {
        this.#effects.again(node.metadata.name);
      }
    }
    const gateways = this.#overlay.egresses().flatMap((egress) => gatewayKeys(egress, name));
    return [
      ...this.#overlay.dropNode(name),
      ...nodeRowKeys(name),
      ...nodeEgressKeys(name, this.#parts.config),
      ...gateways,
      lockedGroupKey(name),
      ...pods.map(podRowKey),
    ];
  }

  #settleNode(node: Node): readonly NbRow[] {
    const { name } = node.metadata;
    try {
      const place = this.#ledger.placeNode(node);
      const { config } = this.#parts;
      const gateways = this.#overlay
        .egresses()
        .flatMap((egress) => composeGateway(egress, gatewayNode(place, config)));
      return [...composeNode(place, config), ...composeNodeEgress(place, config), ...gateways];
    } catch (error) {
      this.#parts.log.error({ node: name, error: messageOf(error) }, 'node gets no pod subnet');
      return [];
    }
  }

  /** Parts of layer 3 networks; and nodes are told what they have, of those and of the default network. */
  settleSubnets(changed: ReadonlySet<string>): NbChanges {
    if (changed.size === 0 && !this.#overlay.owesNodes) {
      return { put: [], remove: [] };
    }
    const all = this.#parts.nodes
      .list()
      .filter(({ metadata }) => this.#ledger.node(metadata.name) !== undefined);
    const { put, touched } = this.#overlay.settleNodes(all.toSorted(byAge), changed);
    const told = all.filter(({ metadata }) => changed.has(metadata.name) || touched.has(metadata.name));
    for (const node of told) {
      const { name } = node.metadata;
      const subnets = this.#ledger.node(name)?.subnets ?? [];
      const value = formatNodeSubnets(subnets, this.#overlay.subnetsOf(name));
      if (tellsSubnets(node, value)) {
        this.#parts.annotator.forget(nodeKind, name);
      } else {
        this.#parts.annotator.write(nodeKind, node, nodeSubnetsAnnotation, value);
      }
    }
    return { put, remove: [] };
  }
}
