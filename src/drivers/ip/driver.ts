import type { Driver } from '#drivers/driver.ts';
import type { Address, Link, Neighbour, Route } from '#node-state/link.ts';
import type { Netns, NetnsState } from '#node-state/resource.ts';

/** What the `ip` driver makes. */
export type IpResource = NetnsState | Link | Address | Neighbour | Route;

/** One network interface of the node as the kernel shows it, for reports. */
export interface InterfaceView {
  readonly name: string;
  readonly index: number;
  /** Kernel's kind: `bridge`, `veth`, `vlan`, `bond`, `tun`, …; `ether` or `loopback` for a NIC. */
  readonly kind: string;
  readonly mac?: string;
  /** Bytes. */
  readonly mtu: number;
  readonly up: boolean;
  readonly carrier: boolean;
  /** Bridge or bond this interface belongs to. */
  readonly controller?: string;
  /** `baseInterface` of a VLAN or macvlan. */
  readonly parent?: string;
  readonly vlanId?: number;
  readonly alias?: string;
  /** Kernel's own details of a bridge, in kernel units. */
  readonly bridge?: Readonly<Record<string, unknown>>;
  readonly ipv4: readonly { readonly ip: string; readonly prefixLength: number }[];
  readonly ipv6: readonly { readonly ip: string; readonly prefixLength: number }[];
}

/** A route of the node's main table, for reports. */
export interface RouteView {
  readonly destination: string;
  readonly via?: string;
  readonly link: string;
  readonly metric: number;
}

/** Links, addresses, neighbours, routes and network namespaces of the kernel. */
export interface IpDriver extends Driver<IpResource> {
  /** Named network namespaces whose name starts with `prefix`. */
  namespaces(prefix: string): Promise<readonly Netns[]>;
  /** Interfaces of the node's own namespace. */
  interfaces(): Promise<readonly InterfaceView[]>;
  /** Routes of the node's main table, without those the kernel makes for its own addresses. */
  routes(): Promise<readonly RouteView[]>;
  /** Calls `handler` after each change of links, addresses or routes in the node's namespace, until `signal` aborts. */
  watch(handler: () => void, signal: AbortSignal): void;
  /** Ends the resident helper. */
  close(): Promise<void>;
}
