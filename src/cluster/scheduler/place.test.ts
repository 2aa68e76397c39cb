import { describe, expect, it } from 'vitest';
import type { Pod } from '#api/core/pod.ts';
import { explainRefusal } from './explain.ts';
import type { NodeView } from './filters.ts';
import { podRequests } from './resources.ts';
import { place } from './scheduler.ts';
import { br1, nodeNamed, podNamed, view } from './test-objects.ts';

const ready = nodeNamed('node1');
const taint = (effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute') =>
  nodeNamed('node1', { spec: { taints: [{ key: 'gpu', value: 'yes', effect }] } });
const port = (hostPort: number) => ({
  name: 'c',
  ports: [{ containerPort: hostPort, hostPort, protocol: 'TCP' as const }],
});
const needsHost = (operator: 'In' | 'NotIn', ...values: string[]): Partial<Pod['spec']> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator, values }] }],
      },
    },
  },
});
const apart: Partial<Pod['spec']> = {
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          topologyKey: 'kubernetes.io/hostname',
          labelSelector: { matchLabels: { 'kubevirt.io': 'virt-launcher' } },
        },
      ],
    },
  },
};

describe('place', () => {
  const cases: readonly (readonly [string, Pod, readonly NodeView[], string])[] = [
    ['an empty node', podNamed('a'), [view(ready)], 'node1'],
    ['the emptier node', podNamed('a'), [view(ready, podNamed('x')), view(nodeNamed('node2'))], 'node2'],
    [
      'the less allocated node',
      podNamed('a'),
      [
        view(nodeNamed('node1', {}, { memory: '1Gi' }), podNamed('x', {}, { memory: '512Mi' })),
        view(nodeNamed('node2'), podNamed('y', {}, { memory: '512Mi' })),
      ],
      'node2',
    ],
    [
      'a free port of the node',
      podNamed('a', { hostNetwork: true, containers: [port(80)] }),
      [
        view(ready, podNamed('x', { containers: [port(80)] })),
        view(nodeNamed('node2'), podNamed('y'), podNamed('z')),
      ],
      'node2',
    ],
    [
      'a port that is taken',
      podNamed('a', { containers: [port(80)] }),
      [view(ready, podNamed('x', { containers: [port(80)] }))],
      "1 node(s) didn't have free ports for the requested pod ports",
    ],
    ['node1 among equals', podNamed('a'), [view(nodeNamed('node2')), view(ready)], 'node1'],
    ['no node', podNamed('a'), [], 'no nodes available to schedule pods'],
    [
      'a selector',
      podNamed('a', { nodeSelector: { 'kubernetes.io/hostname': 'node2' } }),
      [view(ready), view(nodeNamed('node2'))],
      'node2',
    ],
    [
      'a selector nobody meets',
      podNamed('a', { nodeSelector: { disk: 'ssd' } }),
      [view(ready)],
      "1 node(s) didn't match Pod's node affinity/selector",
    ],
    [
      'affinity In',
      podNamed('a', needsHost('In', 'node2')),
      [view(ready), view(nodeNamed('node2'))],
      'node2',
    ],
    [
      'affinity NotIn',
      podNamed('a', needsHost('NotIn', 'node1')),
      [view(ready)],
      "1 node(s) didn't match Pod's node affinity/selector",
    ],
    [
      'anti-affinity of the pod',
      podNamed('a', apart),
      [view(ready, podNamed('x')), view(nodeNamed('node2'))],
      'node2',
    ],
    [
      'anti-affinity of another',
      podNamed('a'),
      [view(ready, podNamed('x', apart))],
      "1 node(s) didn't satisfy existing pods anti-affinity rules",
    ],
    [
      'anti-affinity nobody meets',
      podNamed('a', apart),
      [view(ready, podNamed('x'))],
      "1 node(s) didn't match pod anti-affinity rules",
    ],
    [
      'a cordoned node',
      podNamed('a'),
      [view(nodeNamed('node1', { spec: { unschedulable: true } }))],
      '1 node(s) were unschedulable',
    ],
    ['a taint', podNamed('a'), [view(taint('NoSchedule'))], '1 node(s) had untolerated taint {gpu: yes}'],
    ['a soft taint', podNamed('a'), [view(taint('PreferNoSchedule'))], 'node1'],
    [
      'a toleration by key',
      podNamed('a', { tolerations: [{ key: 'gpu', operator: 'Exists' }] }),
      [view(taint('NoExecute'))],
      'node1',
    ],
    [
      'a toleration by value',
      podNamed('a', { tolerations: [{ key: 'gpu', value: 'yes' }] }),
      [view(taint('NoSchedule'))],
      'node1',
    ],
    [
      'a toleration of another value',
      podNamed('a', { tolerations: [{ key: 'gpu', value: 'no' }] }),
      [view(taint('NoSchedule'))],
      '1 node(s) had untolerated taint {gpu: yes}',
    ],
    [
      'a toleration of everything',
      podNamed('a', { tolerations: [{ operator: 'Exists' }] }),
      [view(taint('NoSchedule'))],
      'node1',
    ],
    [
      'a node that is not ready',
      podNamed('a'),
      [view(nodeNamed('node1', { status: {} }))],
      '1 node(s) were not ready',
    ],
    [
      'memory',
      podNamed('a', {}, { memory: '7Gi' }),
      [view(ready, podNamed('x', {}, { memory: '2Gi' }))],
      '1 Insufficient memory. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod. It asks for 7Gi of memory; free: node1 6Gi.',
    ],
    [
      'cpu',
      podNamed('a', {}, { cpu: '4100m' }),
      [view(ready)],
      '1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling. It asks for 4100m of cpu; free: node1 4.',
    ],
    ['pods', podNamed('a'), [view(nodeNamed('node1', {}, { pods: '1' }), podNamed('x'))], '1 Too many pods'],
    [
      'a bridge',
      podNamed('a', {}, { [br1]: '1' }),
      [view(ready), view(nodeNamed('node2', {}, { [br1]: '1k' }))],
      'node2',
    ],
  ];
  it.each(cases)('%s', (_name, one, views, wanted) => {
    const placement = place(one, views);
    const told = 'refusal' in placement ? placement.refusal : placement.nodeName;
    expect('refusal' in placement ? told.includes(wanted) : told === wanted, told).toBe(true);
  });

  it('tells which bridges there are, and the near misspelling', () => {
    const wants = podNamed('a', {}, { [br1]: '1' });
    const refuse = (...names: readonly string[]) =>
      explainRefusal(
        wants,
        ['node1', 'node2'].map((name) => ({
          view: view(
            nodeNamed(
              name,
              {},
              Object.fromEntries(names.map((bridge) => [`bridge.network.kubevirt.io/${bridge}`, '1k'])),
            ),
          ),
          rejections: [{ reason: `Insufficient ${br1}`, mayFitLater: false, resource: br1 }],
        })),
      );
    const text = `0/2 nodes are available: 2 Insufficient ${br1}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.`;
    expect([refuse(), refuse('br2'), refuse('physnet')]).toEqual([
      `${text} No node has a bridge named br1; there are none. Make br1 with a NodeNetworkConfigurationPolicy.`,
      `${text} No node has a bridge named br1; there are: br2 (node1, node2). Did you mean br2? Then mend "bridge" and the annotation k8s.v1.cni.cncf.io/resourceName of the NetworkAttachmentDefinition.`,
      `${text} No node has a bridge named br1; there are: physnet (node1, node2). Make br1 with a NodeNetworkConfigurationPolicy.`,
    ]);
  });
});

describe('physical networks', () => {
  const views = (one: readonly string[], two: readonly string[]): NodeView[] =>
    [one, two].map((names, index) => ({
      ...view(nodeNamed(`node${index + 1}`)),
      mappings: new Map(names.map((name) => [name, 'br-ex'])),
    }));
  const refusal = (one: readonly string[], two: readonly string[], spec?: Partial<Pod['spec']>): string => {
    const placement = place(podNamed('a', spec), views(one, two), ['physnet1']);
    return 'refusal' in placement ? placement.refusal : placement.nodeName;
  };

  it('are looked for on the nodes', () => {
    expect(refusal([], ['physnet1'])).toBe('node2');
    expect(place(podNamed('a'), [view(nodeNamed('node1'))], ['physnet1'])).toEqual({ nodeName: 'node1' });
  });

  it.each<[string, readonly string[], string]>([
    ['near', ['physnet2'], 'mapped are: physnet2. Did you mean "physnet2"? Map it with a NodeNetworkConf'],
    ['none', [], 'Physical network "physnet1" is mapped on no node; no node maps any. Map it with'],
  ])('and told when no node has them: %s', (_name, names, text) => {
    const told = refusal(names, names);
    expect(told).toContain('2 node(s) had no bridge mapping for physical network "physnet1"');
    expect(told).toContain(text);
  });

  it('and told when another node has them', () => {
    const told = refusal([], ['physnet1'], { nodeSelector: { 'kubernetes.io/hostname': 'node1' } });
    expect(told).toContain('Physical network "physnet1" is mapped on node2 only.');
  });
});

describe('podRequests', () => {
  it.each([
    [[], [{ requests: { cpu: '100m' } }, { requests: { cpu: '0.2' } }], 300],
    [[{ requests: { cpu: '1' } }], [{ requests: { cpu: '100m' } }], 1000],
    [[], [{ limits: { cpu: '2' } }], undefined],
  ])('init %j, containers %j: cpu %j', (inits, containers, cpu) => {
    const named = (list: readonly object[]) => list.map((resources, i) => ({ name: `c${i}`, resources }));
    const one = podNamed('a', { initContainers: named(inits), containers: named(containers) });
    expect(podRequests(one).get('cpu')).toBe(cpu);
  });

  it('are those of the pod as a whole where it names any, and the pod itself', () => {
    const resources = { requests: { cpu: '2', memory: '1Gi' } };
    const one = podNamed('a', {
      resources,
      containers: [{ name: 'c', resources: { requests: { cpu: '1', 'example.com/gpu': '1' } } }],
    });
    expect(Object.fromEntries(podRequests(one))).toEqual({
      pods: 1,
      cpu: 2000,
      memory: 1024 ** 3,
      'example.com/gpu': 1,
    });
  });
});
