/** What a policy is composed against, and what it comes to. */
import type { InterfaceView } from '#drivers/ip/driver.ts';
import type { Resource } from '#node-state/resource.ts';
import type { Part } from './part.ts';

/** The node as it is. */
export interface NodeView {
  readonly interfaces: readonly InterfaceView[];
  /** What is known of the node's own scope. */
  readonly observed: readonly Resource[];
  /** Open vSwitch bridges of others: `br-int`, `br-ex`. */
  readonly foreignBridges: readonly string[];
  readonly bridgeVlanFiltering: boolean;
  readonly vlanDevices: boolean;
  readonly bonding: boolean;
  /** Links that an Open vSwitch bridge reads must have their offloads off. */
  readonly ovsUserspace: boolean;
}

/** One interface of a policy and the node. */
export interface InterfaceInput {
  readonly wanted: Part;
  readonly name: string;
  readonly node: NodeView;
  /** Interfaces that this policy makes. */
  readonly made: ReadonlySet<string>;
}

/** What shall be there, what shall not, and what the user should know. */
export interface PolicyState {
  readonly desired: readonly Resource[];
  /** Observed resources to be taken away. */
  readonly removed: readonly Resource[];
  readonly notes: readonly string[];
}

/** Nothing. */
export const nothing: PolicyState = { desired: [], removed: [], notes: [] };

/** All parts together. */
export function joined(parts: readonly PolicyState[]): PolicyState {
  return {
    desired: parts.flatMap(({ desired }) => desired),
    removed: parts.flatMap(({ removed }) => removed),
    notes: [...new Set(parts.flatMap(({ notes }) => notes))],
  };
}
