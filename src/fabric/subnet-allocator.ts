import { containsRange, formatRange, type IpFamily, type IpRange, sizeOfRange } from '#api/ip-range.ts';

/** Cuts a network into equal subnets and remembers who holds which. */
export class SubnetAllocator {
  readonly #network: IpRange;
  readonly #prefix: number;
  readonly #owners = new Map<bigint, string>();
  readonly #held = new Map<string, IpRange>();

  constructor(network: IpRange, prefix: number) {
    this.#network = network;
    this.#prefix = prefix;
  }

  get family(): IpFamily {
    return this.#network.family;
  }

  /** The subnet that `owner` holds. */
  of(owner: string): IpRange | undefined {
    return this.#held.get(owner);
  }

  /** Gives `owner` a certain subnet; false when it is none of this network's or held by another. */
  claim(owner: string, subnet: IpRange): boolean {
    const holder = this.#owners.get(subnet.base);
    if (
      subnet.prefix !== this.#prefix ||
      !containsRange(this.#network, subnet) ||
      (holder ?? owner) !== owner
    ) {
      return false;
    }
    this.release(owner);
    this.#owners.set(subnet.base, owner);
    this.#held.set(owner, subnet);
    return true;
  }

  /** Gives `owner` the lowest free subnet, or the one it holds; undefined when none is free. */
  allocate(owner: string): IpRange | undefined {
    const held = this.#held.get(owner);
    if (held !== undefined) {
      return held;
    }
    const { family } = this.#network;
    const end = this.#network.base + sizeOfRange(this.#network);
    const step = sizeOfRange({ family, prefix: this.#prefix });
    for (let { base } = this.#network; base < end; base += step) {
      const subnet = { family, base, prefix: this.#prefix };
      if (!this.#owners.has(base) && this.claim(owner, subnet)) {
        return subnet;
      }
    }
    return undefined;
  }

  /** Frees the subnet of `owner`, if it holds one. */
  release(owner: string): void {
    const subnet = this.#held.get(owner);
    if (subnet !== undefined) {
      this.#held.delete(owner);
      this.#owners.delete(subnet.base);
    }
  }

  /** For messages: `10.128.0.0/14 has room for 512 /23`. */
  describe(): string {
    const room = 2 ** (this.#prefix - this.#network.prefix);
    return `${formatRange(this.#network)} has room for ${room} /${this.#prefix}`;
  }
}
