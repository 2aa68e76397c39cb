/** What is expected between NICs, cell by cell. Pure. */
import { containsIp, type IpFamily, type IpRange, parseInterface, parseIp } from '#api/ip-range.ts';
import type { Nic, PortRange } from './nics.ts';
import { chooseReachable, chooseUnreachable } from './peers.ts';
import { relate } from './segment.ts';

/** Small: a few bytes. MTU: one packet of exactly the path's MTU with DF (ICMP), a transfer of 64 KiB (TCP). */
export type Size = 'small' | 'mtu';
export type Protocol = 'icmp' | 'tcp' | 'udp';

export type Expectation = 'reach' | 'no-reach';

/** One expectation. */
export interface Cell {
  readonly id: number;
  readonly from: Nic;
  /** The same as `from` where a target proves that it answers at all. */
  readonly to: Nic;
  readonly family: IpFamily;
  readonly protocol: Protocol;
  readonly size: Size;
  readonly expect: Expectation;
  readonly why: string;
  /** Address probed. */
  readonly address: string;
  /** Bytes of the packet for ICMP of size `mtu`, IP header included; 0 otherwise. */
  readonly packet: number;
  /** TCP or UDP port; 0 for ICMP. */
  readonly port: number;
}

/** How cells are made. */
export interface CellOptions {
  /** Ports that every host listens on. */
  readonly ports: { readonly tcp: number; readonly udp: number };
  /** Most others that a NIC is tried against: those it must reach, and those it must not. */
  readonly peers: number;
  /** Only cells that expect this, and as many others as prove them; all when absent. */
  readonly expect?: Expectation | undefined;
}

type Draft = Omit<Cell, 'id'>;
const families: readonly IpFamily[] = [4, 6];

/** Composes the cells of these NICs; those that cannot be tested have none. */
export function composeCells(nics: readonly Nic[], options: CellOptions): readonly Cell[] {
  const tested = nics.filter(({ untested }) => untested === undefined);
  const drafts = tested.flatMap((from) => {
    const within = chooseReachable(from, tested, options.peers).flatMap((to) =>
      reachDrafts(from, to, tested, options),
    );
    const beyond = chooseUnreachable(from, tested, nics, options.peers).flatMap((to) =>
      isolationDrafts(from, to, tested, options),
    );
    return narrow([...within, ...beyond], options.expect);
  });
  return [...drafts, ...selfDrafts(drafts, options)].map((draft, id) => ({ id, ...draft }));
}

/** Of a source's cells those that are asked for. Isolation needs that it reaches somebody: one ping in each family. */
function narrow(drafts: readonly Draft[], wanted: Expectation | undefined): readonly Draft[] {
  const chosen = drafts.filter((draft) => wanted === undefined || draft.expect === wanted);
  if (wanted !== 'no-reach' || chosen.length === 0) {
    return chosen;
  }
  const pings = families.flatMap(
    (family) =>
      drafts.find(
        (draft) => draft.expect === 'reach' && draft.family === family && draft.protocol === 'icmp',
      ) ?? [],
  );
  return [...pings, ...chosen];
}

/** Address families that two NICs share. */
function shared(from: Nic, to: Nic): readonly { readonly family: IpFamily; readonly address: string }[] {
  return families.flatMap((family) => {
    const address = to.addresses[family];
    return address === undefined || from.addresses[family] === undefined ? [] : [{ family, address }];
  });
}

function reachDrafts(from: Nic, to: Nic, all: readonly Nic[], { ports }: CellOptions): readonly Draft[] {
  const { why } = relate(placeOf(from), placeOf(to));
  const packet = Math.min(from.mtu, to.mtu);
  return shared(from, to).flatMap(({ family, address }) => {
    const base = { from, to, family, address, expect: 'reach' as const, why, packet: 0, port: 0 };
    // Behind a list of ports pings end at the pod, which answers them.
    const pinged = to.lets === undefined ? base : { ...base, why: `${why}; its pod answers pings` };
    const icmp: readonly Draft[] = [
      { ...pinged, protocol: 'icmp', size: 'small' },
      { ...pinged, protocol: 'icmp', size: 'mtu', packet },
    ];
    if (!isRoutedBy(from, address, all)) {
      return icmp;
    }
    if (to.lets !== undefined) {
      return [...icmp, ...listedDrafts(base, to.lets, ports)];
    }
    return [
      ...icmp,
      { ...base, protocol: 'tcp', size: 'small', port: ports.tcp },
      { ...base, protocol: 'tcp', size: 'mtu', port: ports.tcp },
      { ...base, protocol: 'udp', size: 'small', port: ports.udp },
    ];
  });
}

/** A listed TCP port is open, others are closed. */
function listedDrafts(
  base: Omit<Draft, 'protocol' | 'size'>,
  lets: readonly PortRange[],
  ports: CellOptions['ports'],
): readonly Draft[] {
  const open = lets.find(({ protocol }) => protocol === 'tcp')?.from;
  const listed = { ...base, protocol: 'tcp' as const, port: open ?? 0 };
  const closed = { ...base, size: 'small' as const, expect: 'no-reach' as const };
  const why = (port: number): string => `port ${port} is not in the interface's list`;
  return [
    ...(open === undefined
      ? []
      : [
          { ...listed, size: 'small' as const },
          { ...listed, size: 'mtu' as const },
        ]),
    { ...closed, protocol: 'tcp', port: ports.tcp, why: why(ports.tcp) },
    { ...closed, protocol: 'udp', port: ports.udp, why: why(ports.udp) },
  ];
}

function isolationDrafts(from: Nic, to: Nic, all: readonly Nic[], { ports }: CellOptions): readonly Draft[] {
  const { why } = relate(placeOf(from), placeOf(to));
  return shared(from, to).flatMap(({ family, address }) => {
    if (all.some((nic) => isHost(nic, from) && nic.addresses[family] === address)) {
      return []; // The address is the source's own.
    }
    const base = { from, to, family, address, expect: 'no-reach' as const, why, packet: 0 };
    const isRouted = isRoutedBy(from, address, all);
    // Where somebody on the source's own network has the same address, only a nonce tells who answers.
    const isTwin = all.some(
      (nic) => nic.addresses[family] === address && relate(placeOf(from), placeOf(nic)).relation === 'reach',
    );
    // IPv6 sends nothing by a device without a route there: silence would prove nothing.
    const isOpen = to.opens?.some(({ protocol }) => protocol === 'icmp') === true;
    const canPing = !isTwin && !isOpen && (family === 4 || isRouted);
    return [
      ...(canPing ? [{ ...base, protocol: 'icmp' as const, size: 'small' as const, port: 0 }] : []),
      ...(isRouted && to.lets === undefined
        ? [
            { ...base, protocol: 'tcp' as const, size: 'small' as const, port: ports.tcp },
            { ...base, protocol: 'udp' as const, size: 'small' as const, port: ports.udp },
          ]
        : []),
    ];
  });
}

/** Targets of isolation that nobody is expected to reach answer themselves, or silence would prove nothing. */
function selfDrafts(drafts: readonly Draft[], { ports }: CellOptions): readonly Draft[] {
  const keyOf = ({ to, family, protocol, port }: Draft): string =>
    JSON.stringify([to.host, to.name, family, protocol, port]);
  const proved = new Set(drafts.filter(({ expect }) => expect === 'reach').map(keyOf));
  const due = new Map(
    drafts
      .filter((draft) => draft.expect === 'no-reach' && !proved.has(keyOf(draft)))
      .map((one) => [keyOf(one), one]),
  );
  return [...due.values()].map(({ to, family, protocol, address }) => ({
    from: to,
    to,
    family,
    protocol,
    size: 'small',
    expect: 'reach',
    why: 'answers itself, so that silence proves something',
    // A masqueraded guest does not have the address itself.
    address: to.isMasqueraded ? (family === 4 ? '127.0.0.1' : '::1') : address,
    packet: 0,
    port: protocol === 'icmp' ? 0 : ports[protocol],
  }));
}

/** True when packets to the address leave by this NIC and by no other: TCP and UDP go where the routes lead. */
function isRoutedBy(nic: Nic, address: string, all: readonly Nic[]): boolean {
  const others = all.filter((one) => one !== nic && isHost(one, nic));
  return others.some((one) => isBeside(one, address) && one.segment.key !== nic.segment.key)
    ? false
    : isBeside(nic, address) || nic.isPrimary;
}

/** True when the address is in the NIC's subnet: the network's, or as people lay them out, /24 and /64. */
function isBeside(nic: Nic, address: string): boolean {
  const ip = parseIp(address);
  const own = ip === undefined ? undefined : nic.addresses[ip.family];
  if (ip === undefined || own === undefined || nic.isMasqueraded) {
    return false;
  }
  const usual = parseInterface(`${own}/${ip.family === 4 ? 24 : 64}`)?.range;
  const given = nic.segment.subnets.find(({ family }) => family === ip.family);
  const range: IpRange | undefined = given ?? usual;
  return range !== undefined && containsIp(range, ip.value);
}

function isHost(a: Nic, b: Nic): boolean {
  return a.host.kind === b.host.kind && a.host.namespace === b.host.namespace && a.host.name === b.host.name;
}

function placeOf({ segment, host }: Nic): Parameters<typeof relate>[0] {
  return { segment, node: host.node };
}
