/** Roles and bindings in memory, as the store's commits change them; a decision lists nothing. */
import type { AnyBinding, RoleRef, Subject } from '#api/rbac.authorization.k8s.io/binding.ts';
import type { PolicyRule } from '#api/rbac.authorization.k8s.io/rule.ts';
import type { Entry } from '#store/entry.ts';
import type { Store } from '#store/store.ts';
import { objectOf } from '../../registry/objects.ts';
import type { Attributes } from '../attributes.ts';
import { type Authorizer, noOpinion, type Verdict } from '../authorize.ts';
import { serviceAccountUser, type User } from '../user.ts';
import { ruleAllows } from './rules.ts';

export const rbacResources = {
  roles: 'roles.rbac.authorization.k8s.io',
  clusterRoles: 'clusterroles.rbac.authorization.k8s.io',
  roleBindings: 'rolebindings.rbac.authorization.k8s.io',
  clusterRoleBindings: 'clusterrolebindings.rbac.authorization.k8s.io',
} as const;

/** One subject's part in one binding. */
interface Grant {
  readonly roleRef: RoleRef;
  /** Of the binding; empty for cluster role bindings. */
  readonly namespace: string;
  readonly verdict: Verdict;
}

type Grants = Map<string, Grant>;

/** A binding as it is found by its subjects. */
interface Bound {
  readonly keys: readonly string[];
}

const keysOfUsers = new WeakMap<User, readonly string[]>();

/** The authorizer by roles. */
export class RbacPolicy implements Authorizer {
  readonly name = 'rbac';
  readonly #roles = new Map<string, readonly PolicyRule[]>();
  /** Namespace (empty: everywhere) to subject to binding. */
  readonly #grants = new Map<string, Map<string, Grants>>();
  readonly #bindings = new Map<string, Bound>();
  readonly #stops: readonly (() => void)[];

  constructor(store: Store) {
    const { roles, clusterRoles, roleBindings, clusterRoleBindings } = rbacResources;
    const follow = (resource: string, take: (entry: Entry) => void): (() => void) => {
      for (const entry of store.list({ resource })) {
        take(entry);
      }
      return store.observe(resource, take);
    };
    this.#stops = [
      ...[roles, clusterRoles].map((resource) => follow(resource, (entry) => this.#takeRole(entry))),
      ...[roleBindings, clusterRoleBindings].map((resource) =>
        follow(resource, (entry) => this.#takeBinding(entry)),
      ),
    ];
  }

  close(): void {
    for (const stop of this.#stops) {
      stop();
    }
  }

  authorize(user: User, attributes: Attributes): Verdict {
    let allowed: Verdict | undefined;
    const missing = this.#visit(user, attributes.namespace, (rules, grant) => {
      for (const rule of rules) {
        if (ruleAllows(rule, attributes)) {
          allowed = grant.verdict;
          return true;
        }
      }
      return false;
    });
    if (allowed !== undefined) {
      return allowed;
    }
    return missing === undefined
      ? noOpinion
      : { decision: 'no-opinion', reason: `RBAC: ${aggregate(missing)}` };
  }

  /** Every rule that holds for a user in a namespace (empty: everywhere), and what could not be found. */
  rulesFor(
    user: User,
    namespace: string,
  ): { readonly rules: readonly PolicyRule[]; readonly errors: readonly string[] } {
    const found: PolicyRule[] = [];
    const missing = this.#visit(user, namespace, (rules) => {
      found.push(...rules);
      return false;
    });
    return { rules: found, errors: [...(missing ?? [])] };
  }

  /** Rules of a role that a binding in `namespace` refers to; undefined when it is not there. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#roles.get(ref.kind === 'ClusterRole' ? `/${ref.name}` : `${namespace}/${ref.name}`);
  }

  /** Visits the rules of every binding of a user until `visitor` has enough. Returns roles that are missing. */
  #visit(
    user: User,
    namespace: string,
    visitor: (rules: readonly PolicyRule[], grant: Grant) => boolean,
  ): Set<string> | undefined {
    let missing: Set<string> | undefined;
    for (const place of namespace === '' ? [''] : ['', namespace]) {
      const bySubject = this.#grants.get(place);
      if (bySubject === undefined) {
        continue;
      }
      for (const key of keysOf(user)) {
        for (const grant of bySubject.get(key)?.values() ?? []) {
          const rules = this.rulesOf(grant.roleRef, grant.namespace);
          if (rules === undefined) {
            missing ??= new Set();
            missing.add(roleNotFound(grant.roleRef));
          } else if (visitor(rules, grant)) {
            return missing;
          }
        }
      }
    }
    return missing;
  }

  #takeRole(entry: Entry): void {
    const key = `${entry.namespace}/${entry.name}`;
    if (entry.deleted) {
      this.#roles.delete(key);
    } else {
      this.#roles.set(key, (objectOf(entry)['rules'] ?? []) as readonly PolicyRule[]);
    }
  }

  #takeBinding(entry: Entry): void {
    const { namespace, name } = entry;
    const place = this.#grants.get(namespace) ?? new Map<string, Grants>();
    const id = `${namespace}/${name}`;
    for (const key of this.#bindings.get(id)?.keys ?? []) {
      const grants = place.get(key);
      grants?.delete(name);
      if (grants?.size === 0) {
        place.delete(key);
      }
    }
    this.#bindings.delete(id);
    if (!entry.deleted) {
      this.#grants.set(namespace, place);
      const binding = objectOf(entry) as unknown as AnyBinding;
      const keys = this.#addGrants(place, binding, namespace);
      this.#bindings.set(id, { keys });
    }
    if (place.size === 0) {
      this.#grants.delete(namespace);
    }
  }

  #addGrants(place: Map<string, Grants>, binding: AnyBinding, namespace: string): readonly string[] {
    const { roleRef, subjects = [] } = binding;
    const { name } = binding.metadata;
    return subjects.flatMap((subject) => {
      const key = keyOfSubject(subject, namespace);
      if (key === undefined) {
        return [];
      }
      const grants = place.get(key) ?? new Map<string, Grant>();
      place.set(key, grants);
      const reason = `RBAC: allowed by ${describeBinding(name, namespace, roleRef)} to ${describeSubject(subject, namespace)}`;
      grants.set(name, { roleRef, namespace, verdict: { decision: 'allow', reason } });
      return [key];
    });
  }
}

/** What upstream says of a role that a binding refers to and nobody made. */
export function roleNotFound(ref: RoleRef): string {
  return `${ref.kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(ref.name)} not found`;
}

function aggregate(messages: ReadonlySet<string>): string {
  const [first = '', ...rest] = messages;
  return rest.length === 0 ? first : `[${[...messages].join(', ')}]`;
}

function keysOf(user: User): readonly string[] {
  let keys = keysOfUsers.get(user);
  if (keys === undefined) {
    keys = [`u:${user.name}`, ...new Set(user.groups.map((group) => `g:${group}`))];
    keysOfUsers.set(user, keys);
  }
  return keys;
}

function keyOfSubject(subject: Subject, namespace: string): string | undefined {
  switch (subject.kind) {
    case 'User':
      return `u:${subject.name}`;
    case 'Group':
      return `g:${subject.name}`;
    case 'ServiceAccount': {
      const own = (subject.namespace ?? '') === '' ? namespace : (subject.namespace ?? '');
      return own === '' ? undefined : `u:${serviceAccountUser(own, subject.name)}`;
    }
    default:
      return undefined;
  }
}

function describeBinding(name: string, namespace: string, ref: RoleRef): string {
  const [kind, full] =
    namespace === '' ? ['ClusterRoleBinding', name] : ['RoleBinding', `${name}/${namespace}`];
  return `${kind} ${JSON.stringify(full)} of ${ref.kind} ${JSON.stringify(ref.name)}`;
}

function describeSubject(subject: Subject, namespace: string): string {
  const own = (subject.namespace ?? '') === '' ? namespace : subject.namespace;
  const name = subject.kind === 'ServiceAccount' ? `${subject.name}/${own}` : subject.name;
  return `${subject.kind} ${JSON.stringify(name)}`;
}
