import { describe, expect, it } from 'vitest';
import { amountText } from '../amount.ts';
import type { Container } from './container.ts';
import type { Pod, PodStatus } from './pod.ts';
import { type PodResourcesOptions, podLimits, podRequests } from './pod-resources.ts';

type Spec = Partial<Pod['spec']>;
type Resources = NonNullable<Container['resources']>;

const asks = (cpu: string, more: Partial<Container> = {}): Container => ({
  name: 'c',
  resources: { requests: { cpu } },
  ...more,
});
const sidecar = { restartPolicy: 'Always' };
const podOf = (spec: Spec, status: PodStatus = {}): Pod => ({
  metadata: { name: 'p' },
  spec: { containers: [], ...spec },
  status,
});
const told = (
  name: string,
  resources: Resources | undefined,
  allocatedResources?: Resources['requests'],
) => ({
  name,
  ready: true,
  restartCount: 0,
  image: 'a:1',
  imageID: '',
  ...(resources !== undefined && { resources }),
  ...(allocatedResources !== undefined && { allocatedResources }),
});
const requests = (pod: Pod, options: PodResourcesOptions = {}) => text(podRequests(pod, options));
const limits = (pod: Pod, options: PodResourcesOptions = {}) => text(podLimits(pod, options));
const text = (amounts: ReturnType<typeof podRequests>) =>
  Object.fromEntries([...amounts].map(([name, amount]) => [name, amountText(amount)]));

describe('requests of a pod', () => {
  it.each<[string, Spec, string]>([
    ['containers add up', { containers: [asks('500m'), asks('1')] }, '1500m'],
    [
      'the greatest init container counts where it is more',
      { containers: [asks('1')], initContainers: [asks('3'), asks('2')] },
      '3',
    ],
    [
      'sidecars count with the containers and with the init containers after them',
      { containers: [asks('1')], initContainers: [asks('1', sidecar), asks('2')] },
      '3',
    ],
    [
      'init containers count without the sidecars after them',
      { containers: [asks('1')], initContainers: [asks('2'), asks('500m', sidecar)] },
      '2',
    ],
    ['overhead is added', { containers: [asks('1')], overhead: { cpu: '250m' } }, '1250m'],
    [
      'those of the pod come first',
      { containers: [asks('1')], resources: { requests: { cpu: '5' } }, overhead: { cpu: '1' } },
      '6',
    ],
  ])('%s', (_what, spec, cpu) => {
    expect(requests(podOf(spec))).toEqual({ cpu });
  });

  it('are no limits: the server has made requests of those', () => {
    expect(requests(podOf({ containers: [{ name: 'c', resources: { limits: { cpu: '1' } } }] }))).toEqual({});
  });

  it('leave out what the options say', () => {
    const pod = podOf({
      containers: [asks('1')],
      resources: { requests: { cpu: '5', 'example.com/gpu': '1' } },
      overhead: { cpu: '1' },
    });
    expect(requests(pod, { excludeOverhead: true })).toEqual({ cpu: '5' });
    expect(requests(pod, { skipPodLevelResources: true })).toEqual({ cpu: '2' });
  });

  it('keep the form in which they are written', () => {
    const memory = (amount: string) => ({ name: 'c', resources: { requests: { memory: amount } } });
    expect(requests(podOf({ containers: [memory('512Mi'), memory('1Gi')] }))).toEqual({ memory: '1536Mi' });
  });
});

describe('requests of a pod that is resized', () => {
  const resized = { useStatusResources: true };
  const one = asks('2');
  const running = told('c', { requests: { cpu: '1' } }, { cpu: '1500m', memory: '1Mi' });

  it.each<[string, Spec, PodStatus, string | undefined]>([
    ['of more count at once', { containers: [one] }, { containerStatuses: [running] }, '2'],
    ['of less count when it is done', { containers: [asks('1')] }, { containerStatuses: [running] }, '1500m'],
    ['count as asked for while nothing is told', { containers: [one] }, {}, '2'],
    [
      'count as asked for while only what is set aside is told',
      { containers: [one] },
      { containerStatuses: [told('c', undefined, { cpu: '3' })] },
      '2',
    ],
    [
      'that the node can never hold do not count',
      { containers: [one] },
      {
        containerStatuses: [running],
        conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }],
      },
      '1500m',
    ],
    [
      'that wait for room count',
      { containers: [one] },
      {
        containerStatuses: [running],
        conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Deferred' }],
      },
      '2',
    ],
    [
      'count what is told of sidecars',
      { initContainers: [asks('1', sidecar)] },
      { initContainerStatuses: [told('c', { requests: { cpu: '4' } })] },
      '4',
    ],
    [
      'count nothing that is told of init containers that end',
      { initContainers: [asks('1')] },
      { initContainerStatuses: [told('c', { requests: { cpu: '4' } })] },
      '1',
    ],
  ])('%s', (_what, spec, status, cpu) => {
    expect(requests(podOf(spec, status), resized)['cpu']).toBe(cpu);
  });

  it('are as asked for where the status shall not count', () => {
    expect(requests(podOf({ containers: [one] }, { containerStatuses: [running] }))).toEqual({ cpu: '2' });
  });

  const whole = { ...resized, inPlacePodLevelResourcesVerticalScalingEnabled: true };
  const status: PodStatus = {
    resources: { requests: { cpu: '6' }, limits: { cpu: '7' } },
    allocatedResources: { cpu: '8' },
  };
  const asked: Spec = { resources: { requests: { cpu: '5' }, limits: { cpu: '6' } } };

  it('as a whole are the greatest of what is asked for, set aside and in force', () => {
    expect(requests(podOf(asked, status), whole)).toEqual({ cpu: '8' });
    expect(limits(podOf(asked, status), whole)).toEqual({ cpu: '7' });
    expect(requests(podOf(asked, status), resized)).toEqual({ cpu: '5' });
    expect(limits(podOf(asked, status), resized)).toEqual({ cpu: '6' });
    const { resources: _, ...silent } = status;
    expect(requests(podOf(asked, silent), whole)).toEqual({ cpu: '5' });
  });

  it('as a whole are what is told where the node can never hold more', () => {
    const conditions = [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' } as const];
    const resources = { requests: { cpu: '9' }, limits: { cpu: '9' } };
    expect(requests(podOf({ resources }, { ...status, conditions }), whole)).toEqual({ cpu: '8' });
    expect(limits(podOf({ resources }, { ...status, conditions }), whole)).toEqual({ cpu: '7' });
  });
});

describe('limits of a pod', () => {
  const limited = (cpu: string, more: Partial<Container> = {}): Container => ({
    name: 'c',
    resources: { limits: { cpu } },
    ...more,
  });

  it('add up as requests do, and overhead counts only where there is a limit above zero', () => {
    const spec = {
      containers: [limited('1'), { name: 'd', resources: { limits: { memory: '0' } } }],
      initContainers: [limited('1', sidecar), limited('2')],
      overhead: { cpu: '500m', memory: '1Mi', 'ephemeral-storage': '1Gi' },
    };
    expect(limits(podOf(spec))).toEqual({ cpu: '3500m', memory: '0' });
    expect(limits(podOf(spec), { excludeOverhead: true })).toEqual({ cpu: '3', memory: '0' });
    expect(limits(podOf({ ...spec, resources: { limits: { memory: '1Gi' } } }))).toEqual({
      cpu: '3500m',
      memory: '1025Mi',
    });
  });

  it('count what is in force while a container is resized', () => {
    const status = { containerStatuses: [told('c', { limits: { cpu: '4' } }, { cpu: '9' })] };
    expect(limits(podOf({ containers: [limited('1')] }, status), { useStatusResources: true })).toEqual({
      cpu: '4',
    });
  });
});
