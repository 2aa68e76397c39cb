import { describe, expect, it } from 'vitest';
import { amountText } from '#api/amount.ts';
import type { Pod } from '#api/core/pod.ts';
import type { ResourceQuota } from '#api/core/resource-quota.ts';
import type { KubeObject } from '#api/meta.ts';
import { counted, isInScopes, missingRequirements, usageOf } from './usage.ts';

type Spec = Partial<Pod['spec']>;
const now = Date.parse('2026-01-01T00:00:00Z');
const pod = (spec: Spec, more: Partial<Pod> = {}): Pod => ({
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'c' }], ...spec },
  ...more,
});
const asking: Spec = {
  containers: [
    {
      name: 'c',
      resources: { requests: { cpu: '500m', memory: '1Gi', 'x.io/gpu': '1' }, limits: { cpu: '1' } },
    },
  ],
};

describe('usage', () => {
  it.each<[string, KubeObject & Record<string, unknown>, Record<string, string>]>([
    [
      'pods',
      { ...pod(asking) },
      {
        'count/pods': '1',
        pods: '1',
        cpu: '500m',
        memory: '1Gi',
        'requests.cpu': '500m',
        'requests.memory': '1Gi',
        'requests.x.io/gpu': '1',
        'limits.cpu': '1',
      },
    ],
    ['pods', { ...pod(asking, { status: { phase: 'Succeeded' } }) }, { 'count/pods': '1' }],
    ['configmaps', { metadata: { name: 'm' } }, { 'count/configmaps': '1', configmaps: '1' }],
    [
      'services',
      { metadata: { name: 's' }, spec: { type: 'LoadBalancer', ports: [{ port: 1 }, { port: 2 }] } },
      { 'count/services': '1', services: '1', 'services.nodeports': '2', 'services.loadbalancers': '1' },
    ],
    [
      'virtualmachines.kubevirt.io',
      { metadata: { name: 'v' } },
      { 'count/virtualmachines.kubevirt.io': '1' },
    ],
    [
      'persistentvolumeclaims',
      { metadata: { name: 'c' }, spec: { resources: { requests: { storage: '5Gi' } } } },
      { 'count/persistentvolumeclaims': '1', persistentvolumeclaims: '1', 'requests.storage': '5Gi' },
    ],
  ])('of %s', (resource, object, expected) => {
    const usage = [...usageOf(resource, object, now)].map(([name, amount]) => [name, amountText(amount)]);
    expect(Object.fromEntries(usage)).toEqual(expected);
  });

  it.each([
    ['requests.cpu', 'pods'],
    ['limits.memory', 'pods'],
    ['requests.x.io/gpu', 'pods'],
    ['hugepages-2Mi', 'pods'],
    ['services.nodeports', 'services'],
    ['requests.storage', 'persistentvolumeclaims'],
    ['fast.storageclass.storage.k8s.io/requests.storage', 'persistentvolumeclaims'],
    ['count/virtualmachines.kubevirt.io', 'virtualmachines.kubevirt.io'],
    ['secrets', 'secrets'],
  ])('%s is about %s', (name, resource) => {
    expect(counted(name)).toBe(resource);
  });
});

describe('scopes', () => {
  const quota = (spec: NonNullable<ResourceQuota['spec']>): ResourceQuota => ({
    metadata: { name: 'q' },
    spec,
  });
  const classes = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', ...values: string[]) =>
    quota({ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] } });
  it.each<[ResourceQuota, Spec, boolean]>([
    [quota({ scopes: ['BestEffort'] }), {}, true],
    [quota({ scopes: ['BestEffort'] }), asking, false],
    [quota({ scopes: ['NotBestEffort', 'Terminating'] }), asking, false],
    [quota({ scopes: ['NotBestEffort', 'Terminating'] }), { ...asking, activeDeadlineSeconds: 5 }, true],
    [quota({ scopes: ['NotTerminating'] }), {}, true],
    [classes('In', 'high'), { priorityClassName: 'high' }, true],
    [classes('In', 'high'), { priorityClassName: 'low' }, false],
    [classes('NotIn', 'high'), { priorityClassName: 'low' }, true],
    [classes('Exists'), {}, false],
    [classes('DoesNotExist'), {}, true],
  ])('%#', (given, spec, expected) => {
    expect(isInScopes(given, pod(spec))).toBe(expected);
  });
});

it('says what containers must name', () => {
  const given = pod({ containers: [{ name: 'b' }, { name: 'a', resources: { limits: { cpu: '1' } } }] });
  expect(missingRequirements(given, ['pods', 'limits.cpu', 'requests.memory'])).toBe(
    'must specify limits.cpu for: b; requests.memory for: a,b',
  );
  expect(missingRequirements(given, ['pods', 'requests.x.io/gpu'])).toBeUndefined();
  const whole = { ...given, spec: { ...given.spec, resources: { requests: { memory: '1Gi' } } } };
  expect(missingRequirements(whole, ['limits.cpu', 'requests.memory'])).toBeUndefined();
});
