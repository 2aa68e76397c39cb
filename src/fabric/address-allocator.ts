import { type Cidr, sizeOf } from './cidr.ts';

/** Offsets that no pod gets: the network, its gateway, the node's management port. The broadcast address is the last. */
const FIRST = 3;

/** Offset of the gateway in a node's subnet. */
export const GATEWAY = 1;
/** Offset of the node's management port. */
export const MANAGEMENT = 2;

/**
 * Addresses of one node's subnet. Gives the lowest free one after the one given last, so that an address just released
 * is not given again at once: neighbours may still know it by its former MAC.
 */
export class AddressAllocator {
  readonly subnet: Cidr;
  readonly #used = new Set<number>();
  #cursor: number;

  constructor(subnet: Cidr) {
    this.subnet = subnet;
    this.#cursor = subnet.base + FIRST - 1;
  }

  /** Takes a certain address; false when it is not for pods or taken. */
  claim(address: number): boolean {
    const { base, prefix } = this.subnet;
    if (address < base + FIRST || address >= base + sizeOf(prefix) - 1 || this.#used.has(address)) {
      return false;
    }
    this.#used.add(address);
    this.#cursor = Math.max(this.#cursor, address);
    return true;
  }

  /** Takes a free address; undefined when there is none. */
  allocate(): number | undefined {
    const first = this.subnet.base + FIRST;
    const count = sizeOf(this.subnet.prefix) - FIRST - 1;
    for (let step = 0; step < count; step += 1) {
      const address = first + ((this.#cursor + 1 - first + step) % count);
      if (!this.#used.has(address)) {
        this.#used.add(address);
        this.#cursor = address;
        return address;
      }
    }
    return undefined;
  }

  release(address: number): void {
    this.#used.delete(address);
  }
}
