/** Whether ranges of a network have room: an address for a pod, addresses for the routers of the nodes. */
import { invalid } from '../../cause.ts';
import { containsIp, formatRange, type Ip, type IpRange, sizeOfRange } from '../../ip-range.ts';
import type { Cause } from '../../meta.ts';

/** Ranges of which no network can be: their addresses mean something else to every host. */
export const specialRanges: readonly { readonly what: string; readonly cidr: string }[] = [
  { what: 'addresses of "this network"', cidr: '0.0.0.0/8' },
  { what: 'loopback addresses', cidr: '127.0.0.0/8' },
  { what: 'multicast addresses', cidr: '224.0.0.0/4' },
  { what: 'reserved addresses', cidr: '240.0.0.0/4' },
  { what: 'loopback address', cidr: '::1/128' },
  { what: 'addresses of each link (link-local)', cidr: 'fe80::/10' },
  { what: 'multicast addresses', cidr: 'ff00::/8' },
];

/** Longest prefix of the range between routers: the network's router, and those of five nodes. */
const longestJoinPrefix = { 4: 29, 6: 125 } as const;

/** What a range of addresses is not given from. */
export interface Withheld {
  readonly excluded: readonly IpRange[];
  /** Of a primary network that names them. */
  readonly infrastructure: readonly IpRange[];
  readonly gateways: readonly Ip[];
  readonly isPrimary: boolean;
}

/** Ranges that leave no pod an address, though the network is to give them. */
export function roomCauses(subnets: readonly IpRange[], withheld: Withheld, at: string): readonly Cause[] {
  return subnets
    .filter((subnet) => !hasRoom(subnet, withheld))
    .map((subnet) =>
      invalid(
        at,
        formatRange(subnet),
        `leaves no address for pods, beside the network's own, its broadcast${withheld.isPrimary ? ', gateway and management' : ''} address and what is excluded or kept for infrastructure; write a larger range`,
      ),
    );
}

function hasRoom(subnet: IpRange, { excluded, infrastructure, gateways, isPrimary }: Withheld): boolean {
  const hasOwn = infrastructure.length + gateways.length > 0;
  const size = sizeOfRange(subnet);
  const end = subnet.base + size - (subnet.family === 4 ? 2n : 1n);
  const points = gateways.map(({ family, value }) => ({
    family,
    base: value,
    prefix: family === 4 ? 32 : 128,
  }));
  const blocks = [...excluded, ...infrastructure, ...points].filter(({ family }) => family === subnet.family);
  let next = subnet.base + (isPrimary && !hasOwn ? 3n : 1n);
  for (;;) {
    const block = blocks.find((one) => containsIp(one, next));
    if (block === undefined || next > end) {
      return next <= end;
    }
    next = block.base + sizeOfRange(block);
  }
}

/** Ranges between routers that have no room for those of a few nodes. */
export function joinRoomCauses(ranges: readonly IpRange[], at: string): readonly Cause[] {
  return ranges
    .filter(({ family, prefix }) => prefix > longestJoinPrefix[family])
    .map((range) =>
      invalid(
        at,
        formatRange(range),
        `has no room for a router on each node; write a prefix of at most ${longestJoinPrefix[range.family]}`,
      ),
    );
}
