/** Tokens of service accounts: bound to their account and perhaps a pod, secret or node; they end with them. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '#machinery/clock.ts';
import type { Store } from '#store/store.ts';
import { isRecord } from '../../registry/metadata.ts';
import { type ApiObject, objectOf } from '../../registry/objects.ts';
import {
  authenticatedGroup,
  credentialKey,
  serviceAccountGroups,
  serviceAccountUser,
  type User,
} from '../user.ts';
import { type Claims, signToken, verifyToken } from './jwt.ts';
import type { SigningKey } from './signing-key.ts';

/** Who issues tokens, and the audience of this server. */
export const issuer = 'https://kubernetes.default.svc.cluster.local';

/** Most tokens whose signatures are remembered as good. */
const cacheSize = 2048;

/** Something that a token ends with. */
export interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node';
  readonly name: string;
  readonly uid: string;
}

/** What a token is issued for. */
export interface TokenOrder {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly audiences: readonly string[];
  readonly seconds: number;
  readonly bound?: BoundObject;
  /** Node of the pod that the token is bound to. */
  readonly node?: { readonly name: string; readonly uid: string };
}

/** A token's user, and for which of the audiences asked for it is good. */
export interface TokenUser {
  readonly user: User;
  readonly audiences: readonly string[];
}

interface Known {
  readonly claims: Claims;
  readonly user: User;
}

const claimsKey = 'kubernetes.io';
const extraPrefix = 'authentication.kubernetes.io/';
const boundResources = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' } as const;

/** Issues and checks tokens. */
export class ServiceAccountTokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly key: SigningKey;
  readonly #known = new Map<string, Known>();

  constructor(store: Store, clock: Clock, key: SigningKey) {
    this.#store = store;
    this.#clock = clock;
    this.key = key;
  }

  /** A new token, when it ends, in milliseconds since the epoch, and what its user's `credential-id` will be. */
  issue(order: TokenOrder): {
    readonly token: string;
    readonly expires: number;
    readonly credential: string;
  } {
    const now = Math.floor(this.#clock.now() / 1000);
    const { namespace, serviceAccount, audiences, seconds, bound, node } = order;
    const exp = now + seconds;
    const jti = randomUUID();
    const claims = {
      aud: audiences,
      exp,
      iat: now,
      iss: issuer,
      jti,
      [claimsKey]: {
        namespace,
        ...(bound === undefined ? {} : { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } }),
        ...(node === undefined ? {} : { node }),
        serviceaccount: serviceAccount,
      },
      nbf: now,
      sub: serviceAccountUser(namespace, serviceAccount.name),
    };
    return { token: signToken(this.key, claims), expires: exp * 1000, credential: credentialOf(jti) };
  }

  /** Who a token stands for; undefined when it is not good, or no longer. */
  authenticate(token: string, audiences: readonly string[] = [issuer]): TokenUser | undefined {
    const known = this.#known.get(token) ?? this.#read(token);
    if (known === undefined || !this.#isAlive(known.claims)) {
      this.#known.delete(token);
      return undefined;
    }
    const own = known.claims['aud'] as readonly string[];
    const shared = audiences.filter((each) => own.includes(each));
    return shared.length === 0 ? undefined : { user: known.user, audiences: shared };
  }

  #read(token: string): Known | undefined {
    const claims = verifyToken(this.key, token);
    if (claims === undefined || claims['iss'] !== issuer || !Array.isArray(claims['aud'])) {
      return undefined;
    }
    const user = userOf(claims);
    if (user === undefined) {
      return undefined;
    }
    const known = { claims, user };
    this.#known.set(token, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > cacheSize && oldest !== undefined) {
      this.#known.delete(oldest);
    }
    return known;
  }

  /** True within its time, and while the account and what the token is bound to are the same objects. */
  #isAlive(claims: Claims): boolean {
    const now = this.#clock.now() / 1000;
    const { exp, nbf } = claims;
    if (typeof exp !== 'number' || typeof nbf !== 'number' || now >= exp || now < nbf) {
      return false;
    }
    const own = claims[claimsKey] as Readonly<Record<string, unknown>>;
    const namespace = String(own['namespace']);
    if (!this.#isThere('serviceaccounts', namespace, own['serviceaccount'])) {
      return false;
    }
    return (['Pod', 'Secret', 'Node'] as const).every((kind) => {
      const reference = own[kind.toLowerCase()];
      // A pod's node is told besides the pod, and may go first.
      return (
        reference === undefined ||
        (kind === 'Node' && own['pod'] !== undefined) ||
        this.#isThere(boundResources[kind], kind === 'Node' ? '' : namespace, reference)
      );
    });
  }

  #isThere(resource: string, namespace: string, reference: unknown): boolean {
    if (!isRecord(reference)) {
      return false;
    }
    const entry = this.#store.get({ resource, namespace, name: String(reference['name']) });
    const object: ApiObject | undefined = entry === undefined ? undefined : objectOf(entry);
    return object !== undefined && object.metadata.uid === reference['uid'] && !isOver(object, this.#clock);
  }
}

function credentialOf(jti: string): string {
  return `JTI=${jti}`;
}

/** True once the grace of a deleted object has passed; until then its programs still run. */
function isOver({ metadata }: ApiObject, clock: Clock): boolean {
  const at = metadata.deletionTimestamp;
  return at !== undefined && Date.parse(at) + 60_000 < clock.now();
}

function userOf(claims: Claims): User | undefined {
  const own = claims[claimsKey];
  const account = isRecord(own) ? own['serviceaccount'] : undefined;
  if (!isRecord(own) || !isRecord(account)) {
    return undefined;
  }
  const [namespace, name] = [String(own['namespace']), String(account['name'])];
  if (claims['sub'] !== serviceAccountUser(namespace, name)) {
    return undefined;
  }
  const extra: Record<string, readonly string[]> = {};
  if (typeof claims['jti'] === 'string') {
    extra[credentialKey] = [credentialOf(claims['jti'])];
  }
  for (const kind of ['pod', 'node'] as const) {
    const reference = own[kind];
    if (isRecord(reference)) {
      extra[`${extraPrefix}${kind}-name`] = [String(reference['name'])];
      extra[`${extraPrefix}${kind}-uid`] = [String(reference['uid'])];
    }
  }
  return {
    name: serviceAccountUser(namespace, name),
    uid: String(account['uid']),
    groups: [...serviceAccountGroups(namespace), authenticatedGroup],
    extra,
  };
}
