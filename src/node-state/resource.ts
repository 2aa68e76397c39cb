/**
 * The words below Kubernetes: everything an agent makes on a node, as plain data.
 * A resource lives in a scope: the node itself (`NODE`) or one pod sandbox's network namespace.
 */
import type { DhcpServer } from './dhcp.ts';
import type { Address, Link, Neighbour, Route, Sysctl } from './link.ts';
import type { NftTable } from './nft.ts';
import type { OvsBridge, OvsMappings, OvsPort } from './ovs.ts';
import type { VirtualMachineState } from './vm.ts';

/** Name of a network namespace; `NODE` is the one the agent itself runs in. */
export type Netns = string;

/** The network namespace the agent runs in: the node's own. */
export const NODE: Netns = '';

/** A network namespace of a pod sandbox. */
export interface NetnsState {
  readonly kind: 'netns';
  readonly netns: Netns;
}

/** Anything an agent makes. */
export type Resource =
  | NetnsState
  | Link
  | Address
  | Neighbour
  | Route
  | Sysctl
  | NftTable
  | OvsBridge
  | OvsPort
  | OvsMappings
  | DhcpServer
  | VirtualMachineState;

export type ResourceKind = Resource['kind'];
export type ResourceOf<K extends ResourceKind> = Extract<Resource, { kind: K }>;

/** One step from what is observed to what is desired. */
export type Operation<R extends Resource = Resource> =
  | { readonly op: 'create'; readonly to: R }
  | { readonly op: 'update'; readonly from: R; readonly to: R }
  | { readonly op: 'delete'; readonly from: R };

/** What became of one operation. */
export interface Outcome<R extends Resource = Resource> {
  readonly operation: Operation<R>;
  readonly error?: Error;
}

/** Identity of a resource on its node: two resources with one id are versions of the same thing. */
export function resourceId(resource: Resource): string {
  switch (resource.kind) {
    case 'netns':
      return `netns/${resource.netns}`;
    case 'link':
      return `link/${resource.netns}/${resource.name}`;
    case 'address':
      return `address/${resource.netns}/${resource.link}/${resource.address}`;
    case 'neighbour':
      return `neighbour/${resource.netns}/${resource.link}/${resource.address}`;
    case 'route':
      return `route/${resource.netns}/${resource.destination}/${resource.link}`;
    case 'sysctl':
      return `sysctl/${resource.netns}/${resource.key}`;
    case 'nft-table':
      return `nft-table/${resource.netns}/${resource.family}/${resource.name}`;
    case 'ovs-bridge':
      return `ovs-bridge/${resource.name}`;
    case 'ovs-port':
      return `ovs-port/${resource.name}`;
    case 'ovs-mappings':
      return 'ovs-mappings';
    case 'dhcp-server':
      return `dhcp-server/${resource.netns}/${resource.link}`;
    case 'vm':
      return `vm/${resource.uid}`;
  }
}
