import { failure } from '../api-errors.ts';
import type { Attributes } from './attributes.ts';
import { mastersGroup, type User } from './user.ts';

/** One source of permissions. The first that allows or denies decides; nobody's opinion is a no. */
export interface Authorizer {
  readonly name: string;
  authorize(user: User, attributes: Attributes): Verdict;
}

/** What a source of permissions says, and why. */
export interface Verdict {
  readonly decision: 'allow' | 'deny' | 'no-opinion';
  /** Told to the client after a refusal, and to reviews and the audit log. */
  readonly reason: string;
}

export const noOpinion: Verdict = { decision: 'no-opinion', reason: '' };
const allowed: Verdict = { decision: 'allow', reason: '' };

/** `system:masters` may do everything. */
export const mastersAuthorizer: Authorizer = {
  name: 'masters',
  authorize: (user) => (user.groups.includes(mastersGroup) ? allowed : noOpinion),
};

/** The first opinion, or all reasons why there was none. */
export function decide(authorizers: readonly Authorizer[], user: User, attributes: Attributes): Verdict {
  let reason = '';
  for (const authorizer of authorizers) {
    const verdict = authorizer.authorize(user, attributes);
    if (verdict.decision !== 'no-opinion') {
      return verdict;
    }
    if (verdict.reason !== '') {
      reason = reason === '' ? verdict.reason : `${reason}\n${verdict.reason}`;
    }
  }
  return reason === '' ? noOpinion : { decision: 'no-opinion', reason };
}

/** True when the user may. */
export function isAllowed(authorizers: readonly Authorizer[], user: User, attributes: Attributes): boolean {
  return decide(authorizers, user, attributes).decision === 'allow';
}

/** Throws 403 in upstream's words unless one of the authorizers allows the request. Returns why it may. */
export function authorize(authorizers: readonly Authorizer[], user: User, attributes: Attributes): Verdict {
  const verdict = decide(authorizers, user, attributes);
  if (verdict.decision !== 'allow') {
    throw refusal(user, attributes, verdict.reason);
  }
  return verdict;
}

/** The 403 that tells a user what it may not do (apiserver `responsewriters.ForbiddenStatusError`). */
export function refusal(user: User, attributes: Attributes, reason = ''): Error {
  const { verb, group, resource, subresource, namespace, name } = attributes;
  const why = reason === '' ? '' : `: ${reason}`;
  const who = `User ${JSON.stringify(user.name)}`;
  if (!attributes.isResource) {
    return failure(
      403,
      'Forbidden',
      `forbidden: ${who} cannot ${verb} path ${JSON.stringify(attributes.path)}${why}`,
      {},
    );
  }
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const object = name === '' ? qualified : `${qualified} "${name}"`;
  return failure(
    403,
    'Forbidden',
    `${object} is forbidden: ${who} cannot ${verb} resource "${what}" in API group "${group}" ${where}${why}`,
    { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource },
  );
}
