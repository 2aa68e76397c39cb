import { describe, expect, it } from 'vitest';
import { requestFor } from '../testing.ts';
import type { Container } from './container.ts';
import { type Pod, pod } from './pod.ts';

type Resources = NonNullable<Container['resources']>;

const one = (resources: Resources, name = 'c'): Container => ({ name, image: 'a:1', resources });
const podOf = (resources: Resources | undefined, containers: readonly Container[], more = {}): Pod => ({
  metadata: { name: 'p' },
  spec: { containers, ...(resources !== undefined && { resources }), ...more },
});
const made = (object: Pod): Pod => pod.mutate?.(requestFor(object)) ?? object;
const causesOf = (object: Pod) =>
  (pod.validate?.(requestFor(made(object))) ?? []).map(({ field, message }) => `${field}: ${message}`);

describe('resources of a pod as a whole', () => {
  it.each<[string, Resources | undefined, readonly Resources[], Resources | undefined]>([
    ['none stay none', undefined, [{ limits: { cpu: '1' } }], undefined],
    ['requests alone stay alone', { requests: { cpu: '1' } }, [{}], { requests: { cpu: '1' } }],
    [
      'limits are requests where no container asks for anything',
      { limits: { cpu: '2', memory: '1Gi' } },
      [{}],
      { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '2', memory: '1Gi' } },
    ],
    [
      'what containers ask for is requested where there are limits',
      { limits: { cpu: '2' } },
      [{ requests: { cpu: '100m' } }, { limits: { cpu: '1', memory: '1Gi' } }],
      { limits: { cpu: '2' }, requests: { cpu: '1100m', memory: '1Gi' } },
    ],
    [
      'what is given stays',
      { limits: { cpu: '2' }, requests: { cpu: '1500m' } },
      [{ requests: { cpu: '1' } }],
      { limits: { cpu: '2' }, requests: { cpu: '1500m' } },
    ],
    [
      'huge pages of containers are limits and requests of the pod',
      { requests: { cpu: '1' } },
      [{ limits: { 'hugepages-2Mi': '4Mi' } }, { limits: { 'hugepages-2Mi': '2Mi' } }],
      {
        limits: { 'hugepages-2Mi': '6Mi' },
        requests: { cpu: '1', 'hugepages-2Mi': '6Mi' },
      },
    ],
    [
      'huge pages that are requested have no limit made for them',
      { requests: { cpu: '1', 'hugepages-2Mi': '6Mi' } },
      [{ limits: { 'hugepages-2Mi': '4Mi' } }],
      { requests: { cpu: '1', 'hugepages-2Mi': '6Mi' } },
    ],
  ])('%s', (_what, resources, containers, expected) => {
    const object = made(
      podOf(
        resources,
        containers.map((each, index) => one(each, `c${index}`)),
      ),
    );
    expect(object.spec.resources).toEqual(expected);
    expect(pod.mutate?.(requestFor(object, { operation: 'UPDATE', old: object }))).toEqual(object);
  });

  it.each<[Resources, Resources, string]>([
    [{ limits: { cpu: '1', memory: '1Gi' } }, {}, 'Guaranteed'],
    [{ requests: { cpu: '1', memory: '1Gi' } }, { limits: { cpu: '1', memory: '1Gi' } }, 'Burstable'],
    [{ limits: { cpu: '1' } }, {}, 'Burstable'],
    [{ limits: { 'hugepages-2Mi': '2Mi', cpu: '0' } }, { requests: { cpu: '0' } }, 'BestEffort'],
    [{ requests: { 'example.com/gpu': '1' } }, { limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
  ])('%j over %j are class %s', (whole, own, qosClass) => {
    expect(made(podOf(whole, [one(own)])).status?.qosClass).toBe(qosClass);
  });

  it.each<[string, Pod, readonly string[]]>([
    ['enough', podOf({ requests: { cpu: '2' }, limits: { cpu: '3' } }, [one({ limits: { cpu: '2' } })]), []],
    [
      'a resource that pods do not share',
      podOf({ requests: { 'ephemeral-storage': '1Gi' } }, [one({})]),
      ['spec.resources.requests[ephemeral-storage]: supported values: "cpu", "hugepages-", "memory"'],
    ],
    [
      'no quantity',
      podOf({ requests: { cpu: '-1' } }, [one({})]),
      ['spec.resources.requests[cpu]: must be greater than or equal to 0'],
    ],
    [
      'a request above the limit',
      podOf({ requests: { cpu: '2' }, limits: { cpu: '1' } }, [one({})]),
      ['spec.resources.requests: must be less than or equal to cpu limit of 1'],
    ],
    [
      'requests below those of the containers',
      podOf({ requests: { cpu: '1' } }, [
        one({ requests: { cpu: '600m' } }),
        one({ requests: { cpu: '1' } }, 'd'),
      ]),
      [
        'spec.resources.requests[cpu]: must be greater than or equal to aggregate container requests of 1600m',
      ],
    ],
    [
      'a limit below that of a container',
      podOf({ limits: { cpu: '1' }, requests: { cpu: '1' } }, [
        one({ limits: { cpu: '2' }, requests: { cpu: '1' } }),
      ]),
      ['spec.resources.containers[0][cpu].limits: must be less than or equal to pod limits of 1'],
    ],
    [
      'claims',
      podOf({ claims: [{ name: 'a' }] }, [one({})]),
      ['spec.resources.claims: claims may not be set for Resources at pod-level'],
    ],
    [
      'a pod of Windows',
      podOf({ requests: { cpu: '1' } }, [one({})], { os: { name: 'windows' } }),
      ['spec.resources: may not be set for a windows pod'],
    ],
  ])('are checked: %s', (_what, object, causes) => {
    expect(causesOf(object)).toEqual(causes);
  });
});
