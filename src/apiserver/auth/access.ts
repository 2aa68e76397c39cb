/** Who a request is from and what it may do: everything of this room, wired to a store. */
import type { KindDefinition } from '#api/kind.ts';
import type { Clock } from '#machinery/clock.ts';
import type { Store } from '#store/store.ts';
import type { Incoming } from '../http/exchange.ts';
import type { Call } from '../registry/call.ts';
import type { ApiObject } from '../registry/objects.ts';
import { authenticate } from './authenticate.ts';
import { type Authorizer, mastersAuthorizer } from './authorize.ts';
import { nodeAuthorizer } from './node.ts';
import { NodeGraph } from './node-graph.ts';
import { checkEscalation } from './rbac/escalation.ts';
import { RbacPolicy } from './rbac/policy.ts';
import { restrictNode } from './restrict-node.ts';
import { bootstrapUser } from './tokens/bootstrap-tokens.ts';
import { issuer, ServiceAccountTokens, type TokenUser } from './tokens/service-account-tokens.ts';
import type { SigningKey } from './tokens/signing-key.ts';
import type { User } from './user.ts';

/** What access is decided with. */
export interface AccessOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Signs service account tokens. */
  readonly key: SigningKey;
  /** Asked after masters, node and roles. */
  readonly authorizers?: readonly Authorizer[];
}

/** Authentication, authorization, and what admission checks for them. */
export class Access {
  readonly authorizers: readonly Authorizer[];
  readonly tokens: ServiceAccountTokens;
  readonly policy: RbacPolicy;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #graph: NodeGraph;

  constructor({ store, clock, key, authorizers = [] }: AccessOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#graph = new NodeGraph(store);
    this.policy = new RbacPolicy(store);
    this.tokens = new ServiceAccountTokens(store, clock, key);
    this.authorizers = [mastersAuthorizer, nodeAuthorizer(store, this.#graph), this.policy, ...authorizers];
  }

  /** Who a request is from; undefined when that is not known. */
  userOf(request: Incoming): User | undefined {
    return authenticate(request, (token) => this.checkToken(token)?.user);
  }

  /** Who a token stands for, and for which of the audiences it is good. */
  checkToken(token: string, audiences: readonly string[] = [issuer]): TokenUser | undefined {
    const found = this.tokens.authenticate(token, audiences);
    if (found !== undefined) {
      return found;
    }
    const user = audiences.includes(issuer) ? bootstrapUser(this.#store, this.#clock, token) : undefined;
    return user === undefined ? undefined : { user, audiences: [issuer] };
  }

  /** Part of admission. Throws 403 when the writer may write such an object, but not so. */
  guard(call: Call, kind: KindDefinition, object: ApiObject, old: ApiObject | undefined): void {
    restrictNode(this.#store, call.user, kind, object, old);
    checkEscalation(this.policy, this.authorizers, { user: call.user, kind, object, old });
  }

  close(): void {
    this.policy.close();
    this.#graph.close();
  }
}
