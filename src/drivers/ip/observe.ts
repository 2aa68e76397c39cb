/** What `ip -j -d` prints -> resources and views. Pure. */
import type { BridgePort, BridgeVlan, Link, LinkType } from '#node-state/link.ts';
import { type Netns, NODE } from '#node-state/resource.ts';
import type { IpResource } from './driver.ts';
import { rawMark } from './lines.ts';
import { type IpLink, type IpNeighbour, type IpRoute, isOwnRoute, isUp } from './view.ts';

/** VLANs of one bridge port, as `bridge -j vlan show` prints them. */
export interface PortVlans {
  readonly ifname: string;
  readonly vlans?: readonly {
    readonly vlan: number;
    readonly vlanEnd?: number;
    readonly flags?: readonly string[];
  }[];
}

/** Everything read of a scope. */
export interface Dump {
  readonly links: readonly IpLink[];
  readonly routes: readonly IpRoute[];
  readonly neighbours: readonly IpNeighbour[];
  /** Links of the node's own namespace, to find the other ends of pairs. */
  readonly hostLinks: readonly IpLink[];
  readonly vlans: readonly PortVlans[];
  /** Numeric ids of users by name: iproute2 prints the owner of a tap by name where it has one. */
  readonly users: ReadonlyMap<string, number>;
  /** NICs whose transmit checksum offload is off. */
  readonly rawNics: ReadonlySet<string>;
}

/** Resources of a scope; in the node's own, sandboxes' ends of pairs are left out: they belong to their sandboxes. */
export function resourcesOf(netns: Netns, dump: Dump, tag: string): readonly IpResource[] {
  const found: IpResource[] = netns === NODE ? [] : [{ kind: 'netns', netns }];
  const kinds = new Map(dump.links.map((link) => [link.ifname, link.linkinfo?.info_kind]));
  for (const link of dump.links) {
    if ((netns === NODE && (link.ifname === 'lo' || isHostEnd(link, tag))) || link.ifname === undefined) {
      continue;
    }
    found.push(linkOf(netns, link, dump, kinds, tag));
    for (const info of link.addr_info ?? []) {
      if (info.scope !== 'host' && !(info.scope === 'link' && info.family === 'inet6')) {
        const address = `${info.local}/${info.prefixlen}`;
        found.push({
          kind: 'address',
          netns,
          link: link.ifname,
          address,
          ...(info.nodad && { noDad: true }),
        });
      }
    }
  }
  return [...found, ...dump.routes.flatMap((route) => routeOf(netns, route)), ...neighboursOf(netns, dump)];
}

function neighboursOf(netns: Netns, dump: Dump): readonly IpResource[] {
  return dump.neighbours.flatMap(({ dst, dev, lladdr }) =>
    lladdr === undefined ? [] : [{ kind: 'neighbour' as const, netns, link: dev, address: dst, mac: lladdr }],
  );
}

function routeOf(netns: Netns, route: IpRoute): readonly IpResource[] {
  if (!isOwnRoute(route) || route.dev === undefined) {
    return [];
  }
  const mtu = route.metrics?.find((metric) => metric.mtu !== undefined)?.mtu;
  const isIpv6Default = route.dst === 'default' && (route.gateway ?? '').includes(':');
  return [
    {
      kind: 'route',
      netns,
      destination: isIpv6Default ? '::/0' : route.dst,
      link: route.dev,
      ...(route.gateway !== undefined && { via: route.gateway }),
      ...(route.metric !== undefined && { metric: route.metric }),
      ...(mtu !== undefined && { mtu }),
    },
  ];
}

/** True for the node's end of a pair that leads into a sandbox of ours. */
export function isHostEnd(link: IpLink, tag: string): boolean {
  return link.linkinfo?.info_kind === 'veth' && (link.ifalias ?? '').startsWith(`patchbay:${tag}.`);
}

function linkOf(
  netns: Netns,
  link: IpLink,
  dump: Dump,
  kinds: ReadonlyMap<string, string | undefined>,
  tag: string,
): Link {
  const peer = netns === NODE ? undefined : peerOf(link, dump.hostLinks);
  const device = deviceOf(netns, link, peer, dump, tag);
  const port = portOf(link, kinds, dump.vlans);
  const raw = peer === undefined ? dump.rawNics.has(link.ifname) : markOf(peer) === rawMark;
  const description = netns === NODE ? descriptionOf(link, tag) : undefined;
  return {
    kind: 'link',
    netns,
    name: link.ifname,
    device,
    up: isUp(link) && (peer === undefined || isUp(peer)),
    mtu: link.mtu,
    ...(link.address !== undefined && { mac: link.address }),
    arp: !link.flags.includes('NOARP'),
    ...(port !== undefined && { port }),
    ...(raw && { offload: false }),
    ...(description !== undefined && { description }),
  };
}

function peerOf(link: IpLink, hostLinks: readonly IpLink[]): IpLink | undefined {
  if (link.linkinfo?.info_kind !== 'veth') {
    return undefined;
  }
  return hostLinks.find((host) => host.ifindex === link.link_index && host.linkinfo?.info_kind === 'veth');
}

function deviceOf(netns: Netns, link: IpLink, peer: IpLink | undefined, dump: Dump, tag: string): LinkType {
  const data = link.linkinfo?.info_data ?? {};
  const isOurs = netns !== NODE || (link.ifalias ?? '').split(' ')[0] === `patchbay:${tag}`;
  switch (isOurs ? link.linkinfo?.info_kind : undefined) {
    case 'veth': {
      if (peer === undefined) {
        return { type: 'nic' };
      }
      const port = portOf(
        peer,
        new Map(dump.hostLinks.map((host) => [host.ifname, host.linkinfo?.info_kind])),
        dump.vlans,
      );
      return { type: 'veth', peer: { netns: NODE, name: peer.ifname, ...(port !== undefined && { port }) } };
    }
    case 'bridge':
      return bridgeOf(data);
    case 'tun':
      return {
        type: 'tap',
        owner: ownerOf(data['user'], dump.users),
        queues: data['multi_queue'] === true ? 2 : 1,
      };
    case 'dummy':
    case 'ifb':
      return { type: 'dummy' };
    case 'vlan': {
      const protocol = String(data['protocol'] ?? '').toLowerCase() === '802.1ad' ? '802.1ad' : '802.1q';
      return { type: 'vlan', parent: link.link ?? '', id: Number(data['id'] ?? 0), protocol };
    }
    case 'macvlan':
      return { type: 'macvlan', parent: link.link ?? '', mode: macvlanMode(data['mode']) };
    case 'bond':
      return { type: 'bond', mode: String(data['mode'] ?? ''), options: {} };
    default:
      return { type: 'nic' };
  }
}

function ownerOf(user: unknown, users: ReadonlyMap<string, number>): number {
  return typeof user === 'string' ? (users.get(user) ?? Number(user)) : Number(user ?? 0);
}

function macvlanMode(mode: unknown): 'bridge' | 'private' | 'vepa' | 'passthru' {
  return mode === 'private' || mode === 'vepa' || mode === 'passthru' ? mode : 'bridge';
}

/** Kernel times are hundredths of seconds. */
function bridgeOf(data: Readonly<Record<string, unknown>>): LinkType {
  const seconds = (key: string): number => Math.round(Number(data[key] ?? 0) / 100);
  return {
    type: 'bridge',
    stp: Number(data['stp_state'] ?? 0) !== 0,
    vlanFiltering: Number(data['vlan_filtering'] ?? 0) === 1,
    forwardDelay: seconds('forward_delay'),
    helloTime: seconds('hello_time'),
    maxAge: seconds('max_age'),
    ageingTime: seconds('ageing_time'),
    priority: Number(data['priority'] ?? 0),
    multicastSnooping: Number(data['mcast_snooping'] ?? 0) === 1,
    groupForwardMask: Number(data['group_fwd_mask'] ?? 0),
  };
}

/** Only bridges make ports in our sense: `master` may also be a bond, a VRF or Open vSwitch's datapath. */
function portOf(
  link: IpLink,
  kinds: ReadonlyMap<string, string | undefined>,
  vlans: readonly PortVlans[],
): BridgePort | undefined {
  if (link.master === undefined || kinds.get(link.master) !== 'bridge') {
    return undefined;
  }
  const flags = link.linkinfo?.info_slave_data ?? {};
  const own = vlans.find((entry) => entry.ifname === link.ifname)?.vlans;
  return {
    bridge: link.master,
    learning: flags['learning'] !== false,
    isolated: flags['isolated'] === true,
    hairpin: flags['hairpin'] === true,
    ...(own !== undefined && own.length > 0 && { vlans: own.map(vlanOf) }),
  };
}

function vlanOf(entry: { vlan: number; vlanEnd?: number; flags?: readonly string[] }): BridgeVlan {
  const flags = entry.flags ?? [];
  return {
    id: entry.vlan,
    ...(entry.vlanEnd !== undefined && { endId: entry.vlanEnd }),
    ...(flags.includes('PVID') && { pvid: true }),
    ...(flags.includes('Egress Untagged') && { untagged: true }),
  };
}

function markOf(link: IpLink): string {
  return (link.ifalias ?? '').split(' ')[1] ?? '';
}

function descriptionOf(link: IpLink, tag: string): string | undefined {
  const prefix = `patchbay:${tag} `;
  return link.ifalias?.startsWith(prefix) === true ? link.ifalias.slice(prefix.length) : undefined;
}
