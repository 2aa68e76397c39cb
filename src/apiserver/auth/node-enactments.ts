import type { Store } from '#store/store.ts';
import { objectOf } from '../registry/objects.ts';

const resource = 'nodenetworkconfigurationenactments.nmstate.io';

/** Says whose an enactment is. */
export const enactmentNodeLabel = 'nmstate.io/node';

/**
 * True when an enactment, named `NODE.POLICY`, is the node's. Names of nodes and policies may hold dots, so its label
 * decides, or else the longest name of a node that it begins with.
 */
export function isEnactmentOf(store: Store, node: string, name: string): boolean {
  if (!name.startsWith(`${node}.`) || name.length === node.length + 1) {
    return false;
  }
  const entry = store.head({ resource, namespace: '', name });
  const label = entry === undefined ? undefined : objectOf(entry).metadata.labels?.[enactmentNodeLabel];
  if (label !== undefined) {
    return label === node;
  }
  for (let dot = name.indexOf('.', node.length + 1); dot > 0; dot = name.indexOf('.', dot + 1)) {
    if (store.head({ resource: 'nodes', namespace: '', name: name.slice(0, dot) }) !== undefined) {
      return false;
    }
  }
  return true;
}
