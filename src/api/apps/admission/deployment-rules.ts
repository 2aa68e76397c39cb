/** Rules of Deployments. k8s.io/kubernetes/pkg/apis/apps/validation ValidateDeploymentSpec. */
import { forbidden, invalid } from '../../cause.ts';
import {
  lastingTemplateCauses,
  selectorMatchCauses,
  templateCauses,
} from '../../core/admission/pod-template-rules.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Cause } from '../../meta.ts';
import { immutable, intOrPercentCauses, intOrPercentNumber, nonNegative } from '../../number-rules.ts';
import type { Deployment, DeploymentSpec } from '../deployment.ts';
import { workloadSelectorCauses } from '../workload.ts';

export function deploymentCauses(request: AdmissionRequest<Deployment>): readonly Cause[] {
  const { object, old, operation, subresource } = request;
  if (operation === 'DELETE' || subresource !== undefined) return [];
  const { spec } = object;
  return [
    ...nonNegative('spec.replicas', spec.replicas),
    ...workloadSelectorCauses(spec.selector, 'deployment'),
    ...selectorMatchCauses(spec.selector, spec.template),
    ...templateCauses(spec.template, 'spec.template'),
    ...lastingTemplateCauses(spec.template, 'ReplicaSet'),
    ...strategyCauses(spec.strategy),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...deadlineCauses(spec),
    ...(old === undefined ? [] : immutable('spec.selector', spec.selector, old.spec.selector)),
  ];
}

function deadlineCauses({ progressDeadlineSeconds, minReadySeconds = 0 }: DeploymentSpec): readonly Cause[] {
  const field = 'spec.progressDeadlineSeconds';
  if (progressDeadlineSeconds === undefined) return [];
  return [
    ...nonNegative(field, progressDeadlineSeconds),
    ...(progressDeadlineSeconds <= minReadySeconds
      ? [invalid(field, progressDeadlineSeconds, 'must be greater than minReadySeconds')]
      : []),
  ];
}

function strategyCauses(strategy: DeploymentSpec['strategy']): readonly Cause[] {
  const field = 'spec.strategy.rollingUpdate';
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === 'Recreate') {
    return rolling === undefined
      ? []
      : [forbidden(field, "may not be specified when strategy `type` is 'Recreate'")];
  }
  const { maxUnavailable, maxSurge } = rolling ?? {};
  const stuck = intOrPercentNumber(maxUnavailable) === 0 && intOrPercentNumber(maxSurge) === 0;
  return [
    ...intOrPercentCauses(`${field}.maxUnavailable`, maxUnavailable, true),
    ...intOrPercentCauses(`${field}.maxSurge`, maxSurge),
    ...(stuck
      ? [invalid(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0')]
      : []),
  ];
}
