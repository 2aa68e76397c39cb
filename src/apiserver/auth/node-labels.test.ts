import { expect, it } from 'vitest';
import { forbiddenNodeLabels } from './node-labels.ts';

it('an agent may set what tells of its machine, not what steers workloads', () => {
  const fine = [
    'kubernetes.io/hostname',
    'topology.kubernetes.io/zone',
    'node.kubernetes.io/anything',
    'kubelet.kubernetes.io/x',
    'node-role.kubernetes.io/worker',
    'kubevirt.io/schedulable',
    'plain',
    'notkubernetes.io/x',
  ];
  const wrong = [
    'node-restriction.kubernetes.io/secure',
    'node-role.kubernetes.io/control-plane',
    'kubernetes.io/other',
    'k8s.io/x',
    'a.k8s.io/x',
  ];
  expect(forbiddenNodeLabels([...fine, ...wrong])).toEqual(wrong);
});
