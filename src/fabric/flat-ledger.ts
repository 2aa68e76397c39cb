/** Who has which address and MAC on networks besides the default one. Annotations are the truth, this is their index. */
import type { Pod } from '#api/core/pod.ts';
import {
  bitsOf,
  containsIp,
  formatIp,
  formatRange,
  type HostIp,
  type Ip,
  type IpRange,
} from '#api/ip-range.ts';
import type { OvnNetwork } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { macOf } from '#api/k8s.ovn.org/mac.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { FlatEntry } from './annotations.ts';
import { guestOf, ownerOf, type Wanted } from './attachments.ts';
import { type FlatPlace, gatewayOf, reservedMacs } from './flat-network.ts';
import { IpPool } from './ip-pool.ts';

interface Book {
  readonly network: OvnNetwork;
  readonly subnets: readonly IpRange[];
  /** One per subnet. */
  readonly pools: readonly IpPool[];
  /** MAC -> owner and how many of its ports have it. */
  readonly macs: Map<string, { readonly owner: string; holders: number }>;
  places: number;
}

interface Held {
  readonly place: FlatPlace;
  readonly owner: string;
}

/** Addresses after a network's own that are its gateway's and its nodes' management ports'. */
const reservedAddresses = 2;

/** Places of pods on networks besides the default one. */
export class FlatLedger {
  readonly #books = new Map<string, Book>();
  /** Pod key -> attachment key -> place. */
  readonly #pods = new Map<string, Map<string, Held>>();

  /** Addresses kept beside pods, by name. */
  readonly #reserved = new Map<string, { readonly book: Book; readonly addresses: readonly Ip[] }>();

  places(): readonly FlatPlace[] {
    return [...this.#pods.values()].flatMap((held) => [...held.values()].map(({ place }) => place));
  }

  /** A pod's places. */
  placesOf(pod: string): readonly FlatPlace[] {
    return [...(this.#pods.get(pod)?.values() ?? [])].map(({ place }) => place);
  }

  /** Networks that somebody has a place on. */
  networksInUse(): readonly OvnNetwork[] {
    const used = [...this.#books.values()].filter(({ places }) => places > 0);
    return [...new Map(used.map(({ network }) => [network.name, network])).values()];
  }

  /**
   * A pod's place on a network: the one it has, the one its annotation tells, or a new one.
   * @param subnets where addresses are from: the network's, or with topology layer3 the node's
   * @throws PatchbayError `IPAddressConflict`, `IPFamilyMismatch`, `InvalidNetworkSelection`, `MACAddressConflict`,
   * `SubnetExhausted`
   */
  place(
    pod: Pod,
    node: string,
    wanted: Wanted,
    network: OvnNetwork,
    told: FlatEntry | undefined,
    subnets: readonly IpRange[] = network.subnets,
  ): FlatPlace {
    const podKey = `${pod.metadata.namespace}/${pod.metadata.name}`;
    const known = this.#pods.get(podKey)?.get(wanted.key);
    if (
      known !== undefined &&
      known.place.uid === pod.metadata.uid &&
      known.place.network.name === network.name
    ) {
      return known.place;
    }
    this.release(podKey, wanted.key);
    const book = this.#book(network, subnets);
    const owner = ownerOf(pod);
    const addresses = this.#addresses(book, owner, wanted, told, podKey);
    try {
      const mac = claimMac(
        book,
        owner,
        told?.mac ?? wanted.mac ?? macOf(addresses, `${podKey}\0${wanted.key}`),
        podKey,
      );
      const place = placeOf(pod, node, wanted, { network, subnets, addresses, mac });
      const held = this.#pods.get(podKey) ?? new Map<string, Held>();
      this.#pods.set(podKey, held.set(wanted.key, { place, owner }));
      book.places += 1;
      return place;
    } catch (error) {
      giveBack(book, addresses);
      throw error;
    }
  }

  /**
   * Keeps addresses for an owner beside its pods, under a name; those that others have are left out.
   * @returns the addresses that are kept
   */
  reserve(name: string, owner: string, network: OvnNetwork, addresses: readonly Ip[]): readonly Ip[] {
    this.unreserve(name);
    const book = this.#book(network, network.subnets);
    const kept = addresses.filter(({ family, value }) =>
      book.pools.some((pool) => pool.subnet.family === family && pool.claim(value, owner, true)),
    );
    book.places += 1;
    this.#reserved.set(name, { book, addresses: kept });
    return kept;
  }

  /** Ends what `reserve` began. */
  unreserve(name: string): void {
    const known = this.#reserved.get(name);
    if (known !== undefined) {
      this.#reserved.delete(name);
      giveBack(known.book, known.addresses);
      known.book.places -= 1;
    }
  }

  /** Frees a pod's place, or all of them; returns those it had. */
  release(pod: string, key?: string): readonly FlatPlace[] {
    const held = this.#pods.get(pod);
    const keys = key === undefined ? [...(held?.keys() ?? [])] : [key];
    const freed = keys.flatMap((one) => held?.get(one) ?? []);
    for (const one of keys) {
      held?.delete(one);
    }
    if (held?.size === 0) {
      this.#pods.delete(pod);
    }
    for (const { place } of freed) {
      const book = this.#book(place.network, place.subnets);
      giveBack(book, place.addresses);
      const mac = book.macs.get(place.mac);
      if (mac !== undefined) {
        mac.holders -= 1;
        if (mac.holders === 0) {
          book.macs.delete(place.mac);
        }
      }
      book.places -= 1;
    }
    return freed.map(({ place }) => place);
  }

  #book(network: OvnNetwork, subnets: readonly IpRange[]): Book {
    const key =
      network.topology === 'layer3' ? [network.name, ...subnets.map(formatRange)].join(' ') : network.name;
    const known = this.#books.get(key);
    if (known !== undefined && (known.places > 0 || known.network === network)) {
      return known;
    }
    const pools = subnets.map((subnet) => poolOf(network, subnet));
    const book: Book = { network, subnets, pools, macs: networkMacs(network, subnets), places: 0 };
    this.#books.set(key, book);
    return book;
  }

  #addresses(
    book: Book,
    owner: string,
    wanted: Wanted,
    told: FlatEntry | undefined,
    pod: string,
  ): readonly HostIp[] {
    const asked = told?.addresses ?? wanted.ips;
    if (told === undefined) {
      checkAsked(book, asked, pod);
    }
    const taken: Ip[] = [];
    try {
      for (const pool of book.pools) {
        taken.push(
          takeFrom(pool, owner, asked, { pod, network: book.network.name, isKept: told !== undefined }),
        );
      }
      return book.pools.length === 0 ? asked : taken;
    } catch (error) {
      giveBack(book, taken);
      throw error;
    }
  }
}

/** Where there is a router, its address and those of the nodes' management ports are nobody's. */
function poolOf(network: OvnNetwork, subnet: IpRange): IpPool {
  const { role, topology, excludeSubnets, infrastructureSubnets, defaultGateways } = network;
  const isRouted = role === 'primary' || topology === 'layer3';
  const gateway = gatewayOf(network, subnet);
  const excluded = [
    ...infrastructureSubnets,
    ...(isRouted ? [{ family: gateway.family, base: gateway.value, prefix: bitsOf(gateway.family) }] : []),
  ];
  const hasOwn = infrastructureSubnets.length + defaultGateways.length > 0;
  const reserved = isRouted && !hasOwn ? reservedAddresses : 0;
  // Ranges can be excluded while pods have addresses of them.
  return new IpPool(subnet, excluded, reserved, network.reservedSubnets, excludeSubnets);
}

function takeFrom(
  pool: IpPool,
  owner: string,
  asked: readonly Ip[],
  { pod, network, isKept }: { readonly pod: string; readonly network: string; readonly isKept: boolean },
): Ip {
  const { family } = pool.subnet;
  const wish = asked.find((ip) => ip.family === family);
  if (wish === undefined) {
    const value = pool.allocate(owner);
    if (value === undefined) {
      throw new PatchbayError('SubnetExhausted', exhausted(pod, network, pool.subnet), { retryable: false });
    }
    return { family, value };
  }
  if (!pool.claim(wish.value, owner, isKept)) {
    const holder = pool.ownerOf(wish.value);
    const why = holder === undefined ? whyNot(pool.subnet, wish) : `is ${holder}'s`;
    throw new PatchbayError(
      'IPAddressConflict',
      `pod ${pod}, network "${network}": ${formatIp(family, wish.value)} ${why}; ask for another address, or for none`,
      { retryable: false },
    );
  }
  return { family, value: wish.value };
}

/** Addresses must be of the network's families; where it has none, they must say themselves how long their prefix is. */
function checkAsked({ network, pools }: Book, asked: readonly HostIp[], pod: string): void {
  const refuse = (reason: string, why: string): PatchbayError =>
    new PatchbayError(reason, `pod ${pod}, network "${network.name}": ${why}`, { retryable: false });
  for (const { family, value, prefix } of asked) {
    const text = formatIp(family, value);
    if (pools.length === 0 && prefix === undefined) {
      throw refuse(
        'InvalidNetworkSelection',
        `address ${text} has no prefix length, and the network has no subnets to take it from; write such as ${text}/${family === 4 ? 24 : 64}`,
      );
    }
    if (pools.length > 0 && !pools.some(({ subnet }) => subnet.family === family)) {
      const subnets = pools.map(({ subnet }) => formatRange(subnet)).join(', ');
      throw refuse(
        'IPFamilyMismatch',
        `${text} is asked for, and the network has no IPv${family} subnet (${subnets}); ask for IPv${family === 4 ? 6 : 4} addresses only, or for none`,
      );
    }
  }
}

function whyNot(subnet: IpRange, { value }: Ip): string {
  return containsIp(subnet, value)
    ? `is reserved in ${formatRange(subnet)} (the network's own, its broadcast, gateway or management address, or in excludeSubnets or infrastructureSubnets)`
    : `is not in ${formatRange(subnet)}`;
}

function exhausted(pod: string, network: string, subnet: IpRange): string {
  return `pod ${pod}, network "${network}": no address is left in ${formatRange(subnet)}; delete pods on it, or use a larger subnet`;
}

function giveBack(book: Book, addresses: readonly Ip[]): void {
  for (const { family, value } of addresses) {
    book.pools.find(({ subnet }) => subnet.family === family)?.release(value);
  }
}

/** Who takes the MAC of the gateway or the DHCP server would be taken for it. */
function networkMacs(network: OvnNetwork, subnets: readonly IpRange[]): Book['macs'] {
  return new Map(reservedMacs(network, subnets).map((mac) => [mac, { owner: 'the network', holders: 1 }]));
}

function claimMac(book: Book, owner: string, mac: string, pod: string): string {
  const entry = book.macs.get(mac);
  if (entry === undefined) {
    book.macs.set(mac, { owner, holders: 1 });
    return mac;
  }
  if (entry.owner !== owner) {
    throw new PatchbayError(
      'MACAddressConflict',
      `pod ${pod}, network "${book.network.name}": MAC ${mac} is ${entry.owner}'s; ask for another, or for none`,
      { retryable: false },
    );
  }
  entry.holders += 1;
  return mac;
}

function placeOf(
  pod: Pod,
  node: string,
  wanted: Wanted,
  what: Pick<FlatPlace, 'network' | 'subnets' | 'addresses' | 'mac'>,
): FlatPlace {
  const { namespace = '', name, uid = '' } = pod.metadata;
  const guest = guestOf(pod);
  const machine = pod.metadata.labels?.['vm.kubevirt.io/name'];
  const who = { namespace, pod: name, uid, node };
  const { key, interfaceName, gateways = [] } = wanted;
  return {
    key,
    interfaceName,
    ...who,
    ...what,
    ...(gateways.length > 0 && { gateways }),
    ...(guest !== undefined && { guest }),
    ...(machine !== undefined && { machine }),
  };
}
