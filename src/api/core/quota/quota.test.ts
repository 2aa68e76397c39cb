import { describe, expect, it } from 'vitest';
import { limitRefusals, withLimitDefaults } from '../admission/limit-range-rules.ts';
import { resolvePriority } from '../admission/pod-priority.ts';
import type { LimitRange, LimitRangeItem } from '../limit-range.ts';
import { type Pod, pod } from '../pod.ts';
import type { ResourceQuota } from '../resource-quota.ts';
import { type Service, service } from '../service.ts';
import { quotaRefusal } from './enforce.ts';
import { counts, formatAmount, usageOf, usedOf } from './usage.ts';

const metadata = { name: 'a', namespace: 'ns' };
const podOf = (requests = {}, limits = {}, spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata,
  spec: { containers: [{ name: 'main', resources: { requests, limits } }], ...spec },
});
const quotaOf = (hard: Record<string, string>, extra: object = {}): ResourceQuota => ({
  metadata: { name: 'q', namespace: 'ns' },
  spec: { hard, ...extra },
});
const vms = {
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachine',
  plural: 'virtualmachines',
  namespaced: true,
};

describe('usage', () => {
  it('of a pod counts requests and limits', () => {
    expect(Object.fromEntries(usageOf(pod, podOf({ cpu: '100m', memory: '1Gi' }, { cpu: '0.3' })))).toEqual({
      'count/pods': 1,
      pods: 1,
      cpu: 100,
      'requests.cpu': 100,
      memory: 2 ** 30,
      'requests.memory': 2 ** 30,
      'limits.cpu': 300,
    });
  });

  it('of a pod at its end is its object alone', () => {
    const over: Pod = { ...podOf({ cpu: '1' }), status: { phase: 'Succeeded' } };
    expect([...usageOf(pod, over)]).toEqual([['count/pods', 1]]);
  });

  it.each<readonly [Service['spec'], number, number]>([
    [{ type: 'ClusterIP', ports: [{ port: 1 }] }, 0, 0],
    [{ type: 'NodePort', ports: [{ port: 1 }, { port: 2 }] }, 0, 2],
    [{ type: 'LoadBalancer', ports: [{ port: 1 }] }, 1, 1],
    [{ type: 'LoadBalancer', ports: [{ port: 1 }], allocateLoadBalancerNodePorts: false }, 1, 0],
  ])('of service %j', (spec, balancers, nodePorts) => {
    const usage = usageOf(service, { metadata, spec } as Service);
    expect(usage.get('services.loadbalancers')).toBe(balancers);
    expect(usage.get('services.nodeports')).toBe(nodePorts);
  });

  it('is summed over what the quota names', () => {
    const quota = quotaOf({
      pods: '9',
      'requests.cpu': '9',
      'requests.memory': '9Gi',
      'count/virtualmachines.kubevirt.io': '2',
      'count/no.such': '1',
    });
    const list = (kind: { readonly plural: string }) =>
      kind.plural === 'pods'
        ? [podOf({ cpu: '0.1', memory: '512Mi' }), podOf({ cpu: '0.2', memory: '1Gi' })]
        : [{ metadata }];
    expect(usedOf(quota, [pod, vms], list)).toEqual({
      pods: '2',
      'requests.cpu': '300m',
      'requests.memory': '1536Mi',
      'count/virtualmachines.kubevirt.io': '1',
    });
  });

  it.each([
    ['cpu', 2000, '2'],
    ['limits.cpu', 1500, '1500m'],
    ['requests.memory', 3 * 2 ** 20, '3Mi'],
    ['memory', 1500, '1500'],
    ['pods', 1024, '1024'],
  ])('%s %i is %s', (name, amount, text) => {
    expect(formatAmount(name, amount)).toBe(text);
  });
});

describe('scopes', () => {
  it.each<readonly [object, Pod, boolean]>([
    [{}, podOf(), true],
    [{ scopes: ['BestEffort'] }, podOf(), true],
    [{ scopes: ['BestEffort'] }, podOf({ cpu: '1' }), false],
    [
      { scopes: ['NotBestEffort', 'Terminating'] },
      podOf({ cpu: '1' }, {}, { activeDeadlineSeconds: 5 }),
      true,
    ],
    [{ scopes: ['NotTerminating'] }, podOf({}, {}, { activeDeadlineSeconds: 5 }), false],
    [
      {
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }],
        },
      },
      podOf({}, {}, { priorityClassName: 'high' }),
      true,
    ],
    [
      { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Exists' }] } },
      podOf(),
      false,
    ],
  ])('%j', (extra, one, expected) => {
    expect(counts(quotaOf({}, extra), pod, one)).toBe(expected);
    expect(counts(quotaOf({}, extra), service, { metadata })).toBe(Object.keys(extra).length === 0);
  });
});

describe('quotaRefusal', () => {
  it.each<
    readonly [Record<string, string>, Record<string, string>, Pod, Pod | undefined, string | undefined]
  >([
    [{ pods: '2' }, { pods: '1' }, podOf(), undefined, undefined],
    [
      { pods: '2' },
      { pods: '2' },
      podOf(),
      undefined,
      'exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    ],
    [{ pods: '2' }, { pods: '2' }, podOf(), podOf(), undefined],
    [
      { 'requests.cpu': '1', 'requests.memory': '1Gi' },
      { 'requests.cpu': '900m', 'requests.memory': '1Gi' },
      podOf({ cpu: '200m', memory: '512Mi' }),
      undefined,
      'exceeded quota: q, requested: requests.cpu=200m,requests.memory=512Mi, used: requests.cpu=900m,requests.memory=1Gi, limited: requests.cpu=1,requests.memory=1Gi',
    ],
    [{ 'limits.cpu': '1' }, {}, podOf(), undefined, 'failed quota: q: must specify limits.cpu for: main'],
  ])('%j with %j used', (hard, used, object, old, expected) => {
    expect(quotaRefusal({ kind: pod, object, old }, [quotaOf(hard)], () => used)).toBe(expected);
  });
});

describe('limit ranges', () => {
  const rangeOf = (...limits: LimitRangeItem[]): LimitRange => ({ metadata, spec: { limits } });

  it('give requests and limits to containers that name none, and say so', () => {
    const range = rangeOf({
      type: 'Container',
      default: { cpu: '1' },
      defaultRequest: { cpu: '100m', memory: '64Mi' },
    });
    const made = withLimitDefaults(podOf({ memory: '1Gi' }), [range]);
    expect(made.spec.containers[0]?.resources).toEqual({
      requests: { cpu: '100m', memory: '1Gi' },
      limits: { cpu: '1' },
    });
    expect(made.metadata.annotations?.['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu request for container main; cpu limit for container main',
    );
    expect(
      withLimitDefaults(podOf({ cpu: 1, memory: 1 }, { cpu: 1 }), [range]).metadata.annotations,
    ).toBeUndefined();
  });

  it.each<readonly [LimitRangeItem, Pod, readonly string[]]>([
    [{ type: 'Container', max: { cpu: '1' } }, podOf({}, { cpu: '500m' }), []],
    [
      { type: 'Container', max: { cpu: '1' } },
      podOf({}, { cpu: '2' }),
      ['maximum cpu usage per Container is 1, but limit is 2'],
    ],
    [
      { type: 'Container', max: { cpu: '1' } },
      podOf(),
      ['maximum cpu usage per Container is 1.  No limit is specified'],
    ],
    [
      { type: 'Pod', min: { memory: '1Gi' } },
      podOf({ memory: '1Mi' }),
      ['minimum memory usage per Pod is 1Gi, but request is 1Mi'],
    ],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      podOf({ cpu: '1' }, { cpu: '3' }),
      ['cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000'],
    ],
  ])('%j', (item, one, expected) => {
    expect(limitRefusals(one, [rangeOf(item)])).toEqual(expected);
  });
});

describe('resolvePriority', () => {
  const high = { metadata: { name: 'high' }, value: 100, preemptionPolicy: 'Never' as const };
  const usual = { metadata: { name: 'usual' }, value: 7, globalDefault: true };
  it.each([
    [{}, [], { priority: 0, preemptionPolicy: 'PreemptLowerPriority' }],
    [{}, [high, usual], { priority: 7, priorityClassName: 'usual' }],
    [{ priorityClassName: 'high' }, [high], { priority: 100, preemptionPolicy: 'Never' }],
    [{ priorityClassName: 'system-node-critical' }, [], { priority: 2_000_001_000 }],
  ])('%j', (spec, classes, expected) => {
    expect(resolvePriority(podOf({}, {}, spec), classes)).toMatchObject({ pod: { spec: expected } });
  });

  it('refuses classes that are not there, and numbers of its own', () => {
    expect(resolvePriority(podOf({}, {}, { priorityClassName: 'x' }), [])).toEqual({
      refusal: 'no PriorityClass with name x was found',
    });
    expect(resolvePriority(podOf({}, {}, { priority: 5 }), [])).toHaveProperty('refusal');
  });
});
