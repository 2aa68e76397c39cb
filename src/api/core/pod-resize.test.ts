import { describe, expect, it } from 'vitest';
import { requestFor } from '../testing.ts';
import type { Container } from './container.ts';
import { type Pod, pod } from './pod.ts';

type Resources = NonNullable<Container['resources']>;

const running = (name: string) => ({
  name,
  ready: true,
  restartCount: 0,
  image: 'a:1',
  imageID: 'sha256:1',
  state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
  resources: {},
});
const one = (resources: Resources, more: Partial<Container> = {}): Container => ({
  name: 'c',
  image: 'a:1',
  resources,
  ...more,
});
const podOf = (containers: readonly Container[], spec: Partial<Pod['spec']> = {}): Pod => {
  const object: Pod = { metadata: { name: 'p' }, spec: { ...spec, containers } };
  return pod.mutate?.(requestFor(object)) ?? object;
};
const burstable = podOf([one({ requests: { cpu: '100m', memory: '32Mi' }, limits: { memory: '64Mi' } })]);

/** What the server makes of it: defaults, then causes as `field: message`. */
function resize(old: Pod, containers: readonly Container[], spec: Partial<Pod['spec']> = {}) {
  const asked: Pod = { ...old, spec: { ...old.spec, ...spec, containers } };
  const request = { operation: 'UPDATE', old, subresource: 'resize' } as const;
  const object = pod.mutate?.(requestFor(asked, request)) ?? asked;
  const causes = pod.validate?.(requestFor(object, request)) ?? [];
  return { object, causes: causes.map(({ field, message }) => `${field}: ${message}`) };
}
const with_ = (resources: Resources, old = burstable): readonly Container[] =>
  old.spec.containers.map((container) => ({ ...container, resources }));

describe('a resize policy', () => {
  it('is stored as it is given: there is no default, and none means NotRequired', () => {
    const policy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    const { containers } = podOf([
      one({ limits: { memory: '1Gi' } }),
      one({ requests: { cpu: '1', memory: '1Gi' } }, { name: 'd', resizePolicy: policy }),
    ]).spec;
    expect(containers.map(({ resizePolicy }) => resizePolicy)).toEqual([undefined, policy]);
  });

  it.each([
    [
      [{ resourceName: 'disk', restartPolicy: 'NotRequired' }],
      ['spec.containers[0].resizePolicy: supported values: "cpu", "memory"'],
    ],
    [
      [{ resourceName: 'cpu', restartPolicy: 'Never' }],
      [
        'spec.containers[0].resizePolicy: supported values: "NotRequired", "RestartContainer"',
        "spec.containers[0].resizePolicy: must be 'NotRequired' when `restartPolicy` is 'Never'",
      ],
    ],
    [
      [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
      ["spec.containers[0].resizePolicy: must be 'NotRequired' when `restartPolicy` is 'Never'"],
    ],
    [
      [
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
      ],
      ['spec.containers[0].resizePolicy[1]: '],
    ],
  ])('%j is refused', (resizePolicy, expected) => {
    const object = podOf([one({}, { resizePolicy })], { restartPolicy: 'Never' });
    const causes = pod.validate?.(requestFor(object)) ?? [];
    expect(causes.map(({ field, message }) => `${field}: ${message}`)).toEqual(expected);
  });
});

describe('a resize', () => {
  it('changes, adds and defaults amounts of cpu and memory', () => {
    const limits = { memory: '128Mi', cpu: '1' };
    const { object, causes } = resize(
      burstable,
      with_({ requests: { cpu: '200m', memory: '48Mi' }, limits }),
    );
    expect(causes).toEqual([]);
    expect(object.spec.containers[0]?.resources).toEqual({
      requests: { cpu: '200m', memory: '48Mi' },
      limits,
    });
    const memoryOnly = podOf([one({ requests: { memory: '32Mi' } })]);
    const added = resize(
      memoryOnly,
      with_({ requests: { memory: '32Mi' }, limits: { cpu: '1' } }, memoryOnly),
    );
    expect(added.causes).toEqual([]);
    expect(added.object.spec.containers[0]?.resources).toEqual({
      requests: { memory: '32Mi', cpu: '1' },
      limits: { cpu: '1' },
    });
  });

  const requests = { cpu: '100m', memory: '32Mi' };
  const limits = { memory: '64Mi' };
  it.each<readonly [string, readonly Container[], readonly string[]]>([
    [
      'an amount above its limit',
      with_({ requests: { cpu: '100m', memory: '65Mi' }, limits }),
      ['spec.containers[0].resources.requests: must be less than or equal to memory limit of 64Mi'],
    ],
    [
      'another class',
      with_({ requests: { cpu: '1', memory: '64Mi' }, limits: { cpu: '1', memory: '64Mi' } }),
      ['spec: Pod QOS Class may not change as a result of resizing'],
    ],
    [
      'a request removed',
      with_({ requests: { memory: '32Mi' }, limits }),
      ['spec.containers[0].resources.requests: resource requests cannot be removed'],
    ],
    [
      'a limit removed',
      with_({ requests }),
      ['spec.containers[0].resources.limits: resource limits cannot be removed'],
    ],
    [
      'other resources',
      with_({ requests: { ...requests, 'ephemeral-storage': '1Gi' }, limits }),
      ['spec: only cpu and memory resources are mutable'],
    ],
    [
      'the policy',
      burstable.spec.containers.map((container) => ({
        ...container,
        resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
      })),
      ['spec: only cpu and memory resources are mutable'],
    ],
    [
      'the policy, by what would be meant without it',
      burstable.spec.containers.map((container) => ({
        ...container,
        resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
      })),
      ['spec: only cpu and memory resources are mutable'],
    ],
    [
      'a container added',
      [...burstable.spec.containers, one({}, { name: 'd', imagePullPolicy: 'Always' })],
      ['spec.containers: containers may not be added or removed on resize'],
    ],
    [
      'a container renamed',
      burstable.spec.containers.map((container) => ({ ...container, name: 'd' })),
      ['spec.containers[0].name: containers may not be renamed or reordered on resize'],
    ],
  ])('is refused: %s', (_what, containers, causes) => {
    expect(resize(burstable, containers).causes).toEqual(causes);
  });

  it('is refused for a pod as a whole, and where the node tells no resources', () => {
    const { containers } = burstable.spec;
    expect(resize(burstable, containers, { resources: { requests: { cpu: '1' } } }).causes).toEqual([
      'spec.resources: pod-level resources cannot be resized on these nodes; resize `spec.containers[*].resources`',
    ]);
    const { resources: _, ...silent } = running('c');
    const launcher: Pod = { ...burstable, status: { ...burstable.status, containerStatuses: [silent] } };
    expect(resize(launcher, containers).causes).toEqual([
      'spec: Pod running on node without support for resize',
    ]);
    const plain: Pod = { ...launcher, status: { ...burstable.status, containerStatuses: [running('c')] } };
    expect(resize(plain, containers).causes).toEqual([]);
  });

  it('of an init container that ends needs no restart', () => {
    const init = (cpu: string): Container => ({
      ...one({ requests: { cpu } }, { name: 'i', imagePullPolicy: 'Always' }),
      resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
    });
    const old = podOf(burstable.spec.containers, { initContainers: [init('1')] });
    expect(resize(old, old.spec.containers, { initContainers: [init('2')] }).causes).toEqual([
      'spec.initContainers[0]: non-sidecar init containers with a resize policy of RestartContainer cannot be resized',
    ]);
  });
});
