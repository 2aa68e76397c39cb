import { describe, expect, it } from 'vitest';
import type { LimitRange } from '#api/core/limit-range.ts';
import type { Pod } from '#api/core/pod.ts';
import { faultsOf, withDefaults } from './limit-range.ts';
import { withTokenVolume } from './token-volume.ts';

type Spec = Pod['spec'];
const pod = (spec: Partial<Spec>): Pod => ({
  metadata: { name: 'p', namespace: 'n' },
  spec: { containers: [], ...spec },
});
const asks = (cpu: string, restartPolicy?: string) => ({
  name: 'c',
  resources: { requests: { cpu } },
  ...(restartPolicy === undefined ? {} : { restartPolicy }),
});

describe('the volume with a token', () => {
  const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
  const own = { name: 'own', mountPath, readOnly: true };

  it('is mounted in every container that has nothing of its own there', () => {
    const given = withTokenVolume({
      containers: [{ name: 'a' }, { name: 'b', volumeMounts: [own] }],
      initContainers: [{ name: 'i', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      volumes: [{ name: 'data', emptyDir: {} }],
    });
    const [, volume] = given.volumes ?? [];
    const name = volume?.name ?? '';
    expect(name).toMatch(/^kube-api-access-[b-z2-9]{5}$/);
    expect(given.containers.map(({ volumeMounts }) => volumeMounts)).toEqual([
      [{ name, readOnly: true, mountPath }],
      [own],
    ]);
    expect(given.initContainers?.[0]?.volumeMounts?.[1]).toEqual({ name, readOnly: true, mountPath });
    expect(volume?.projected).toEqual({
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    });
  });

  it('is added once, and not where nobody lacks it', () => {
    const once = withTokenVolume({ containers: [{ name: 'a' }] });
    expect(withTokenVolume(once)).toBe(once);
    const later = withTokenVolume({ ...once, containers: [...once.containers, { name: 'b' }] });
    expect(later.volumes).toEqual(once.volumes);
    expect(later.containers[1]?.volumeMounts?.[0]?.name).toBe(once.volumes?.[0]?.name);
  });
});

describe('limit ranges', () => {
  const range = (limits: NonNullable<LimitRange['spec']>['limits']): LimitRange => ({
    metadata: { name: 'r', namespace: 'n' },
    spec: { limits },
  });

  it('give containers what they do not say, and note it', () => {
    const given = withDefaults(
      pod({ containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }, { name: 'd' }] }),
      range([{ type: 'Container', default: { cpu: '2', memory: '1Gi' }, defaultRequest: { cpu: '100m' } }]),
    );
    expect(given.spec.containers.map(({ resources }) => resources)).toEqual([
      { requests: { cpu: '1' }, limits: { cpu: '2', memory: '1Gi' } },
      { requests: { cpu: '100m' }, limits: { cpu: '2', memory: '1Gi' } },
    ]);
    expect(given.metadata.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu, memory limit for container c; cpu request for container d; cpu, memory limit for container d',
    });
  });

  it('leave a complete pod as it is', () => {
    const complete = pod({ containers: [{ name: 'c', resources: { limits: { cpu: '1' } } }] });
    expect(withDefaults(complete, range([{ type: 'Container', default: { cpu: '2' } }]))).toBe(complete);
  });

  const container = (requests: Record<string, string>, limits: Record<string, string>) =>
    pod({ containers: [{ name: 'c', resources: { requests, limits } }] });
  it.each<[Pod, NonNullable<LimitRange['spec']>['limits'][number], readonly string[]]>([
    [container({ cpu: '1' }, { cpu: '1' }), { type: 'Container', min: { cpu: '1' }, max: { cpu: '1' } }, []],
    [
      container({ cpu: '50m' }, { cpu: '1500m' }),
      { type: 'Container', min: { cpu: '100m' }, max: { cpu: '800m' } },
      [
        'minimum cpu usage per Container is 100m, but request is 50m',
        'maximum cpu usage per Container is 800m, but limit is 1500m',
      ],
    ],
    [
      container({}, {}),
      { type: 'Container', min: { memory: '1Mi' }, max: { memory: '1Gi' } },
      [
        'minimum memory usage per Container is 1Mi.  No request is specified',
        'maximum memory usage per Container is 1Gi.  No limit is specified',
      ],
    ],
    [
      container({ cpu: '100m' }, { cpu: '500m' }),
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      ['cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000'],
    ],
    [
      pod({ containers: [asks('2'), asks('2')] }),
      { type: 'Pod', max: { cpu: '3' } },
      ['maximum cpu usage per Pod is 3.  No limit is specified'],
    ],
  ])('judge %#', (given, item, faults) => {
    expect(faultsOf(range([item]), given)).toEqual(faults);
  });
});
