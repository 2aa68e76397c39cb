/** Which part of a layer 3 network each node has. Nodes' annotations are the truth, this is their index. */
import { type Ip, type IpFamily, type IpRange, overlap } from '#api/ip-range.ts';
import { isGrown, networkDifferences, type OvnNetwork } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { SubnetAllocator } from './subnet-allocator.ts';

interface Cut {
  readonly network: OvnNetwork;
  /** One per range, in the definition's order. */
  readonly allocators: readonly SubnetAllocator[];
  /** Node -> its subnets, one per family. */
  readonly held: Map<string, readonly IpRange[]>;
}

/** Subnets of nodes on networks of topology layer3. */
export class NodeSubnets {
  readonly #cuts = new Map<string, Cut>();

  /** The networks that are cut up, as they were then. */
  networks(): readonly OvnNetwork[] {
    return [...this.#cuts.values()].map(({ network }) => network);
  }

  /** Begins to cut a network up; true when it is new, or another one of its name, or has more ranges now. */
  begin(network: OvnNetwork): boolean {
    const known = this.#cuts.get(network.name);
    if (known !== undefined && networkDifferences(known.network, network).length === 0) {
      return false;
    }
    const kept = known !== undefined && isGrown(known.network, network) ? known : undefined;
    const allocators = network.subnets.map((range) => {
      const index = kept?.network.subnets.findIndex((one) => overlap(one, range)) ?? -1;
      return kept?.allocators[index] ?? new SubnetAllocator(range, range.hostPrefix ?? range.prefix);
    });
    this.#cuts.set(network.name, { network, allocators, held: kept?.held ?? new Map() });
    return true;
  }

  /** Forgets a network. */
  end(name: string): void {
    this.#cuts.delete(name);
  }

  /** Takes over what a node's annotation tells, as far as nobody else has it. */
  adopt(name: string, node: string, told: readonly IpRange[]): void {
    const cut = this.#cuts.get(name);
    if (cut === undefined || cut.held.has(node)) {
      return;
    }
    for (const subnet of told) {
      cut.allocators.some((allocator) => allocator.claim(node, subnet));
    }
  }

  /** The node's subnets, given now when it has none; undefined when one of a family is lacking. */
  place(name: string, node: string): readonly IpRange[] | undefined {
    const cut = this.#cuts.get(name);
    if (cut === undefined || cut.held.has(node)) {
      return cut?.held.get(node);
    }
    const subnets = familiesOf(cut.network).flatMap((family) => {
      const allocators = cut.allocators.filter((one) => one.family === family);
      const adopted = allocators.find((one) => one.of(node) !== undefined);
      return adopted?.of(node) ?? firstOf(allocators, node) ?? [];
    });
    if (subnets.length < familiesOf(cut.network).length) {
      for (const allocator of cut.allocators) {
        allocator.release(node);
      }
      return undefined;
    }
    cut.held.set(node, subnets);
    return subnets;
  }

  /** The node's subnets on a network. */
  of(name: string, node: string): readonly IpRange[] | undefined {
    return this.#cuts.get(name)?.held.get(node);
  }

  /**
   * Where the addresses of a pod on a node are from.
   * @param asked addresses that the pod asks for
   * @throws PatchbayError `StaticIPNotSupported`, `SubnetExhausted`
   */
  partFor(name: string, node: string, asked: readonly Ip[]): readonly IpRange[] {
    if (asked.length > 0) {
      throw new PatchbayError(
        'StaticIPNotSupported',
        `network "${name}": addresses (ips) can be asked for with topology layer2 and localnet only, because with layer3 they depend on the node; leave ips out`,
        { retryable: false },
      );
    }
    const subnets = this.of(name, node);
    if (subnets === undefined) {
      throw new PatchbayError(
        'SubnetExhausted',
        `network "${name}": node ${node} has no subnet of it: ${this.#describe(name)}; add a range to a primary network, or make it anew with a larger range or a longer hostSubnet`,
        { retryable: false },
      );
    }
    return subnets;
  }

  /** The nodes that have a part of a network. */
  nodesOf(name: string): readonly string[] {
    return [...(this.#cuts.get(name)?.held.keys() ?? [])];
  }

  /** What a node has, by network. */
  ofNode(node: string): Readonly<Record<string, readonly IpRange[]>> {
    return Object.fromEntries(
      [...this.#cuts].flatMap(([name, { held }]) => {
        const subnets = held.get(node);
        return subnets === undefined ? [] : [[name, subnets]];
      }),
    );
  }

  /** Frees all that a node has. */
  release(node: string): void {
    for (const { allocators, held } of this.#cuts.values()) {
      held.delete(node);
      for (const allocator of allocators) {
        allocator.release(node);
      }
    }
  }

  /** For messages: `10.20.0.0/24 has room for 2 /25`. */
  #describe(name: string): string {
    return (this.#cuts.get(name)?.allocators ?? []).map((one) => one.describe()).join(', ');
  }
}

/** The families a network has ranges of, in its order. */
export function familiesOf({ subnets }: OvnNetwork): readonly IpFamily[] {
  return [...new Set(subnets.map(({ family }) => family))];
}

function firstOf(allocators: readonly SubnetAllocator[], node: string): IpRange | undefined {
  for (const allocator of allocators) {
    const subnet = allocator.allocate(node);
    if (subnet !== undefined) {
      return subnet;
    }
  }
  return undefined;
}
