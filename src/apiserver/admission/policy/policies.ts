/** Policies that are bound, and which of them a request is for (apiserver `admission/plugin/policy`). */
import type { MatchResources } from '#api/admissionregistration.k8s.io/match.ts';
import type { ValidatingAdmissionPolicy } from '#api/admissionregistration.k8s.io/validating-admission-policy.ts';
import type { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration.k8s.io/validating-admission-policy-binding.ts';
import type { KindDefinition } from '#api/kind.ts';
import type { Store } from '#store/store.ts';
import type { Catalog } from '../../registry/catalog.ts';
import { isAbout, isExempt, isReview, matchedKind } from '../match/rules.ts';
import { areMet } from '../match/selectors.ts';
import type { Attributes, Target } from '../plugin.ts';
import { Watched } from '../watched.ts';

/** A policy with what puts it into force. */
export interface BoundPolicy {
  readonly policy: ValidatingAdmissionPolicy;
  readonly bindings: readonly ValidatingAdmissionPolicyBinding[];
}

const group = 'admissionregistration.k8s.io';

/** The policies in force. */
export class Policies {
  readonly #policies: Watched<ValidatingAdmissionPolicy, readonly ValidatingAdmissionPolicy[]>;
  readonly #bindings: Watched<ValidatingAdmissionPolicyBinding, readonly ValidatingAdmissionPolicyBinding[]>;
  readonly #store: Store;
  readonly #catalog: Catalog;

  constructor(store: Store, catalog: Catalog) {
    this.#store = store;
    this.#catalog = catalog;
    this.#policies = new Watched(store, `validatingadmissionpolicies.${group}`, (all) => all);
    this.#bindings = new Watched(store, `validatingadmissionpolicybindings.${group}`, (all) => all);
  }

  /** True when a bound policy has a rule about such requests. */
  concerns(target: Target): boolean {
    const { value: policies } = this.#policies;
    return (
      policies.length > 0 &&
      this.#bindings.value.length > 0 &&
      !isExempt(target.kind) &&
      !isReview(target.kind) &&
      policies.some(({ spec }) => this.#kindOf(spec?.matchConstraints, target) !== undefined)
    );
  }

  /** The policies about a request, each with the version it means and the bindings about it. Throws 404 without namespace. */
  about(attributes: Attributes): readonly (BoundPolicy & { readonly kind: KindDefinition })[] {
    return this.#policies.value.flatMap((policy) => {
      const kind = this.#match(policy.spec?.matchConstraints, attributes);
      if (kind === undefined) {
        return [];
      }
      const bindings = this.#bindings.value.filter(
        ({ spec }) =>
          spec?.policyName === policy.metadata.name &&
          (spec.matchResources === undefined ||
            this.#match(spec.matchResources, attributes, true) !== undefined),
      );
      return bindings.length === 0 ? [] : [{ policy, bindings, kind }];
    });
  }

  #match(
    match: MatchResources | undefined,
    attributes: Attributes,
    emptyIsAll = false,
  ): KindDefinition | undefined {
    const { excludeResourceRules: excluded = [], matchPolicy } = match ?? {};
    const all = emptyIsAll && (match?.resourceRules ?? []).length === 0;
    const kind = all ? attributes.kind : this.#kindOf(match, attributes, attributes.name);
    if (kind === undefined || !areMet(match ?? {}, attributes, this.#store)) {
      return undefined;
    }
    const exactly = excluded.some((rule) => isAbout(rule, attributes, attributes.name));
    const out =
      exactly ||
      matchedKind({ rules: excluded, matchPolicy }, attributes, this.#catalog, attributes.name) !== undefined;
    return out ? undefined : kind;
  }

  #kindOf(match: MatchResources | undefined, target: Target, name?: string): KindDefinition | undefined {
    const { resourceRules: rules, matchPolicy } = match ?? {};
    return matchedKind({ rules, matchPolicy }, target, this.#catalog, name);
  }
}
