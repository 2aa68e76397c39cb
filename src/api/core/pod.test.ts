import { describe, expect, it } from 'vitest';
import { briefly, requestFor } from '../testing.ts';
import { withPodDefaults } from './admission/pod-defaults.ts';
import { type Pod, pod } from './pod.ts';

type Spec = Pod['spec'];

const base: Pod = {
  metadata: { name: 'p', namespace: 'ns' },
  spec: { containers: [{ name: 'c', image: 'example/a:1' }] },
};
const podWith = (spec: Partial<Spec>, status?: Pod['status']): Pod => ({
  ...base,
  spec: { ...base.spec, ...spec },
  status,
});
const container = (change: Partial<Spec['containers'][number]>): Partial<Spec> => ({
  containers: [{ name: 'c', image: 'example/a:1', ...change }],
});
const now = new Date('2026-01-01T01:00:00Z');
const row = (object: Pod) =>
  Object.fromEntries(pod.columns.map(({ name, value }) => [name, value?.(object, now)]));

describe('defaults of a pod', () => {
  it('are those of upstream', () => {
    const { spec, status } = withPodDefaults(requestFor(base));
    expect(spec.containers[0]?.imagePullPolicy).toBe('IfNotPresent');
    expect(spec.serviceAccountName).toBe('default');
    expect(spec.tolerations?.map(({ key, tolerationSeconds }) => [key, tolerationSeconds])).toEqual([
      ['node.kubernetes.io/not-ready', 300],
      ['node.kubernetes.io/unreachable', 300],
    ]);
    expect(status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  it.each([
    ['example/a', 'Always'],
    ['example/a:latest', 'Always'],
    ['localhost:5000/a', 'Always'],
    ['localhost:5000/a:1', 'IfNotPresent'],
    [`example/a@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
  ])('pull %s %s', (image, policy) => {
    const { spec } = withPodDefaults(requestFor(podWith(container({ image }))));
    expect(spec.containers[0]?.imagePullPolicy).toBe(policy);
  });

  it.each([
    [{}, 'BestEffort'],
    [{ requests: { cpu: '1' } }, 'Burstable'],
    [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }, 'Burstable'],
  ])('class of %j is %s', (resources, qosClass) => {
    expect(withPodDefaults(requestFor(podWith(container({ resources })))).status?.qosClass).toBe(qosClass);
  });

  it('change nothing when applied to an update', () => {
    const once = withPodDefaults(requestFor(podWith({ volumes: [{ name: 'v' }], hostNetwork: true })));
    expect(withPodDefaults(requestFor(once, { operation: 'UPDATE', old: once }))).toEqual(once);
    expect(once.spec.volumes).toEqual([{ name: 'v', emptyDir: {} }]);
  });
});

describe('rules of a pod', () => {
  it.each<readonly [string, Pod, readonly string[]]>([
    ['good', base, []],
    ['no container', podWith({ containers: [] }), ['Required spec.containers']],
    ['no image', podWith(container({ image: '' })), ['Required spec.containers[0].image']],
    ['name with capitals', podWith(container({ name: 'C' })), ['Invalid spec.containers[0].name']],
    [
      'port 0',
      podWith(container({ ports: [{ containerPort: 0 }] })),
      ['Invalid spec.containers[0].ports[0].containerPort'],
    ],
    [
      'mount of nothing',
      podWith(container({ volumeMounts: [{ name: 'v', mountPath: '/v' }] })),
      ['NotFound spec.containers[0].volumeMounts[0].name'],
    ],
    [
      'two sources',
      podWith({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] }),
      ['Forbidden spec.volumes[0].hostPath'],
    ],
    [
      'volumes twice',
      podWith({
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'v', emptyDir: {} },
        ],
      }),
      ['Duplicate spec.volumes[1].name'],
    ],
    [
      'request above limit',
      podWith(container({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } })),
      ['Invalid spec.containers[0].resources.requests'],
    ],
    [
      'no quantity',
      podWith(container({ resources: { requests: { memory: '1GB' } } })),
      ['Invalid spec.containers[0].resources.requests[memory]'],
    ],
    [
      'value and valueFrom',
      podWith(
        container({
          env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        }),
      ),
      ['Invalid spec.containers[0].env[0].valueFrom'],
    ],
    [
      'toleration of nothing',
      podWith({ tolerations: [{ operator: 'Equal' }] }),
      ['Invalid spec.tolerations[0].operator'],
    ],
    [
      'init container of the same name',
      podWith({ initContainers: [{ name: 'c', image: 'x' }] }),
      ['Duplicate spec.containers[0].name'],
    ],
  ])('%s', (_what, object, causes) => {
    expect(briefly(pod.validate?.(requestFor(object)) ?? [])).toEqual(causes);
  });

  it('keep ephemeral containers for a pod that is there already', () => {
    const spec = { ephemeralContainers: [{ name: 'e', image: 'x' }] };
    expect(briefly(pod.validate?.(requestFor(podWith(spec))) ?? [])).toEqual([
      'Forbidden spec.ephemeralContainers',
    ]);
  });

  it.each<readonly [string, NonNullable<Spec['ephemeralContainers']>, readonly string[]]>([
    [
      'another',
      [
        { name: 'e', image: 'x' },
        { name: 'f', image: 'y', targetContainerName: 'c', tty: true },
      ],
      [],
    ],
    ['fewer', [], ['Forbidden spec.ephemeralContainers']],
    ['changed', [{ name: 'e', image: 'z' }], ['Forbidden spec.ephemeralContainers']],
    [
      'name of a container',
      [
        { name: 'e', image: 'x' },
        { name: 'c', image: 'y' },
      ],
      ['Duplicate spec.ephemeralContainers[1].name'],
    ],
    [
      'target that is not there',
      [
        { name: 'e', image: 'x' },
        { name: 'f', image: 'y', targetContainerName: 'e' },
      ],
      ['NotFound spec.ephemeralContainers[1].targetContainerName'],
    ],
    [
      'what only services need',
      [
        { name: 'e', image: 'x' },
        { name: 'f', image: '', ports: [{ containerPort: 1 }], resources: { limits: { cpu: '1' } } },
      ],
      [
        'Required spec.ephemeralContainers[1].image',
        'Forbidden spec.ephemeralContainers[1].ports',
        'Forbidden spec.ephemeralContainers[1].resources',
      ],
    ],
  ])('of ephemeral containers: %s', (_what, ephemeralContainers, causes) => {
    const old = podWith({ ephemeralContainers: [{ name: 'e', image: 'x' }] });
    const request = { operation: 'UPDATE', old, subresource: 'ephemeralcontainers' } as const;
    expect(briefly(pod.validate?.(requestFor(podWith({ ephemeralContainers }), request)) ?? [])).toEqual(
      causes,
    );
  });

  const update = (object: Pod, old: Pod) =>
    briefly(pod.validate?.(requestFor(object, { operation: 'UPDATE', old })) ?? []);

  it.each<readonly [string, Pod, readonly string[]]>([
    ['image', podWith(container({ image: 'example/a:2' })), []],
    [
      'toleration added',
      podWith({
        tolerations: [
          { key: 'a', operator: 'Exists' },
          { key: 'b', operator: 'Exists' },
        ],
      }),
      [],
    ],
    ['toleration removed', podWith({ tolerations: [] }), ['Forbidden spec.tolerations']],
    ['restart policy', podWith({ restartPolicy: 'Never' }), ['Forbidden spec']],
    ['node', podWith({ nodeName: 'node2' }), ['Forbidden spec']],
    ['env', podWith(container({ env: [{ name: 'A', value: '1' }] })), ['Forbidden spec']],
  ])('an update of %s', (_what, object, causes) => {
    const old = podWith({ tolerations: [{ key: 'a', operator: 'Exists' }] });
    const { tolerations } = object.spec.tolerations === undefined ? old.spec : object.spec;
    expect(update({ ...object, spec: { ...object.spec, tolerations } }, old)).toEqual(causes);
  });

  it('leave the status to whoever observed it', () => {
    const object = podWith({ nodeName: 'node1' });
    expect(
      pod.validate?.(requestFor(object, { operation: 'UPDATE', old: base, subresource: 'status' })),
    ).toEqual([]);
  });
});

describe('columns of a pod', () => {
  const status = (state: object, more: object = {}) => ({
    phase: 'Running' as const,
    containerStatuses: [{ name: 'c', ready: true, restartCount: 0, image: '', imageID: '', state, ...more }],
  });

  it('of one that runs', () => {
    const object = podWith(
      { nodeName: 'node1' },
      { ...status({ running: {} }), podIPs: [{ ip: '10.128.0.5' }] },
    );
    expect(row(object)).toMatchObject({
      Ready: '1/1',
      Status: 'Running',
      Restarts: '0',
      IP: '10.128.0.5',
      Node: 'node1',
    });
  });

  it.each<readonly [string, Pod]>([
    ['Pending', podWith({}, { phase: 'Pending' })],
    [
      'ContainerCreating',
      podWith({}, { ...status({ waiting: { reason: 'ContainerCreating' } }), phase: 'Pending' }),
    ],
    ['CrashLoopBackOff', podWith({}, status({ waiting: { reason: 'CrashLoopBackOff' } }))],
    ['Completed', podWith({}, status({ terminated: { exitCode: 0, reason: 'Completed' } }))],
    ['ExitCode:3', podWith({}, status({ terminated: { exitCode: 3 } }))],
    ['Terminating', { ...base, metadata: { ...base.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    [
      'Init:0/1',
      podWith(
        { initContainers: [{ name: 'i' }] },
        {
          phase: 'Pending',
          initContainerStatuses: [
            { name: 'i', ready: false, restartCount: 0, image: '', imageID: '', state: { running: {} } },
          ],
        },
      ),
    ],
  ])('status %s', (word, object) => {
    expect(row(object)['Status']).toBe(word);
  });

  it('restarts with the time of the last', () => {
    const lastState = { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:55:00Z' } };
    expect(row(podWith({}, status({ running: {} }, { restartCount: 2, lastState })))['Restarts']).toBe(
      '2 (5m ago)',
    );
  });
});
