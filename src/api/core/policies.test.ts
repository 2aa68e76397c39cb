import { describe, expect, it } from 'vitest';
import { type EndpointSlice, endpointSlice } from '../discovery.k8s.io/endpoint-slice.ts';
import type { KindDefinition } from '../kind.ts';
import { selectorText } from '../label-rules.ts';
import type { KubeObject } from '../meta.ts';
import { type NetworkPolicy, networkPolicy } from '../networking.k8s.io/network-policy.ts';
import { runtimeClass } from '../node.k8s.io/runtime-class.ts';
import { type PodDisruptionBudget, podDisruptionBudget } from '../policy/pod-disruption-budget.ts';
import { priorityClass } from '../scheduling.k8s.io/priority-class.ts';
import { briefly, requestFor } from '../testing.ts';
import { type Endpoints, endpoints } from './endpoints.ts';
import { type LimitRange, limitRange } from './limit-range.ts';
import { type ResourceQuota, resourceQuota } from './resource-quota.ts';

const metadata = { name: 'a', namespace: 'ns' };
const causesOf = <T extends KubeObject>(kind: KindDefinition<T>, object: T, old?: T) =>
  briefly(kind.validate?.(requestFor(object, old === undefined ? {} : { operation: 'UPDATE', old })) ?? []);
const cells = (kind: KindDefinition, object: KubeObject) =>
  kind.columns.flatMap(({ value }) => value?.(object, new Date()) ?? []);

describe('NetworkPolicies', () => {
  it.each<readonly [NonNullable<NetworkPolicy['spec']>, readonly string[]]>([
    [{}, ['Ingress']],
    [{ egress: [{}] }, ['Ingress', 'Egress']],
    [{ policyTypes: ['Egress'] }, ['Egress']],
  ])('%j is about %j', (spec, expected) => {
    expect(networkPolicy.mutate?.(requestFor({ metadata, spec })).spec?.policyTypes).toEqual(expected);
  });

  it.each<readonly [NonNullable<NetworkPolicy['spec']>, readonly string[]]>([
    [{ podSelector: { matchLabels: { 'bad key': 'x' } } }, ['Invalid spec.podSelector.matchLabels']],
    [{ ingress: [{ from: [{}] }] }, ['Required spec.ingress[0].from[0]']],
    [
      { ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
      ['Forbidden spec.ingress[0].from[0]'],
    ],
    [
      { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/33' } }] }] },
      ['Invalid spec.egress[0].to[0].ipBlock.cidr'],
    ],
    [
      {
        egress: [
          { to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '11.0.0.0/16', '10.0.0.0/8'] } }] },
        ],
      },
      ['Invalid spec.egress[0].to[0].ipBlock.except[1]', 'Invalid spec.egress[0].to[0].ipBlock.except[2]'],
    ],
    [
      {
        ingress: [
          { ports: [{ port: 80, endPort: 70 }, { port: 'http', endPort: 90 }, { endPort: 1 }, { port: 0 }] },
        ],
      },
      [
        'Invalid spec.ingress[0].ports[0].endPort',
        'Invalid spec.ingress[0].ports[1].endPort',
        'Invalid spec.ingress[0].ports[2].endPort',
        'Invalid spec.ingress[0].ports[3].port',
      ],
    ],
  ])('%j', (spec, expected) => {
    expect(causesOf(networkPolicy, { metadata, spec })).toEqual(expected);
  });

  it('show their selector', () => {
    expect(cells(networkPolicy, { metadata, spec: { podSelector: {} } } as NetworkPolicy)).toEqual([
      '<none>',
    ]);
    const selector = {
      matchLabels: { b: '1', a: '2' },
      matchExpressions: [{ key: 'aa', operator: 'In', values: ['y', 'x'] }],
    };
    expect(selectorText(selector)).toBe('a=2,aa in (x,y),b=1');
  });
});

describe('addresses of endpoints', () => {
  it.each([
    ['10.0.0.1', true],
    ['fd00::1', true],
    ['127.0.0.1', false],
    ['::1', false],
    ['169.254.169.254', false],
    ['fe80::1', false],
    ['0.0.0.0', false],
    ['::', false],
    ['224.0.0.5', false],
    ['::ffff:127.0.0.1', false],
    ['host', false],
  ])('%s: %s', (ip, good) => {
    const one: Endpoints = { metadata, subsets: [{ addresses: [{ ip }], ports: [{ port: 80 }] }] };
    expect(causesOf(endpoints, one)).toEqual(good ? [] : ['Invalid subsets[0].addresses[0].ip']);
    const addressType = ip.includes(':') ? 'IPv6' : 'IPv4';
    const slice: EndpointSlice = { metadata, addressType, endpoints: [{ addresses: [ip] }] };
    expect(causesOf(endpointSlice, slice)).toEqual(good ? [] : ['Invalid endpoints[0].addresses[0]']);
  });

  it('the type of a slice stays, and its families do not mix', () => {
    const old: EndpointSlice = { metadata, addressType: 'IPv6', endpoints: [] };
    const slice: EndpointSlice = { metadata, addressType: 'IPv4', endpoints: [{ addresses: ['fd00::1'] }] };
    expect(causesOf(endpointSlice, slice, old)).toEqual([
      'Invalid endpoints[0].addresses[0]',
      'Invalid addressType',
    ]);
  });

  it('are shown, three at most', () => {
    const addresses = ['1', '2', '3', '4'].map((last) => ({ ip: `10.0.0.${last}` }));
    const one: Endpoints = { metadata, subsets: [{ addresses, ports: [{ port: 80 }] }] };
    expect(cells(endpoints, one)).toEqual(['10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...']);
    expect(cells(endpoints, { metadata })).toEqual(['<none>']);
  });
});

describe('PodDisruptionBudgets', () => {
  it.each<readonly [NonNullable<PodDisruptionBudget['spec']>, readonly string[]]>([
    [{ minAvailable: 1, selector: {} }, []],
    [{ minAvailable: 1, maxUnavailable: 1 }, ['Invalid spec']],
    [{ maxUnavailable: '101%' }, ['Invalid spec.maxUnavailable']],
    [{ minAvailable: -1 }, ['Invalid spec.minAvailable']],
  ])('%j', (spec, expected) => {
    expect(causesOf(podDisruptionBudget, { metadata, spec })).toEqual(expected);
  });
});

describe('classes', () => {
  it.each([
    ['high', 1000, []],
    ['higher', 1_000_000_001, ['Forbidden value']],
    ['system-node-critical', 2_000_001_000, []],
    ['system-mine', 1, ['Forbidden metadata.name']],
  ])('PriorityClass %s %i', (name, value, expected) => {
    expect(causesOf(priorityClass, { metadata: { name }, value })).toEqual(expected);
  });

  it('one PriorityClass is the default, and values stay', () => {
    const other = { metadata: { name: 'b' }, value: 1, globalDefault: true };
    const one = { metadata: { name: 'a' }, value: 2, globalDefault: true };
    const request = requestFor(one, { operation: 'UPDATE', old: { ...one, value: 1 } }, [
      [priorityClass, other],
    ]);
    expect(briefly(priorityClass.validate?.(request) ?? [])).toEqual([
      'Forbidden globalDefault',
      'Forbidden value',
    ]);
  });

  it('RuntimeClasses name a handler for good', () => {
    const one = { metadata: { name: 'a' }, handler: 'Crun' };
    expect(causesOf(runtimeClass, one, { ...one, handler: 'crun' })).toEqual([
      'Invalid handler',
      'Invalid handler',
    ]);
  });
});

describe('limits of namespaces', () => {
  it.each<readonly [NonNullable<ResourceQuota['spec']>, readonly string[]]>([
    [
      {
        hard: {
          pods: '4',
          'requests.cpu': '1',
          'count/virtualmachines.kubevirt.io': '2',
          'services.nodeports': '0',
        },
      },
      [],
    ],
    [{ hard: { nonsense: '4' } }, ['Invalid spec.hard[nonsense]']],
    [{ hard: { pods: '-4' } }, ['Invalid spec.hard[pods]']],
    [{ hard: { pods: '4' }, scopes: ['BestEffort', 'NotBestEffort'] }, ['Invalid spec.scopes']],
    [{ hard: { services: '4' }, scopes: ['Terminating'] }, ['Invalid spec.scopes']],
  ])('quota %j', (spec, expected) => {
    expect(causesOf(resourceQuota, { metadata, spec })).toEqual(expected);
  });

  it('show requests and limits apart', () => {
    const status = { hard: { pods: '4', 'limits.cpu': '2' }, used: { pods: '1', 'limits.cpu': '500m' } };
    expect(cells(resourceQuota, { metadata, status } as ResourceQuota)).toEqual([
      'pods: 1/4',
      'limits.cpu: 500m/2',
    ]);
  });

  it('limit ranges complete their defaults', () => {
    const one: LimitRange = {
      metadata,
      spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] },
    };
    expect(limitRange.mutate?.(requestFor(one)).spec?.limits[0]).toEqual({
      type: 'Container',
      max: { cpu: '2' },
      min: { memory: '1Mi' },
      default: { cpu: '2' },
      defaultRequest: { cpu: '2', memory: '1Mi' },
    });
  });

  it.each<readonly [NonNullable<LimitRange['spec']>['limits'], readonly string[]]>([
    [[{ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } }], ['Invalid spec.limits[0].min[cpu]']],
    [[{ type: 'Pod' }, { type: 'Pod' }], ['Duplicate spec.limits[1].type']],
    [[{ type: 'Pod', default: { cpu: '1' } }], ['Forbidden spec.limits[0].default']],
  ])('limit range %j', (limits, expected) => {
    expect(causesOf(limitRange, { metadata, spec: { limits } })).toEqual(expected);
  });
});
