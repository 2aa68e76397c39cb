/** Who holds which subnet and address. Knows nothing but what it is told: annotations are the truth, this is their index. */
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { AddressAllocator } from './address-allocator.ts';
import { parseNodeSubnet, parsePodNetwork, requestedMac } from './annotations.ts';
import { formatAddress, formatCidr, macOf } from './cidr.ts';
import { type DefaultNetworkConfig, validateNetwork } from './config.ts';
import type { NodePlace, PodPlace } from './default-network.ts';
import { SubnetAllocator } from './subnet-allocator.ts';

interface NodeEntry {
  readonly place: NodePlace;
  readonly addresses: AddressAllocator;
  /** MAC -> key of the pod that has it. */
  readonly macs: Map<string, string>;
}

/** Subnets of nodes and addresses of pods. */
export class Ledger {
  readonly #subnets: SubnetAllocator;
  readonly #nodes = new Map<string, NodeEntry>();
  readonly #pods = new Map<string, PodPlace>();

  constructor(config: DefaultNetworkConfig) {
    const { network, hostPrefix } = validateNetwork(config);
    this.#subnets = new SubnetAllocator(network, hostPrefix);
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

  /** Takes over what a node's annotation says, if it can be; true when the node has its place then. */
  adoptNode(node: Node): boolean {
    const { name } = node.metadata;
    const subnet = this.#nodes.has(name) ? undefined : parseNodeSubnet(node);
    if (subnet !== undefined && this.#subnets.claim(name, subnet)) {
      this.#enterNode(name);
    }
    return this.#nodes.has(name);
  }

  /** The node's place; made now if it has none. Throws PatchbayError `SubnetExhausted`. */
  placeNode(node: Node): NodePlace {
    const { name } = node.metadata;
    if (this.#subnets.allocate(name) === undefined) {
      throw new PatchbayError(
        'SubnetExhausted',
        `node ${name} gets no pod subnet: ${this.#subnets.describe()}, and all are taken; use a larger clusterNetwork`,
      );
    }
    return this.#nodes.get(name)?.place ?? this.#enterNode(name);
  }

  /** Frees a node's subnet, and the places of pods that are still there. */
  releaseNode(name: string): void {
    for (const [key, pod] of this.#pods) {
      if (pod.node.name === name) {
        this.#pods.delete(key);
      }
    }
    this.#nodes.delete(name);
    this.#subnets.release(name);
  }

  /**
   * Takes over what a pod's annotation says; true when the pod has its place then. A pod that was made anew under its
   * old name, or on another node, loses the old place first.
   * @throws PatchbayError `AddressConflict` when the annotation names what another pod has or what is not the node's
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
    const { address, mac } = annotated;
    if (!node.addresses.claim(address)) {
      throw new PatchbayError(
        'AddressConflict',
        `pod ${key} is annotated with ${formatAddress(address)}, which on node ${nodeName} (${formatCidr(node.addresses.subnet)}) another pod has or none may have; recreate the pod`,
      );
    }
    this.#enterPod(key, pod, node, address, mac);
    return true;
  }

  /** A new place for a pod on a node that has one. Throws PatchbayError `AddressesExhausted`. */
  placePod(key: string, pod: Pod, nodeName: string): PodPlace {
    const node = this.#nodes.get(nodeName);
    const address = node?.addresses.allocate();
    if (node === undefined || address === undefined) {
      throw new PatchbayError(
        'AddressesExhausted',
        `pod ${key} gets no address: node ${nodeName} has ${node === undefined ? 'no subnet' : `none left in ${formatCidr(node.addresses.subnet)}`}`,
      );
    }
    const asked = requestedMac(pod);
    const mac = asked === undefined || node.macs.has(asked) ? macOf(address) : asked;
    return this.#enterPod(key, pod, node, address, mac);
  }

  /** Frees a pod's address; returns the node it was on. */
  releasePod(key: string): string | undefined {
    const pod = this.#pods.get(key);
    if (pod === undefined) {
      return undefined;
    }
    const node = this.#nodes.get(pod.node.name);
    for (const address of pod.addresses) {
      node?.addresses.release(address);
    }
    if (node?.macs.get(pod.mac) === key) {
      node.macs.delete(pod.mac);
    }
    this.#pods.delete(key);
    return pod.node.name;
  }

  #enterNode(name: string): NodePlace {
    const subnet = this.#subnets.of(name);
    if (subnet === undefined) {
      throw new PatchbayError('SubnetExhausted', `node ${name} holds no subnet`);
    }
    const place = { name, subnets: [subnet] };
    this.#nodes.set(name, { place, addresses: new AddressAllocator(subnet), macs: new Map() });
    return place;
  }

  #enterPod(key: string, pod: Pod, node: NodeEntry, address: number, mac: string): PodPlace {
    const place: PodPlace = {
      namespace: pod.metadata.namespace ?? '',
      name: pod.metadata.name,
      uid: pod.metadata.uid ?? '',
      node: node.place,
      addresses: [address],
      mac,
    };
    this.#pods.set(key, place);
    node.macs.set(mac, key);
    return place;
  }
}
