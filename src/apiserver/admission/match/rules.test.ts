import { describe, expect, it } from 'vitest';
import type { Rule } from '#api/admissionregistration.k8s.io/match.ts';
import { namespace } from '#api/core/namespace.ts';
import { pod } from '#api/core/pod.ts';
import type { KindDefinition } from '#api/kind.ts';
import { Catalog } from '../../registry/catalog.ts';
import type { Target } from '../plugin.ts';
import { isAbout, matchedKind } from './rules.ts';

const rule: Rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const target = (more: Partial<Target> = {}): Target => ({
  operation: 'CREATE',
  kind: pod,
  subresource: '',
  namespace: 'n',
  ...more,
});
const itself: Partial<Target> = { kind: namespace, namespace: 'n' };

describe('a rule is about', () => {
  it.each<[string, Partial<Rule>, Partial<Target>, boolean]>([
    ['what it names', {}, {}, true],
    ['no other operation', {}, { operation: 'UPDATE' }, false],
    ['all operations', { operations: ['*'] }, { operation: 'CONNECT' }, true],
    ['no other group', { apiGroups: ['apps'] }, {}, false],
    ['no other version', { apiVersions: ['v2'] }, {}, false],
    ['no subresource that it does not name', {}, { subresource: 'status' }, false],
    ['the subresource it names', { resources: ['pods/status'] }, { subresource: 'status' }, true],
    ['everything below', { resources: ['pods/*'] }, { subresource: 'status' }, true],
    ['a resource and everything below', { resources: ['pods/*'] }, {}, true],
    ['one subresource of all', { resources: ['*/status'] }, { subresource: 'status' }, true],
    ['all resources without what is below', { resources: ['*'] }, { subresource: 'status' }, false],
    ['everything', { resources: ['*/*'] }, { subresource: 'status' }, true],
    ['objects in namespaces', { scope: 'Namespaced' }, {}, true],
    ['no object in a namespace', { scope: 'Cluster' }, {}, false],
    ['a namespace, which is in none', { scope: 'Cluster', resources: ['namespaces'] }, itself, true],
    ['no namespace', { scope: 'Namespaced', resources: ['namespaces'] }, itself, false],
  ])('%s', (_what, change, request, expected) => {
    expect(isAbout({ ...rule, ...change }, target(request))).toBe(expected);
  });

  it('names, where it has them', () => {
    expect(isAbout({ ...rule, resourceNames: ['a'] }, target(), 'a')).toBe(true);
    expect(isAbout({ ...rule, resourceNames: ['a'] }, target(), 'b')).toBe(false);
  });
});

it('the same resource in another version counts as equivalent', () => {
  const [v1, v2] = ['v1', 'v2'].map((version): KindDefinition => ({ ...pod, group: 'x.io', version }));
  const catalog = new Catalog([v1, v2].filter((kind) => kind !== undefined));
  const rules: readonly Rule[] = [{ ...rule, apiGroups: ['x.io'] }];
  const request = target({ kind: v2 ?? pod });
  expect(matchedKind({ rules }, request, catalog)?.version).toBe('v1');
  expect(matchedKind({ rules, matchPolicy: 'Exact' }, request, catalog)).toBeUndefined();
  expect(matchedKind({ rules: [] }, request, catalog)).toBeUndefined();
});
