import type { KindDefinition } from '#api/kind.ts';
import { forbidden } from '../api-errors.ts';
import { deepEqual } from '../patch/equal.ts';
import type { ApiObject } from '../registry/objects.ts';
import { isEnactmentOf } from './node.ts';
import { nodeOf, type User } from './user.ts';

/**
 * What the authorizer cannot see because it is in the body: an agent creates only objects of its own node, and changes
 * no spec of a VirtualMachineInstance. Throws 403.
 */
export function restrictNode(
  user: User,
  kind: KindDefinition,
  object: ApiObject,
  old: ApiObject | undefined,
): void {
  const node = nodeOf(user);
  if (node === undefined) {
    return;
  }
  const { name } = object.metadata;
  if (old === undefined && !mayCreate(node, kind, name)) {
    throw forbidden(kind, name, `node "${node}" is not allowed to create objects of other nodes`);
  }
  if (
    old !== undefined &&
    kind.plural === 'virtualmachineinstances' &&
    !deepEqual(old['spec'], object['spec'])
  ) {
    throw forbidden(kind, name, `node "${node}" is not allowed to change the spec`);
  }
}

function mayCreate(node: string, kind: KindDefinition, name: string): boolean {
  switch (kind.plural) {
    case 'nodes':
    case 'leases':
    case 'nodenetworkstates':
      return name === node;
    case 'nodenetworkconfigurationenactments':
      return isEnactmentOf(node, name);
    default:
      return true;
  }
}
