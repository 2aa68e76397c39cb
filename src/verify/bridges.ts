/** Bridges and mappings of nodes, from their NodeNetworkState. Pure. */
import type { NodeNetworkState } from '#api/nmstate.io/node-network-state.ts';

/** What a node tells of its bridges. */
export interface NodeBridges {
  /** Bridge -> its ports that lead out, sorted. */
  readonly uplinks: ReadonlyMap<string, readonly string[]>;
  /** Physical network -> bridge. */
  readonly mappings: ReadonlyMap<string, string>;
}

/** Reads a state; what is not as nmstate writes it is left out. */
export function readBridges(state: NodeNetworkState): NodeBridges {
  const current = recordOf(state.status?.currentState);
  const mappings = listOf(recordOf(current['ovn'])['bridge-mappings']);
  return {
    uplinks: new Map(
      listOf(current['interfaces']).flatMap(({ name, bridge }) =>
        typeof name === 'string' && bridge !== undefined
          ? [[name, portsOf(recordOf(bridge)['port'])] as const]
          : [],
      ),
    ),
    mappings: new Map(
      mappings.flatMap(({ localnet, bridge }) =>
        typeof localnet === 'string' && typeof bridge === 'string' ? [[localnet, bridge] as const] : [],
      ),
    ),
  };
}

/** Patches to OVN's own bridge lead to no wire. */
function portsOf(ports: unknown): readonly string[] {
  return listOf(ports)
    .flatMap(({ name }) => (typeof name === 'string' && !name.startsWith('patch-') ? [name] : []))
    .toSorted();
}

type Fields = Readonly<Record<string, unknown>>;

function recordOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}
