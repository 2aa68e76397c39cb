/** Who holds which subnet and address. Knows nothing but what it is told: annotations are the truth, this is their index. */

import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import { formatRange, type Ip } from '#api/ip-range.ts';
import { macOf } from '#api/k8s.ovn.org/mac.ts';
import { gatewayOffset, managementOffset } from '#api/k8s.ovn.org/node-subnets.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { addressAt, formatAddress } from './addresses.ts';
import { parseNodeSubnets, parsePodNetwork } from './annotations.ts';
import { type DefaultNetworkConfig, validateNetwork } from './config.ts';
import type { NodePlace, PodPlace } from './default-network.ts';
import { IpPool } from './ip-pool.ts';
import { SubnetAllocator } from './subnet-allocator.ts';

interface NodeEntry {
  readonly place: NodePlace;
  /** One per subnet. */
  readonly pools: readonly IpPool[];
  /** MAC -> who has it: `pod <key>`, or the node where it is the gateway's or the management port's. */
  readonly macs: Map<string, string>;
}

/** Subnets of nodes and addresses of pods. */
export class Ledger {
  /** One per address family. */
  readonly #subnets: readonly SubnetAllocator[];
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #pods = new Map<string, PodPlace>();

  constructor(config: DefaultNetworkConfig) {
    this.#subnets = validateNetwork(config).map(
      ({ network, hostPrefix }) => new SubnetAllocator(network, hostPrefix),
    );
  }

  nodes(): readonly NodePlace[] {
    return [...this.#nodes.values()].map(({ place }) => place);
  }

  pods(): readonly PodPlace[] {
    return [...this.#pods.values()];
  }

  node(name: string): NodePlace | undefined {
    return this.#nodes.get(name)?.place;
  }

  pod(key: string): PodPlace | undefined {
    return this.#pods.get(key);
  }

  /** Takes over what a node's annotation says, as far as it can be; a family it lacks is given with the place. */
  adoptNode(node: Node): void {
    const { name } = node.metadata;
    if (this.#nodes.has(name)) {
      return;
    }
    const annotated = parseNodeSubnets(node);
    for (const allocator of this.#subnets) {
      const subnet = annotated.find(({ family }) => family === allocator.family);
      if (subnet !== undefined) {
        allocator.claim(name, subnet);
      }
    }
  }

  /** The node's place; made now if it has none. Throws PatchbayError `SubnetExhausted`. */
  placeNode(node: Node): NodePlace {
    const { name } = node.metadata;
    const known = this.#nodes.get(name);
    if (known !== undefined) {
      return known.place;
    }
    const subnets = this.#subnets.map((allocator) => {
      const subnet = allocator.allocate(name);
      if (subnet === undefined) {
        throw new PatchbayError(
          'SubnetExhausted',
          `node ${name} gets no pod subnet: ${allocator.describe()}, and all are taken; use a larger clusterNetwork`,
        );
      }
      return subnet;
    });
    const place = { name, subnets };
    const pools = subnets.map((subnet) => new IpPool(subnet, [], managementOffset));
    const own = [gatewayOffset, managementOffset].map((offset) =>
      macOf(subnets.map((subnet) => addressAt(subnet, offset))),
    );
    const macs = new Map(own.map((mac) => [mac, `node ${name}`]));
    this.#nodes.set(name, { place, pools, macs });
    return place;
  }

  /** Frees a node's subnets, and the places of pods that are still there. */
  releaseNode(name: string): void {
    for (const [key, pod] of this.#pods) {
      if (pod.node.name === name) {
        this.#pods.delete(key);
      }
    }
    this.#nodes.delete(name);
    for (const allocator of this.#subnets) {
      allocator.release(name);
    }
  }

  /**
   * Takes over what a pod's annotation says; true when the pod has its place then. A pod that was made anew under its
   * old name, or on another node, loses the old place first. Of families that the network does not have (any more)
   * nothing is taken over; one that it has and the annotation has not is not added: a pod keeps what it was made with.
   * @throws PatchbayError `AddressConflict` when the annotation names what another pod has or what is not the node's,
   * `MACAddressConflict` when its MAC is another's on the node's switch: frames would go to whichever spoke last
   */
  adoptPod(key: string, pod: Pod, nodeName: string): boolean {
    const known = this.#pods.get(key);
    if (known !== undefined && known.uid === pod.metadata.uid && known.node.name === nodeName) {
      return true;
    }
    this.releasePod(key);
    const node = this.#nodes.get(nodeName);
    const annotated = parsePodNetwork(pod);
    if (node === undefined || annotated === undefined) {
      return false;
    }
    const claimed: Ip[] = [];
    for (const address of annotated.addresses) {
      const pool = poolOf(node, address);
      if (pool === undefined) {
        continue;
      }
      if (!pool.claim(address.value, key)) {
        giveBack(node, claimed);
        throw new PatchbayError(
          'AddressConflict',
          `pod ${key} is annotated with ${formatAddress(address)}, which on node ${nodeName} (${formatRange(pool.subnet)}) another pod has or none may have; recreate the pod`,
        );
      }
      claimed.push(address);
    }
    if (claimed.length === 0) {
      return false;
    }
    const holder = node.macs.get(annotated.mac);
    if (holder !== undefined) {
      giveBack(node, claimed);
      throw macConflict(`pod ${key} is annotated with MAC ${annotated.mac}`, holder, 'recreate the pod');
    }
    this.#enterPod(key, pod, node, claimed, annotated.mac);
    return true;
  }

  /**
   * A new place for a pod on a node that has one.
   * @param asked MAC that it gets; without one, that of its first address
   * @throws PatchbayError `AddressesExhausted`; `MACAddressConflict` when the MAC is another's on the node's switch
   */
  placePod(key: string, pod: Pod, nodeName: string, asked?: string): PodPlace {
    const node = this.#nodes.get(nodeName);
    if (node === undefined) {
      throw exhausted(key, nodeName, 'no subnet');
    }
    const holder = asked === undefined ? undefined : node.macs.get(asked);
    if (holder !== undefined) {
      throw macConflict(`pod ${key} asks for MAC ${asked}`, holder, 'ask for another, or for none');
    }
    const addresses: Ip[] = [];
    for (const pool of node.pools) {
      const value = pool.allocate(key);
      if (value === undefined) {
        giveBack(node, addresses);
        throw exhausted(key, nodeName, `none left in ${formatRange(pool.subnet)}`);
      }
      addresses.push({ family: pool.subnet.family, value });
    }
    const usual = macOf(addresses);
    // Somebody may have asked for the MAC that follows from an address that was free then.
    return this.#enterPod(
      key,
      pod,
      node,
      addresses,
      asked ?? (node.macs.has(usual) ? macOf([], key) : usual),
    );
  }

  /** Frees a pod's addresses; returns the node it was on. */
  releasePod(key: string): string | undefined {
    const pod = this.#pods.get(key);
    if (pod === undefined) {
      return undefined;
    }
    const node = this.#nodes.get(pod.node.name);
    if (node !== undefined) {
      giveBack(node, pod.addresses);
    }
    if (node?.macs.get(pod.mac) === holderOf(key)) {
      node.macs.delete(pod.mac);
    }
    this.#pods.delete(key);
    return pod.node.name;
  }

  #enterPod(key: string, pod: Pod, node: NodeEntry, addresses: readonly Ip[], mac: string): PodPlace {
    const place: PodPlace = {
      namespace: pod.metadata.namespace ?? '',
      name: pod.metadata.name,
      uid: pod.metadata.uid ?? '',
      node: node.place,
      addresses,
      mac,
    };
    this.#pods.set(key, place);
    node.macs.set(mac, holderOf(key));
    return place;
  }
}

function poolOf({ pools }: NodeEntry, { family }: Ip): IpPool | undefined {
  return pools.find(({ subnet }) => subnet.family === family);
}

function giveBack(node: NodeEntry, addresses: readonly Ip[]): void {
  for (const address of addresses) {
    poolOf(node, address)?.release(address.value);
  }
}

function holderOf(pod: string): string {
  return `pod ${pod}`;
}

function macConflict(what: string, holder: string, remedy: string): PatchbayError {
  return new PatchbayError(
    'MACAddressConflict',
    `${what}, which ${holder} has on the same switch; ${remedy}`,
  );
}

function exhausted(key: string, node: string, why: string): PatchbayError {
  return new PatchbayError('AddressesExhausted', `pod ${key} gets no address: node ${node} has ${why}`);
}
