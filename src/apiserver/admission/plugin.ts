/** The seam between the registry and what else has a say in a write: an ordered list of plug-ins (apiserver `admission`). */
import type { KindDefinition, KindRef } from '#api/kind.ts';
import type { User } from '../auth/user.ts';
import type { ApiObject } from '../registry/objects.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** A value now or later: plug-ins that wait for nobody answer at once, so that a write stays within its turn. */
export type Maybe<T> = T | Promise<T>;

/** What plug-ins are asked about. */
export interface Attributes {
  readonly operation: Operation;
  /** The kind that is served at the request's resource. */
  readonly kind: KindDefinition;
  /** What `object` is, where a subresource has a kind of its own (`Binding`, `Scale`). */
  readonly objectKind: Pick<KindRef, 'group' | 'version' | 'kind'>;
  /** `''` for the main resource. */
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** What is to be stored; undefined when deleting. Shared, never edited. */
  readonly object: ApiObject | undefined;
  /** The stored object exactly as it is, on update and delete (CVE-2021-25735). */
  readonly old: ApiObject | undefined;
  /** `CreateOptions` and the like, with `kind` and `apiVersion`. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly dryRun: boolean;
  readonly user: User;
  /** Tells the client. */
  warn(text: string): void;
  /** Tells the audit log. */
  annotate(key: string, value: string): void;
}

/** What a plug-in decides by whether a request concerns it. */
export type Target = Pick<Attributes, 'operation' | 'kind' | 'subresource' | 'namespace'>;

/** One plug-in. Both phases refuse by throwing an `ApiError`. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Whether it has anything to do with a request. Asked for every write, so it only looks things up. */
  concerns(target: Target): boolean;
  /** Returns the object, changed or not. `round` is 1 when it is asked again because a later plug-in changed the object. */
  mutate?(attributes: Attributes, round: Round): Maybe<ApiObject | undefined>;
  /** Judges what is going to be stored. */
  validate?(attributes: Attributes): Maybe<void>;
}

/** One pass over the plug-ins that change objects. */
export interface Round {
  readonly number: 0 | 1;
  /** Asks for a second pass, in which plug-ins see what others changed. */
  again(): void;
  /** Kept from the first pass to the second, by plug-in. */
  readonly memory: Map<string, unknown>;
}

/** Goes on with a value, at once when it is there. */
export function chain<T, R>(value: Maybe<T>, proceed: (value: T) => Maybe<R>): Maybe<R> {
  return value instanceof Promise ? value.then(proceed) : proceed(value);
}

/**
 * Runs the mutating phase, a second time when a plug-in asks for it. Returns the object.
 * Rule: apiserver `admission/plugin/webhook/mutating` and `admission/reinvocation.go`.
 */
export function runMutating(
  plugins: readonly AdmissionPlugin[],
  attributes: Attributes,
): Maybe<ApiObject | undefined> {
  const memory = new Map<string, unknown>();
  let wanted = false;
  const again = () => {
    wanted = true;
  };
  const first = pass(plugins, attributes, { number: 0, again, memory }, 0);
  return chain(first, (object) =>
    wanted
      ? pass(plugins, { ...attributes, object }, { number: 1, again: () => undefined, memory }, 0)
      : object,
  );
}

function pass(
  plugins: readonly AdmissionPlugin[],
  attributes: Attributes,
  round: Round,
  from: number,
): Maybe<ApiObject | undefined> {
  let { object } = attributes;
  for (let at = from; at < plugins.length; at++) {
    const result = plugins[at]?.mutate?.({ ...attributes, object }, round) ?? object;
    if (result instanceof Promise) {
      return result.then((changed) => pass(plugins, { ...attributes, object: changed }, round, at + 1));
    }
    object = result;
  }
  return object;
}

/** Runs the validating phase, one plug-in after the other. */
export function runValidating(plugins: readonly AdmissionPlugin[], attributes: Attributes): Maybe<void> {
  for (const [at, plugin] of plugins.entries()) {
    const result = plugin.validate?.(attributes);
    if (result instanceof Promise) {
      return result.then(() => runValidating(plugins.slice(at + 1), attributes));
    }
  }
}
