/** Rules of DaemonSets. k8s.io/kubernetes/pkg/apis/apps/validation ValidateDaemonSetSpec. */
import { invalid, required } from '../../cause.ts';
import {
  lastingTemplateCauses,
  selectorMatchCauses,
  templateCauses,
} from '../../core/admission/pod-template-rules.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Cause } from '../../meta.ts';
import { immutable, intOrPercentCauses, intOrPercentNumber, nonNegative } from '../../number-rules.ts';
import type { DaemonSet } from '../daemon-set.ts';
import { workloadSelectorCauses } from '../workload.ts';

export function daemonSetCauses(request: AdmissionRequest<DaemonSet>): readonly Cause[] {
  const { object, old, operation, subresource } = request;
  if (operation === 'DELETE' || subresource !== undefined) return [];
  const { spec } = object;
  return [
    ...selectorMatchCauses(spec.selector, spec.template),
    ...workloadSelectorCauses(spec.selector, 'daemonset'),
    ...templateCauses(spec.template, 'spec.template'),
    ...lastingTemplateCauses(spec.template, 'DaemonSet'),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...strategyCauses(spec.updateStrategy),
    ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...(old === undefined ? [] : immutable('spec.selector', spec.selector, old.spec.selector)),
  ];
}

function strategyCauses(strategy: DaemonSet['spec']['updateStrategy']): readonly Cause[] {
  if (strategy?.type === 'OnDelete') return [];
  const field = 'spec.updateStrategy.rollingUpdate';
  const { maxUnavailable, maxSurge } = strategy?.rollingUpdate ?? {};
  const unavailable = intOrPercentNumber(maxUnavailable) !== 0;
  const surge = intOrPercentNumber(maxSurge) !== 0;
  return [
    ...intOrPercentCauses(`${field}.maxUnavailable`, maxUnavailable, true),
    ...intOrPercentCauses(`${field}.maxSurge`, maxSurge, true),
    ...(surge && unavailable
      ? [invalid(`${field}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero')]
      : []),
    ...(surge || unavailable ? [] : [required(`${field}.maxUnavailable`, 'cannot be 0 when maxSurge is 0')]),
  ];
}
