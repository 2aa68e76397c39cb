/** `ovn.bridge-mappings` -> the node's mappings. Pure. */
import { nearest } from '#node-state/nearest.ts';
import { failed } from './interface-parts.ts';
import { listOf, type Part, partOf, textOf } from './part.ts';
import { type NodeView, nothing, type PolicyState } from './policy-input.ts';

/** Entries are added to and taken from what there is; a mapping to a bridge that does not exist is refused. */
export function composeMappings(desiredState: Part, node: NodeView): PolicyState {
  const entries = listOf(partOf(desiredState, 'ovn'), 'bridge-mappings') ?? [];
  if (entries.length === 0) {
    return nothing;
  }
  const known = node.observed.find((one) => one.kind === 'ovs-mappings');
  const mappings = new Map(Object.entries(known?.mappings ?? {}));
  const bridges = [...node.foreignBridges, ...bridgesOf(node), ...madeBridges(desiredState)];
  for (const entry of entries) {
    const localnet = textOf(entry, 'localnet') ?? '';
    const bridge = textOf(entry, 'bridge') ?? '';
    if (entry['state'] === 'absent') {
      mappings.delete(localnet);
      continue;
    }
    if (!bridges.includes(bridge)) {
      const near = nearest(bridge, bridges);
      const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
      throw failed(
        `ovn.bridge-mappings "${localnet}"`,
        `Open vSwitch bridge "${bridge}" does not exist on this node${hint}; there are ${bridges.join(', ')}`,
      );
    }
    mappings.set(localnet, bridge);
  }
  if (mappings.size === 0) {
    return { ...nothing, removed: known === undefined ? [] : [known] };
  }
  return { ...nothing, desired: [{ kind: 'ovs-mappings', mappings: Object.fromEntries(mappings) }] };
}

function bridgesOf(node: NodeView): readonly string[] {
  return node.observed.flatMap((one) => (one.kind === 'ovs-bridge' ? [one.name] : []));
}

function madeBridges(desiredState: Part): readonly string[] {
  return (listOf(desiredState, 'interfaces') ?? []).flatMap((one) => {
    const name = textOf(one, 'name');
    return one['type'] === 'ovs-bridge' && one['state'] !== 'absent' && name !== undefined ? [name] : [];
  });
}
