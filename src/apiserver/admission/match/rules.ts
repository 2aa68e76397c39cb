/** Which requests a rule is about (apiserver `admission/plugin/webhook/predicates/rules`). */
import type { Rule } from '#api/admissionregistration.k8s.io/match.ts';
import type { KindDefinition } from '#api/kind.ts';
import { qualified } from '../../api-errors.ts';
import type { Catalog } from '../../registry/catalog.ts';
import type { Target } from '../plugin.ts';

/** Kinds that no webhook or policy is ever asked about, so that a broken one can be mended. */
const exempt: ReadonlySet<string> = new Set([
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
]);

/** Reviews are questions, not writes; policies are not asked about them. */
const reviewGroups: ReadonlySet<string> = new Set(['authentication.k8s.io', 'authorization.k8s.io']);

/** True for kinds that are kept away from webhooks and policies. */
export function isExempt(kind: KindDefinition): boolean {
  return exempt.has(qualified(kind));
}

/** True for kinds that are kept away from policies only. */
export function isReview(kind: KindDefinition): boolean {
  return reviewGroups.has(kind.group);
}

/** Rules and how exact they are meant. */
export interface Ruled {
  readonly rules?: readonly Rule[] | undefined;
  readonly matchPolicy?: 'Equivalent' | 'Exact' | undefined;
}

/** The kind, in the version that a rule means, when a rule is about the request; `name` counts for resource names. */
export function matchedKind(
  { rules = [], matchPolicy = 'Equivalent' }: Ruled,
  target: Target,
  catalog: Catalog,
  name?: string,
): KindDefinition | undefined {
  const fits = (kind: KindDefinition) => rules.some((rule) => isAbout(rule, { ...target, kind }, name));
  if (rules.length === 0 || fits(target.kind)) {
    return rules.length === 0 ? undefined : target.kind;
  }
  if (matchPolicy === 'Exact') {
    return undefined;
  }
  const { group, plural, version } = target.kind;
  return catalog.kinds.find(
    (kind) => kind.plural === plural && kind.group === group && kind.version !== version && fits(kind),
  );
}

/** True when one rule is about a request. */
export function isAbout(rule: Rule, target: Target, name?: string): boolean {
  const { kind, operation, subresource } = target;
  const names = rule.resourceNames ?? [];
  return (
    has(rule.operations, operation) &&
    has(rule.apiGroups, kind.group) &&
    has(rule.apiVersions, kind.version) &&
    (rule.resources ?? []).some((each) => isResource(each, kind.plural, subresource)) &&
    isInScope(rule.scope ?? '*', target) &&
    (name === undefined || names.length === 0 || names.includes(name))
  );
}

function has(list: readonly string[] | undefined, word: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(word));
}

function isResource(pattern: string, plural: string, subresource: string): boolean {
  const [resource = '', sub = ''] = pattern.split('/', 2);
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
}

/** A namespace is no object in a namespace, though its requests name one. */
function isInScope(scope: string, { kind, namespace }: Target): boolean {
  const inside = namespace !== '' && !(kind.group === '' && kind.plural === 'namespaces');
  return scope === '*' || (scope === 'Namespaced') === inside;
}
