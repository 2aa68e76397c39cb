/** Who makes a request. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Groups of apiserver's `user` package. */
export const mastersGroup = 'system:masters';
const nodesGroup = 'system:nodes';
export const authenticatedGroup = 'system:authenticated';

const nodePrefix = 'system:node:';

/** Name of the node that a user is the agent of; undefined for everybody else. */
export function nodeOf(user: User): string | undefined {
  if (!user.groups.includes(nodesGroup) || !user.name.startsWith(nodePrefix)) {
    return undefined;
  }
  const node = user.name.slice(nodePrefix.length);
  return node === '' ? undefined : node;
}
