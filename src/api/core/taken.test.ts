/** What upstream takes, with a warning or without, and what it does not. */
import { describe, expect, it } from 'vitest';
import { deployment } from '../apps/deployment.ts';
import { type Lease, lease } from '../coordination.k8s.io/lease.ts';
import { briefly, requestFor } from '../testing.ts';
import { type Event, event } from './event.ts';
import { type Pod, pod } from './pod.ts';
import { type Secret, secret } from './secret.ts';

const metadata = { name: 'a', namespace: 'ns' };
const container = { name: 'c', image: 'example/a:1' };
const spec = {
  nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'failure-domain.beta.kubernetes.io/zone',
      whenUnsatisfiable: 'DoNotSchedule' as const,
    },
  ],
  containers: [
    {
      ...container,
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
        { name: 'A', value: '$(A):3' },
      ],
      ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' as const }],
      resources: { limits: { memory: '100m' } },
    },
  ],
};
const annotations = { 'seccomp.security.alpha.kubernetes.io/pod': 'x' };

describe('warnings', () => {
  const told = (prefix: string) => [
    `${prefix}spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead`,
    `${prefix}spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead`,
    `${prefix}metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead`,
    `${prefix}spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer`,
    `${prefix}spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply`,
    `${prefix}spec.containers[0].ports[1]: duplicate port definition with ${prefix}spec.containers[0].ports[0]`,
  ];

  it('of pods', () => {
    const object: Pod = { metadata: { ...metadata, annotations }, spec };
    expect(pod.warn?.(requestFor(object))).toEqual(told(''));
    expect(pod.warn?.(requestFor(object, { operation: 'UPDATE', old: object }))).toEqual([]);
  });

  it('of templates, when they change', () => {
    const object = { metadata, spec: { selector: {}, template: { metadata: { annotations }, spec } } };
    expect(deployment.warn?.(requestFor(object))).toEqual(told('spec.template.'));
    expect(deployment.warn?.(requestFor(object, { operation: 'UPDATE', old: object }))).toEqual([]);
  });
});

describe('refused are', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  it.each<[string, Partial<Secret>, readonly string[]]>([
    [
      'a token of nobody',
      { type: 'kubernetes.io/service-account-token' },
      ['Required metadata.annotations[kubernetes.io/service-account.name]'],
    ],
    [
      'credentials of registries that are no JSON',
      { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('x') } },
      ['Invalid data[.dockerconfigjson]'],
    ],
    ['not those that are', { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': base64('{}') } }, []],
  ])('%s', (_what, fields, causes) => {
    expect(briefly(secret.validate?.(requestFor({ metadata, ...fields })) ?? [])).toEqual(causes);
  });

  it.each<[NonNullable<Lease['spec']>, readonly string[]]>([
    [{ leaseDurationSeconds: 1, leaseTransitions: 0 }, []],
    [
      { leaseDurationSeconds: 0, leaseTransitions: -1 },
      ['Invalid spec.leaseDurationSeconds', 'Invalid spec.leaseTransitions'],
    ],
  ])('leases of %j: %j', (fields, causes) => {
    expect(briefly(lease.validate?.(requestFor({ metadata, spec: fields })) ?? [])).toEqual(causes);
  });

  it.each<[string, string | undefined, readonly string[]]>([
    ['ns', 'ns', []],
    ['default', undefined, []],
    ['ns', 'other', ['Invalid involvedObject.namespace']],
    ['ns', undefined, ['Invalid involvedObject.namespace']],
  ])('events in %s about something in %s: %j', (namespace, of, causes) => {
    const object: Event = {
      metadata: { name: 'a', namespace },
      involvedObject: of === undefined ? {} : { namespace: of },
    };
    expect(briefly(event.validate?.(requestFor(object)) ?? [])).toEqual(causes);
  });
});
