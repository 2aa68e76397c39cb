import { describe, expect, it } from 'vitest';
import { type Job, job } from '../batch/job.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { briefly, requestFor } from '../testing.ts';
import { type DaemonSet, daemonSet } from './daemon-set.ts';
import { type Deployment, deployment } from './deployment.ts';
import { type ReplicaSet, replicaSet } from './replica-set.ts';

const metadata = { name: 'a', namespace: 'ns', uid: 'u1' };
const selector = { matchLabels: { app: 'a' } };
const template = {
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'main', image: 'example.com/a:1' }] },
};

function admit<T extends KubeObject>(kind: KindDefinition<T>, object: T, old?: T): T {
  const extra = old === undefined ? {} : { operation: 'UPDATE' as const, old };
  return kind.mutate?.(requestFor(object, extra)) ?? object;
}

function causesOf<T extends KubeObject>(kind: KindDefinition<T>, object: T, old?: T) {
  const extra = old === undefined ? {} : { operation: 'UPDATE' as const, old };
  return briefly(kind.validate?.(requestFor(object, extra)) ?? []);
}

describe('Deployments', () => {
  const deploymentOf = (spec: Partial<Deployment['spec']> = {}): Deployment => ({
    metadata,
    spec: { selector, template, ...spec },
  });

  it('get upstream defaults, and their templates no defaults of pods', () => {
    const { spec, status } = admit(deployment, deploymentOf());
    expect(spec.strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
    });
    expect(spec.template.spec).toEqual({
      containers: [{ ...template.spec.containers[0], imagePullPolicy: 'IfNotPresent' }],
    });
    expect(status).toEqual({});
  });

  it.each<readonly [string, Partial<Deployment['spec']>, readonly string[]]>([
    ['good', {}, []],
    ['negative replicas', { replicas: -1 }, ['Invalid spec.replicas']],
    ['an empty selector', { selector: {} }, ['Invalid spec.selector']],
    [
      'a selector of other labels',
      { selector: { matchLabels: { app: 'b' } } },
      ['Invalid spec.template.metadata.labels'],
    ],
    [
      'a selector that cannot be',
      { selector: { matchLabels: { app: 'a' }, matchExpressions: [{ key: 'x', operator: 'NotIn' }] } },
      ['Required spec.selector.matchExpressions[0].values'],
    ],
    [
      'pods that end',
      { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
      ['NotSupported spec.template.spec.restartPolicy'],
    ],
    [
      'a container without image',
      { template: { ...template, spec: { containers: [{ name: 'main' }] } } },
      ['Required spec.template.spec.containers[0].image'],
    ],
    [
      'no step at all',
      { strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '0%' } } },
      ['Invalid spec.strategy.rollingUpdate.maxUnavailable'],
    ],
    [
      'steps of Recreate',
      { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
      ['Forbidden spec.strategy.rollingUpdate'],
    ],
    [
      'more than all',
      { strategy: { rollingUpdate: { maxUnavailable: '101%', maxSurge: 'x' } } },
      ['Invalid spec.strategy.rollingUpdate.maxUnavailable', 'Invalid spec.strategy.rollingUpdate.maxSurge'],
    ],
    [
      'a deadline before ready',
      { progressDeadlineSeconds: 5, minReadySeconds: 5 },
      ['Invalid spec.progressDeadlineSeconds'],
    ],
  ])('with %s', (_name, spec, expected) => {
    expect(causesOf(deployment, admit(deployment, deploymentOf(spec)))).toEqual(expected);
  });

  it('keep their selector', () => {
    const old = admit(deployment, deploymentOf());
    const other = { matchLabels: { app: 'a', tier: 'b' } };
    const changed = deploymentOf({
      selector: other,
      template: { ...template, metadata: { labels: other.matchLabels } },
    });
    expect(causesOf(deployment, admit(deployment, changed, old), old)).toEqual(['Invalid spec.selector']);
  });

  it('show what kubectl shows', () => {
    const one = { ...deploymentOf({ replicas: 3 }), status: { readyReplicas: 2, updatedReplicas: 3 } };
    const cells = deployment.columns.flatMap(({ value }) => value?.(one, new Date()) ?? []);
    expect(cells).toEqual(['2/3', 3, 0, 'main', 'example.com/a:1', 'app=a']);
  });
});

describe('ReplicaSets', () => {
  it.each<readonly [string, Partial<ReplicaSet['spec']>, readonly string[]]>([
    ['good', {}, []],
    ['negative numbers', { minReadySeconds: -1 }, ['Invalid spec.minReadySeconds']],
    ['wrong labels', { template: { spec: template.spec } }, ['Invalid spec.template.metadata.labels']],
  ])('with %s', (_name, spec, expected) => {
    const one = admit(replicaSet, { metadata, spec: { selector, template, ...spec } });
    expect(one.status).toEqual({ replicas: 0 });
    expect(causesOf(replicaSet, one)).toEqual(expected);
  });
});

describe('DaemonSets', () => {
  const daemonSetOf = (spec: Partial<DaemonSet['spec']> = {}): DaemonSet => ({
    metadata,
    spec: { selector, template, ...spec },
  });

  it('count the generations of their template', () => {
    const name = 'deprecated.daemonset.template.generation';
    const first = admit(daemonSet, daemonSetOf());
    expect(first.metadata.annotations?.[name]).toBe('1');
    expect(admit(daemonSet, first, first).metadata.annotations?.[name]).toBe('1');
    const changed = { ...template, spec: { containers: [{ name: 'main', image: 'example.com/a:2' }] } };
    const second = admit(daemonSet, daemonSetOf({ template: changed }), first);
    expect(second.metadata.annotations?.[name]).toBe('2');
  });

  it.each<readonly [string, NonNullable<DaemonSet['spec']['updateStrategy']>, readonly string[]]>([
    ['nothing said', {}, []],
    ['OnDelete', { type: 'OnDelete' }, []],
    [
      'surge besides unavailable',
      { rollingUpdate: { maxSurge: 1 } },
      ['Invalid spec.updateStrategy.rollingUpdate.maxSurge'],
    ],
    [
      'neither',
      { rollingUpdate: { maxUnavailable: 0 } },
      ['Required spec.updateStrategy.rollingUpdate.maxUnavailable'],
    ],
  ])('with strategy %s', (_name, updateStrategy, expected) => {
    expect(causesOf(daemonSet, admit(daemonSet, daemonSetOf({ updateStrategy })))).toEqual(expected);
  });
});

describe('Jobs', () => {
  const once = { spec: { ...template.spec, restartPolicy: 'Never' as const } };
  const jobOf = (spec: Partial<Job['spec']> = {}): Job => ({ metadata, spec: { template: once, ...spec } });

  it('get a selector of their own, counts and labels', () => {
    const { spec, status } = admit(job, jobOf());
    expect(spec).toMatchObject({ completions: 1, parallelism: 1, backoffLimit: 6 });
    expect(spec.selector).toEqual({ matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } });
    expect(spec.template.metadata?.labels).toEqual({
      'batch.kubernetes.io/controller-uid': 'u1',
      'batch.kubernetes.io/job-name': 'a',
      'controller-uid': 'u1',
      'job-name': 'a',
    });
    expect(status).toEqual({});
    expect(admit(job, jobOf({ parallelism: 3 })).spec.completions).toBeUndefined();
  });

  it('without labels have those of their pods, and keep their own', () => {
    const made = admit(job, jobOf());
    expect(made.metadata.labels).toEqual(made.spec.template.metadata?.labels);
    const labelled = { ...jobOf(), metadata: { ...metadata, labels: { own: 'x' } } };
    expect(admit(job, labelled).metadata.labels).toEqual({ own: 'x' });
  });

  it.each<readonly [string, Partial<Job['spec']>, readonly string[]]>([
    ['good', {}, []],
    [
      'pods that never end',
      { template: { spec: { ...template.spec, restartPolicy: 'Always' } } },
      ['Required spec.template.spec.restartPolicy'],
    ],
    ['negative parallelism', { parallelism: -1 }, ['Invalid spec.parallelism']],
    [
      'indexes without completions',
      { completionMode: 'Indexed', parallelism: 2 },
      ['Required spec.completions'],
    ],
    ['a selector of its own', { manualSelector: true }, ['Required spec.selector']],
  ])('with %s', (_name, spec, expected) => {
    expect(causesOf(job, admit(job, jobOf(spec)))).toEqual(expected);
  });

  it.each<readonly [string, (old: Job) => Job['spec'], readonly string[]]>([
    ['parallelism', ({ spec }) => ({ ...spec, parallelism: 5 }), []],
    ['suspend', ({ spec }) => ({ ...spec, suspend: true }), []],
    ['completions', ({ spec }) => ({ ...spec, completions: 5 }), ['Invalid spec.completions']],
    [
      'template',
      ({ spec }) => ({
        ...spec,
        template: {
          ...spec.template,
          metadata: { labels: spec.template.metadata?.labels, annotations: { a: 'b' } },
        },
      }),
      ['Invalid spec.template'],
    ],
  ])('change of %s', (_name, change, expected) => {
    const old = admit(job, jobOf());
    expect(causesOf(job, admit(job, { ...old, spec: change(old) }, old), old)).toEqual(expected);
  });

  it.each<readonly [Job['status'], readonly string[]]>([
    [undefined, ['Running', '0/1', '']],
    [
      {
        succeeded: 1,
        startTime: '2026-01-01T00:00:00Z',
        completionTime: '2026-01-01T00:00:09Z',
        conditions: [{ type: 'Complete', status: 'True' }],
      },
      ['Complete', '1/1', '9s'],
    ],
    [{ conditions: [{ type: 'Suspended', status: 'True' }] }, ['Suspended', '0/1', '']],
  ])('cells of %j', (status, expected) => {
    const one: Job = { ...admit(job, jobOf()), status };
    const cells = job.columns.slice(0, 3).map(({ value }) => value?.(one, new Date('2026-01-01T00:01:00Z')));
    expect(cells).toEqual(expected);
  });
});
