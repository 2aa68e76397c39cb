/** Rules of roles: what they allow, what they cover, how they are told (component-helpers `auth/rbac/validation`). */
import { isDeepStrictEqual } from 'node:util';
import type { PolicyRule } from '#api/rbac.authorization.k8s.io/rule.ts';
import type { Attributes } from '../attributes.ts';

const none: readonly string[] = [];

/** True when a rule allows what is asked. */
export function ruleAllows(rule: PolicyRule, asked: Attributes): boolean {
  if (!includes(rule.verbs, asked.verb)) {
    return false;
  }
  if (!asked.isResource) {
    return (rule.nonResourceURLs ?? none).some((url) => urlCovers(url, asked.path));
  }
  const names = rule.resourceNames ?? none;
  return (
    includes(rule.apiGroups ?? none, asked.group) &&
    resourceMatches(rule.resources ?? none, asked.resource, asked.subresource) &&
    (names.length === 0 || names.includes(asked.name))
  );
}

function includes(list: readonly string[], wanted: string): boolean {
  return list.includes(wanted) || list.includes('*');
}

function resourceMatches(list: readonly string[], resource: string, subresource: string): boolean {
  if (list.includes('*')) {
    return true;
  }
  return subresource === ''
    ? list.includes(resource)
    : list.includes(`${resource}/${subresource}`) || list.includes(`*/${subresource}`);
}

function urlCovers(owner: string, path: string): boolean {
  return owner === '*' || owner === path || (owner.endsWith('*') && path.startsWith(owner.slice(0, -1)));
}

/** The parts of `wanted` that none of the `owned` rules covers, one verb of one resource each. */
export function missingRules(
  owned: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): readonly PolicyRule[] {
  // Mostly they are the same, and every start compares all default roles.
  const different = wanted.filter((rule, at) => !isDeepStrictEqual(rule, owned[at]));
  return different.flatMap(breakDown).filter((part) => !owned.some((rule) => ruleCovers(rule, part)));
}

function breakDown(rule: PolicyRule): readonly PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? none) {
    for (const resource of rule.resources ?? none) {
      for (const verb of rule.verbs) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] };
        const names = rule.resourceNames ?? none;
        parts.push(
          ...(names.length === 0 ? [part] : names.map((name) => ({ ...part, resourceNames: [name] }))),
        );
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? none) {
    parts.push(...rule.verbs.map((verb) => ({ nonResourceURLs: [url], verbs: [verb] })));
  }
  return parts;
}

function ruleCovers(owner: PolicyRule, part: PolicyRule): boolean {
  const [verb = ''] = part.verbs;
  const [group = ''] = part.apiGroups ?? none;
  const [name] = part.resourceNames ?? none;
  const [url] = part.nonResourceURLs ?? none;
  if (!includes(owner.verbs, verb)) {
    return false;
  }
  if (url !== undefined) {
    return (owner.nonResourceURLs ?? none).some((each) => urlCovers(each, url));
  }
  const names = owner.resourceNames ?? none;
  const [, resource = '', subresource = ''] = /^([^/]*)\/?(.*)$/.exec(part.resources?.[0] ?? '') ?? [];
  return (
    includes(owner.apiGroups ?? none, group) &&
    resourceMatches(owner.resources ?? none, resource, subresource) &&
    (names.length === 0 || (name !== undefined && names.includes(name)))
  );
}

/** Rules as upstream words them in refusals, verbs of one resource together, in order. */
export function describeRules(rules: readonly PolicyRule[]): readonly string[] {
  const simple = new Map<string, PolicyRule>();
  const described: string[] = [];
  for (const rule of rules) {
    if ((rule.resourceNames ?? none).length > 0 || (rule.nonResourceURLs ?? none).length > 0) {
      described.push(describe(rule));
      continue;
    }
    const key = `${rule.apiGroups?.[0]}/${rule.resources?.[0]}`;
    const known = simple.get(key);
    simple.set(
      key,
      known === undefined ? rule : { ...known, verbs: [...new Set([...known.verbs, ...rule.verbs])] },
    );
  }
  return [...new Set([...described, ...[...simple.values()].map(describe)])].sort();
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
function describe(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const told = parts.flatMap(([name, list]) =>
    list === undefined || list.length === 0 ? [] : [`${name}:${quoted(list)}`],
  );
  return `{${told.join(', ')}}`;
}

/** A list of strings as Go's `%q` prints it. */
export function quoted(list: readonly string[]): string {
  return `[${list.map((each) => JSON.stringify(each)).join(' ')}]`;
}
