import { describe, expect, it } from 'vitest';
import { resourceAttributes } from '../attributes.ts';
import { describeRules, missingRules, ruleAllows } from './rules.ts';

const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };

describe('ruleAllows', () => {
  it.each([
    [pods, { verb: 'get', resource: 'pods' }, true],
    [pods, { verb: 'delete', resource: 'pods' }, false],
    [pods, { verb: 'get', resource: 'pods', subresource: 'log' }, false],
    [pods, { verb: 'get', resource: 'pods', group: 'apps' }, false],
    [{ ...pods, verbs: ['*'] }, { verb: 'anything', resource: 'pods' }, true],
    [{ ...pods, resources: ['*'] }, { verb: 'get', resource: 'x', subresource: 'y' }, true],
    [{ ...pods, resources: ['*/scale'] }, { verb: 'get', resource: 'x', subresource: 'scale' }, true],
    [{ ...pods, resources: ['*/scale'] }, { verb: 'get', resource: 'x' }, false],
    [{ ...pods, resourceNames: ['a'] }, { verb: 'get', resource: 'pods', name: 'a' }, true],
    [{ ...pods, resourceNames: ['a'] }, { verb: 'get', resource: 'pods', name: 'b' }, false],
    [{ ...pods, resourceNames: ['a'] }, { verb: 'list', resource: 'pods' }, false],
  ])('%j for %j: %s', (rule, asked, allowed) => {
    expect(ruleAllows(rule, resourceAttributes(asked))).toBe(allowed);
  });

  it.each([
    ['/metrics', '/metrics', true],
    ['/metrics', '/metrics/slis', false],
    ['/healthz/*', '/healthz/ping', true],
    ['/healthz/*', '/healthz', false],
    ['*', '/anything', true],
  ])('path %s for %s: %s', (url, path, allowed) => {
    const asked = { ...resourceAttributes({ verb: 'get', resource: '' }), isResource: false, path };
    expect(ruleAllows({ nonResourceURLs: [url], verbs: ['get'] }, asked)).toBe(allowed);
    expect(ruleAllows({ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, asked)).toBe(false);
  });
});

describe('missingRules', () => {
  it.each([
    [[pods], [{ ...pods, verbs: ['get'] }], 0],
    [[pods], [{ ...pods, verbs: ['*'] }], 1],
    [[{ ...pods, verbs: ['*'] }], [pods], 0],
    [[{ ...pods, resourceNames: ['a'] }], [pods], 2],
    [[pods], [{ ...pods, resourceNames: ['a', 'b'] }], 0],
    [[{ ...pods, resources: ['a/b/c'] }], [{ ...pods, resources: ['a/b/c'] }], 0],
    [
      [{ nonResourceURLs: ['/a/*'], verbs: ['get'] }],
      [{ nonResourceURLs: ['/a/b', '/c'], verbs: ['get'] }],
      1,
    ],
  ])('%j against %j: %i parts', (owned, wanted, count) => {
    expect(missingRules(owned, wanted)).toHaveLength(count);
  });

  it('is told as upstream tells it', () => {
    expect(describeRules(missingRules([], [{ ...pods, resources: ['pods', 'nodes'] }]))).toEqual([
      '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
      '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
    ]);
  });
});
