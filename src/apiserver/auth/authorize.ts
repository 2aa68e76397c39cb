import { failure } from '../api-errors.ts';
import type { RequestInfo } from '../http/request-info.ts';
import { authenticatedGroup, mastersGroup, type User } from './user.ts';

/** One source of permissions. The first that allows or denies decides; nobody's opinion is a no. */
export interface Authorizer {
  readonly name: string;
  authorize(user: User, info: RequestInfo): Decision;
}

export type Decision = 'allow' | 'deny' | 'no-opinion';

/** `system:masters` may do everything. */
export const mastersAuthorizer: Authorizer = {
  name: 'masters',
  authorize: (user) => (user.groups.includes(mastersGroup) ? 'allow' : 'no-opinion'),
};

const publicPaths = ['/api', '/apis', '/openapi', '/version', '/healthz', '/livez', '/readyz'];

/** Everybody known may read what is served and whether the server is well (upstream's role `system:discovery`). */
export const discoveryAuthorizer: Authorizer = {
  name: 'discovery',
  authorize(user, info) {
    const reads = !info.isResource && (info.verb === 'get' || info.verb === 'head');
    const known = user.groups.includes(authenticatedGroup);
    return reads &&
      known &&
      publicPaths.some((path) => info.path === path || info.path.startsWith(`${path}/`))
      ? 'allow'
      : 'no-opinion';
  },
};

/** Throws 403 in upstream's words unless one of the authorizers allows the request. */
export function authorize(authorizers: readonly Authorizer[], user: User, info: RequestInfo): void {
  for (const authorizer of authorizers) {
    const decision = authorizer.authorize(user, info);
    if (decision === 'allow') {
      return;
    }
    if (decision === 'deny') {
      break;
    }
  }
  throw refusal(user, info);
}

function refusal(user: User, info: RequestInfo): Error {
  const { verb, group, resource, subresource, namespace, name } = info;
  if (!info.isResource) {
    return failure(403, 'Forbidden', `forbidden: User "${user.name}" cannot ${verb} path "${info.path}"`, {});
  }
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const object = name === '' ? qualified : `${qualified} "${name}"`;
  return failure(
    403,
    'Forbidden',
    `${object} is forbidden: User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`,
    { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource },
  );
}
