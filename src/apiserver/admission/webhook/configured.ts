/** Webhooks that are in force, and which of them a request is for. */
import type { MutatingWebhook } from '#api/admissionregistration.k8s.io/mutating-webhook-configuration.ts';
import type { KindDefinition } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { Store } from '#store/store.ts';
import type { Authorizer } from '../../auth/authorize.ts';
import type { Catalog } from '../../registry/catalog.ts';
import { conditionsVerdict } from '../match/expression.ts';
import { isExempt, matchedKind } from '../match/rules.ts';
import { areMet } from '../match/selectors.ts';
import { requestVariables } from '../match/values.ts';
import type { Attributes, Target } from '../plugin.ts';
import { refused } from '../refusals.ts';
import { Watched } from '../watched.ts';

/** A webhook and the configuration it comes from. */
export interface Hook {
  /** The same for the same webhook of the same configuration. */
  readonly id: string;
  readonly configuration: string;
  readonly webhook: MutatingWebhook;
}

type Configuration = KubeObject & { readonly webhooks?: readonly MutatingWebhook[] };

/** A webhook to be called, about the kind in this version. */
export interface Invocation {
  readonly hook: Hook;
  readonly kind: KindDefinition;
}

/** The webhooks of one kind of configuration, in order of configurations' names. */
export class Configured {
  readonly #hooks: Watched<Configuration, readonly Hook[]>;
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #authorizers: readonly Authorizer[];

  constructor(store: Store, catalog: Catalog, authorizers: readonly Authorizer[], resource: string) {
    this.#store = store;
    this.#authorizers = authorizers;
    this.#catalog = catalog;
    this.#hooks = new Watched<Configuration, readonly Hook[]>(store, resource, (configurations) =>
      configurations.flatMap(({ metadata, webhooks = [] }) =>
        webhooks.map((webhook, index) => ({
          id: `${metadata.name}/${webhook.name}/${index}`,
          configuration: metadata.name,
          webhook,
        })),
      ),
    );
  }

  get hooks(): readonly Hook[] {
    return this.#hooks.value;
  }

  /** True when a rule of a webhook is about such requests. */
  concerns(target: Target): boolean {
    const { hooks } = this;
    return (
      hooks.length > 0 &&
      !isExempt(target.kind) &&
      hooks.some(({ webhook }) => matchedKind(webhook, target, this.#catalog) !== undefined)
    );
  }

  /** How a webhook is to be called about a request, if at all. Throws 403 when its conditions cannot be worked out. */
  invocation(hook: Hook, attributes: Attributes): Invocation | undefined {
    const { webhook } = hook;
    const kind = matchedKind(webhook, attributes, this.#catalog);
    if (kind === undefined || !areMet(webhook, attributes, this.#store)) {
      return undefined;
    }
    const { matchConditions = [], failurePolicy = 'Fail' } = webhook;
    const verdict = conditionsVerdict('condition', matchConditions, failurePolicy, () =>
      requestVariables(attributes, kind, this.#authorizers),
    );
    if ('error' in verdict) {
      throw refused(attributes, verdict.error);
    }
    return verdict.matches ? { hook, kind } : undefined;
  }
}
