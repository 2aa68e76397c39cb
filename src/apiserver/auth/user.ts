/** Who makes a request. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  /** Further facts about the user, such as the pod that a token is bound to. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Groups of apiserver's `user` package. */
export const mastersGroup = 'system:masters';
export const nodesGroup = 'system:nodes';
export const authenticatedGroup = 'system:authenticated';
export const unauthenticatedGroup = 'system:unauthenticated';
export const anonymous = 'system:anonymous';

/** Further fact: which certificate or token a user came with. */
export const credentialKey = 'authentication.kubernetes.io/credential-id';

const nodePrefix = 'system:node:';
const serviceAccountPrefix = 'system:serviceaccount:';

/** Name of the node that a user is the agent of; undefined for everybody else. */
export function nodeOf(user: User): string | undefined {
  if (!user.groups.includes(nodesGroup) || !user.name.startsWith(nodePrefix)) {
    return undefined;
  }
  const node = user.name.slice(nodePrefix.length);
  return node === '' ? undefined : node;
}

/** `system:node:NAME`. */
export function nodeUser(node: string): string {
  return `${nodePrefix}${node}`;
}

/** `system:serviceaccount:NAMESPACE:NAME`. */
export function serviceAccountUser(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace}:${name}`;
}

/** Groups of every service account of a namespace. */
export function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** Namespace and name of the service account that a user name stands for; undefined for other users. */
export function serviceAccountOf(
  user: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(serviceAccountPrefix)) {
    return undefined;
  }
  const [namespace = '', name = '', ...rest] = user.slice(serviceAccountPrefix.length).split(':');
  return namespace === '' || name === '' || rest.length > 0 ? undefined : { namespace, name };
}
