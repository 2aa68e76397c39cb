/** What of a pod may change. k8s.io/kubernetes/pkg/apis/core/validation ValidatePodUpdate. */
import { isDeepStrictEqual } from 'node:util';
import { forbidden, invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { unifiedDiff } from '../../unified-diff.ts';
import type { Toleration } from '../affinity.ts';
import type { PodSpec } from '../pod-spec.ts';
import { goTextOf } from './pod-go-text.ts';

const DETAIL =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Causes for every change of a spec that is not allowed. The binding of a pod is a subresource and not checked here. */
export function podUpdateCauses(spec: PodSpec, old: PodSpec): readonly Cause[] {
  return [...deadlineCauses(spec, old), ...tolerationCauses(spec, old), ...frozenCauses(spec, old)];
}

function frozenCauses(spec: PodSpec, old: PodSpec): readonly Cause[] {
  const masked: PodSpec = {
    ...spec,
    containers: withImagesOf(spec.containers, old.containers),
    ...(spec.initContainers === undefined
      ? {}
      : { initContainers: withImagesOf(spec.initContainers, old.initContainers ?? []) }),
    ...pick(old, ['activeDeadlineSeconds', 'tolerations']),
    ...(spec.terminationGracePeriodSeconds === 1 && (old.terminationGracePeriodSeconds ?? 0) < 0
      ? pick(old, ['terminationGracePeriodSeconds'])
      : {}),
    ...gateChange(spec, old),
  };
  if (isDeepStrictEqual(defined(masked), defined(old))) {
    return [];
  }
  return [forbidden('spec', `${DETAIL}\n${unifiedDiff(goTextOf(old), goTextOf(masked))}`)];
}

/** Scheduling gates may only go. */
function gateChange(spec: PodSpec, old: PodSpec): Partial<PodSpec> {
  const before = (old.schedulingGates ?? []).map(({ name }) => name);
  const onlyFewer = (spec.schedulingGates ?? []).every(({ name }) => before.includes(name));
  return onlyFewer ? pick(old, ['schedulingGates']) : {};
}

function withImagesOf(containers: PodSpec['containers'], old: PodSpec['containers']): PodSpec['containers'] {
  return containers.map((container, index) => {
    const image = old[index]?.image;
    return image === undefined ? container : { ...container, image };
  });
}

function pick(spec: PodSpec, keys: readonly (keyof PodSpec)[]): Partial<PodSpec> {
  return Object.fromEntries(keys.map((key) => [key, spec[key]]));
}

function defined(spec: PodSpec): unknown {
  return JSON.parse(JSON.stringify(spec));
}

function deadlineCauses(spec: PodSpec, old: PodSpec): readonly Cause[] {
  const field = 'spec.activeDeadlineSeconds';
  const [now, before] = [spec.activeDeadlineSeconds, old.activeDeadlineSeconds];
  if (before === undefined) return [];
  if (now === undefined) return [invalid(field, now, 'must not update from a positive integer to nil value')];
  return now > before ? [invalid(field, now, `must be less than or equal to previous value`)] : [];
}

/** Tolerations may be added; of one that is there only tolerationSeconds may change. */
function tolerationCauses(spec: PodSpec, old: PodSpec): readonly Cause[] {
  const now = (spec.tolerations ?? []).map(withoutTime);
  const kept = (old.tolerations ?? []).every((before) =>
    now.some((one) => isDeepStrictEqual(one, withoutTime(before))),
  );
  return kept
    ? []
    : [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

function withoutTime({ key, operator, value, effect }: Toleration): Toleration {
  return { key, operator, value, effect };
}
