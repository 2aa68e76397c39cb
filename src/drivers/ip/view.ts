/** iproute2's JSON as types, and interfaces and routes for reports. Pure. */
import type { InterfaceView, RouteView } from './driver.ts';

/** A link or address dump of iproute2, as far as it is read. */
export interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly operstate?: string;
  readonly link_type?: string;
  readonly address?: string;
  readonly master?: string;
  readonly link?: string;
  readonly link_index?: number;
  readonly link_netnsid?: number;
  readonly ifalias?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: Readonly<Record<string, unknown>>;
    readonly info_slave_kind?: string;
    readonly info_slave_data?: Readonly<Record<string, unknown>>;
  };
  readonly addr_info?: readonly {
    family: string;
    local: string;
    prefixlen: number;
    scope: string;
    nodad?: boolean;
  }[];
}

export interface IpRoute {
  readonly type?: string;
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
  readonly table?: string;
  readonly metric?: number;
  readonly metrics?: readonly { readonly mtu?: number }[];
}

export interface IpNeighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
}

/** True for routes of the main table that the kernel did not make by itself. */
export function isOwnRoute(route: IpRoute): boolean {
  const isMain = route.table === undefined || route.table === 'main';
  return (
    isMain &&
    route.protocol !== 'kernel' &&
    route.protocol !== 'ra' &&
    (route.type ?? 'unicast') === 'unicast'
  );
}

/** True when the link is administratively up. */
export function isUp(link: IpLink): boolean {
  return link.flags.includes('UP');
}

/** An interface for reports. */
export function interfaceView(link: IpLink): InterfaceView {
  const kind = link.linkinfo?.info_kind ?? (link.link_type === 'loopback' ? 'loopback' : 'ether');
  const addresses = (family: string): { ip: string; prefixLength: number }[] =>
    (link.addr_info ?? [])
      .filter((info) => info.family === family)
      .map((info) => ({ ip: info.local, prefixLength: info.prefixlen }));
  const vlanId = Number(link.linkinfo?.info_data?.['id'] ?? Number.NaN);
  return {
    name: link.ifname,
    index: link.ifindex,
    kind,
    ...(link.address !== undefined && { mac: link.address }),
    mtu: link.mtu,
    up: isUp(link),
    carrier: link.flags.includes('LOWER_UP'),
    ...(link.master !== undefined && { controller: link.master }),
    ...(link.link !== undefined && kind !== 'veth' && { parent: link.link }),
    ...(kind === 'vlan' && Number.isInteger(vlanId) && { vlanId }),
    ...(link.ifalias !== undefined && { alias: link.ifalias }),
    ...(kind === 'bridge' && link.linkinfo?.info_data !== undefined && { bridge: link.linkinfo.info_data }),
    ipv4: addresses('inet'),
    ipv6: addresses('inet6'),
  };
}

/** A route for reports; undefined for the kernel's own. */
export function routeView(route: IpRoute): RouteView | undefined {
  if (!isOwnRoute(route) || route.dev === undefined) {
    return undefined;
  }
  const isIpv6 = (route.gateway ?? route.dst).includes(':');
  return {
    destination: route.dst === 'default' ? (isIpv6 ? '::/0' : '0.0.0.0/0') : route.dst,
    ...(route.gateway !== undefined && { via: route.gateway }),
    link: route.dev,
    metric: route.metric ?? 0,
  };
}

/** Parses the JSON arrays that `ip -j -batch` prints one after the other. */
export function parseArrays(text: string): readonly (readonly unknown[])[] {
  const arrays: unknown[][] = [];
  for (const line of text.split('\n')) {
    if (line.trim() !== '') {
      const parsed: unknown = JSON.parse(line);
      arrays.push(Array.isArray(parsed) ? parsed : []);
    }
  }
  return arrays;
}
