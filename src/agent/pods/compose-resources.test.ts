import { describe, expect, it } from 'vitest';
import type { Pod } from '#api/core/pod.ts';
import { composePodLimits, composeResources } from './compose-resources.ts';

const mebi = 1024 ** 2;
type Spec = Partial<Pod['spec']>;

describe('limits of a container', () => {
  const whole = { limits: { cpu: '2', memory: '64Mi' } };

  it('are its own, or those of its pod', () => {
    const own = { requests: { cpu: '100m' }, limits: { cpu: '500m' } };
    expect(composeResources({ resources: own }, { resources: whole })).toEqual({
      cpuShares: 102,
      cpuQuota: 50_000,
      memory: 64 * mebi,
      pids: 4096,
      given: own,
    });
    expect(composeResources({}, { resources: whole })).toMatchObject({
      cpuShares: 2048,
      cpuQuota: 200_000,
      memory: 64 * mebi,
      given: {},
    });
    expect(composeResources({}, {})).toEqual({ cpuShares: 2, pids: 4096, given: {} });
  });
});

describe('limits of a pod', () => {
  const limited = { name: 'a', resources: { limits: { cpu: '1', memory: '32Mi' }, requests: { cpu: '1' } } };
  const free = { name: 'b' };
  const requests = { cpu: '1500m' };
  const overhead = { cpu: '500m', memory: '1Mi' };

  it.each<[string, Spec, ReturnType<typeof composePodLimits>]>([
    ['are none where it asks for nothing as a whole', { containers: [limited] }, undefined],
    [
      'are its own, and its overhead',
      {
        containers: [limited, free],
        resources: { requests, limits: { cpu: '2', memory: '64Mi' } },
        overhead,
      },
      { cpuShares: 2048, cpuQuota: 250_000, memory: 65 * mebi },
    ],
    [
      'are those of its containers together where all have some',
      { containers: [limited, { ...limited, name: 'c' }], resources: { requests } },
      { cpuShares: 1536, cpuQuota: 200_000, memory: 64 * mebi },
    ],
    [
      'are none of what one of its containers may use freely',
      { containers: [limited], initContainers: [free], resources: { requests } },
      { cpuShares: 1536 },
    ],
    [
      'are those that it has alone',
      { containers: [free], resources: { requests: { cpu: '1' }, limits: { memory: '8Mi' } } },
      { cpuShares: 1024, memory: 8 * mebi },
    ],
  ])('%s', (_what, spec, expected) => {
    expect(composePodLimits({ spec: { containers: [], ...spec } })).toEqual(expected);
  });
});
