/** Acting as somebody else (`kubectl --as`): whoever may `impersonate` that user, its groups, its uid and its extras. */
import { badRequest } from '../api-errors.ts';
import type { Incoming } from '../http/exchange.ts';
import { resourceAttributes } from './attributes.ts';
import { type Authorizer, authorize } from './authorize.ts';
import {
  anonymous,
  authenticatedGroup,
  serviceAccountGroups,
  serviceAccountOf,
  type User,
  unauthenticatedGroup,
} from './user.ts';

const prefix = 'impersonate-';
const extraPrefix = 'impersonate-extra-';

/** Who somebody wants to be. */
interface Wish {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** The user to act as; undefined when none is asked for. Never ignored: whoever asks to be less must not be more. Throws 400 or 403. */
export function impersonate(
  authorizers: readonly Authorizer[],
  user: User,
  request: Incoming,
): User | undefined {
  const wish = wishOf(request);
  if (wish === undefined) {
    return undefined;
  }
  if (wish.name === '') {
    throw badRequest('groups, uid or extras are impersonated without a user: set Impersonate-User as well');
  }
  const account = serviceAccountOf(wish.name);
  const ask = (resource: string, name: string, more: object = {}): void => {
    authorize(authorizers, user, resourceAttributes({ verb: 'impersonate', resource, name, ...more }));
  };
  if (account === undefined) {
    ask('users', wish.name);
  } else {
    ask('serviceaccounts', account.name, { namespace: account.namespace });
  }
  for (const group of wish.groups) {
    ask('groups', group);
  }
  const own = { group: 'authentication.k8s.io' };
  for (const [key, values] of Object.entries(wish.extra)) {
    for (const value of values) {
      ask('userextras', value, { ...own, subresource: key });
    }
  }
  if (wish.uid !== '') {
    ask('uids', wish.uid, own);
  }
  return {
    name: wish.name,
    groups: groupsOf(wish, account?.namespace),
    ...(wish.uid === '' ? {} : { uid: wish.uid }),
    ...(Object.keys(wish.extra).length === 0 ? {} : { extra: wish.extra }),
  };
}

function groupsOf({ name, groups }: Wish, namespace: string | undefined): readonly string[] {
  const known = groups.length === 0 && namespace !== undefined ? serviceAccountGroups(namespace) : groups;
  if (known.includes(authenticatedGroup) || known.includes(unauthenticatedGroup)) {
    return known;
  }
  return [...known, name === anonymous ? unauthenticatedGroup : authenticatedGroup];
}

/** Read from the raw headers: Node joins those that occur several times, and group names may hold commas. */
function wishOf(request: Incoming): Wish | undefined {
  let found = false;
  for (const name in request.headers) {
    found ||= name.startsWith(prefix);
  }
  if (!found) {
    return undefined;
  }
  const groups: string[] = [];
  const extra: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  let [name, uid] = ['', ''];
  const raw = request.rawHeaders;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const header = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    if (header === 'impersonate-user') {
      name = value;
    } else if (header === 'impersonate-uid') {
      uid = value;
    } else if (header === 'impersonate-group') {
      groups.push(value);
    } else if (header.startsWith(extraPrefix)) {
      const key = unescaped(header.slice(extraPrefix.length));
      extra[key] = [...(extra[key] ?? []), value];
    } else if (header.startsWith(prefix)) {
      throw badRequest(`the header ${header} is not known`);
    }
  }
  return { name, uid, groups, extra: { ...extra } };
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch (error) {
    if (error instanceof URIError) {
      return key;
    }
    throw error;
  }
}
