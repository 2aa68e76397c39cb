import { containsIp, type IpRange, sizeOfRange } from '#api/ip-range.ts';

/** Addresses of one subnet of a flat network, by owner. An owner may hold one address through several holders. */
export class IpPool {
  readonly subnet: IpRange;
  readonly #excluded: readonly IpRange[];
  readonly #onRequest: readonly IpRange[];
  readonly #withheld: readonly IpRange[];
  readonly #owners = new Map<bigint, { readonly owner: string; holders: number }>();
  readonly #first: bigint;
  readonly #last: bigint;
  #cursor: bigint;

  /**
   * @param excluded ranges that nobody gets addresses of
   * @param reserved number of addresses after the network's own that nobody gets: gateway and management port
   * @param onRequest ranges whose addresses are given only to those who ask for them
   * @param withheld ranges that nobody gets addresses of; who was given one before they were withheld keeps it
   */
  constructor(
    subnet: IpRange,
    excluded: readonly IpRange[],
    reserved: number,
    onRequest: readonly IpRange[] = [],
    withheld: readonly IpRange[] = [],
  ) {
    this.subnet = subnet;
    this.#excluded = excluded.filter(({ family }) => family === subnet.family);
    this.#onRequest = onRequest.filter(({ family }) => family === subnet.family);
    this.#withheld = withheld.filter(({ family }) => family === subnet.family);
    this.#first = subnet.base + 1n + BigInt(reserved);
    // The last address of an IPv4 network is its broadcast address.
    this.#last = subnet.base + sizeOfRange(subnet) - (subnet.family === 4 ? 2n : 1n);
    this.#cursor = this.#first - 1n;
  }

  /**
   * Takes a certain address; false when it is not for pods, or another owner's.
   * @param isKept the owner was given it earlier
   */
  claim(value: bigint, owner: string, isKept = false): boolean {
    const entry = this.#owners.get(value);
    if (entry !== undefined) {
      entry.holders += entry.owner === owner ? 1 : 0;
      return entry.owner === owner;
    }
    if (value < this.#first || value > this.#last || this.#exclusion(value) !== undefined) {
      return false;
    }
    if (!isKept && this.#withheld.some((range) => containsIp(range, value))) {
      return false;
    }
    this.#owners.set(value, { owner, holders: 1 });
    const isApart = this.#onRequest.some((range) => containsIp(range, value));
    this.#cursor = value > this.#cursor && !isApart ? value : this.#cursor;
    return true;
  }

  /** Takes the next free address after the one given last, so that one just released rests; undefined when none is free. */
  allocate(owner: string): bigint | undefined {
    const found = this.#nextFree(this.#cursor + 1n) ?? this.#nextFree(this.#first);
    if (found !== undefined) {
      this.#owners.set(found, { owner, holders: 1 });
      this.#cursor = found;
    }
    return found;
  }

  /** Gives an address back, once for each time it was taken. */
  release(value: bigint): void {
    const entry = this.#owners.get(value);
    if (entry !== undefined) {
      entry.holders -= 1;
      if (entry.holders === 0) {
        this.#owners.delete(value);
      }
    }
  }

  /** Who has an address. */
  ownerOf(value: bigint): string | undefined {
    return this.#owners.get(value)?.owner;
  }

  #nextFree(from: bigint): bigint | undefined {
    let value = from;
    while (value <= this.#last) {
      const excluded =
        this.#exclusion(value) ??
        [...this.#onRequest, ...this.#withheld].find((range) => containsIp(range, value));
      if (excluded !== undefined) {
        value = excluded.base + sizeOfRange(excluded);
      } else if (this.#owners.has(value)) {
        value += 1n;
      } else {
        return value;
      }
    }
    return undefined;
  }

  #exclusion(value: bigint): IpRange | undefined {
    return this.#excluded.find((range) => containsIp(range, value));
  }
}
