import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { Incoming } from '../http/exchange.ts';
import { authenticatedGroup, credentialKey, type User } from './user.ts';

/** Who a bearer token stands for; undefined when it is not good. */
export type TokenCheck = (token: string) => User | undefined;

const users = new WeakMap<object, User | false>();

/** The user of a request, by its connection's client certificate, else by its bearer token. Undefined: anonymous, or no good token. */
export function authenticate(request: Incoming, check: TokenCheck): User | undefined {
  const user = byCertificate(request);
  if (user !== undefined) {
    return user;
  }
  const [, token] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  return token === undefined ? undefined : check(token);
}

/** CN is the name, the Os are the groups; which certificate it was is told besides (apiserver `authentication/request/x509`). */
function byCertificate(request: Incoming): User | undefined {
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
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    name,
    groups: [...[organizations].flat(), authenticatedGroup],
    extra: { [credentialKey]: [`X509SHA256=${fingerprint}`] },
  };
}
