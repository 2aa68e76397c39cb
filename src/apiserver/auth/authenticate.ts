import type { PeerCertificate, TLSSocket } from 'node:tls';
import { failure } from '../api-errors.ts';
import type { Incoming } from '../http/exchange.ts';
import { authenticatedGroup, mastersGroup, type User } from './user.ts';

const users = new WeakMap<object, User | false>();

/** The user of a connection by its client certificate: CN is the name, the Os are the groups. Undefined: anonymous. */
export function authenticate(request: Incoming): User | undefined {
  const session = 'stream' in request ? request.stream.session : undefined;
  const connection = session ?? request.socket;
  let user = users.get(connection);
  if (user === undefined) {
    // HTTP/2 hands out a proxy of its socket, which passes calls on but cannot be asked what it has.
    const socket = (session?.socket ?? request.socket) as TLSSocket;
    user = socket.authorized === true ? userOf(socket.getPeerCertificate()) : false;
    users.set(connection, user);
  }
  return user === false ? undefined : user;
}

function userOf(certificate: PeerCertificate): User | false {
  const subject = certificate.subject as unknown as
    | Readonly<Record<string, string | string[] | undefined>>
    | undefined;
  const name = subject?.['CN'];
  if (typeof name !== 'string' || name === '') {
    return false;
  }
  const organizations = subject?.['O'] ?? [];
  return { name, groups: [...[organizations].flat(), authenticatedGroup] };
}

/**
 * Acting as somebody else (`kubectl --as`): administrators only, so far as roles are not served. Never ignored: whoever
 * asks to be less must not be more. Throws 403.
 */
export function impersonate(user: User, request: Incoming): User {
  const name = request.headers['impersonate-user'];
  const groups = request.headers['impersonate-group'];
  const others = Object.keys(request.headers).some((header) => header.startsWith('impersonate-'));
  if (!others) {
    return user;
  }
  const target = typeof name === 'string' ? name : '';
  if (!user.groups.includes(mastersGroup) || target === '') {
    const message = `users "${target}" is forbidden: User "${user.name}" cannot impersonate resource "users" in API group "" at the cluster scope`;
    throw failure(403, 'Forbidden', message, { name: target, kind: 'users' });
  }
  const listed = [groups ?? []].flat().flatMap((value) => value.split(/,\s*/));
  return { name: target, groups: [...listed, authenticatedGroup] };
}
