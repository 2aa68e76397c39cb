/** Priority of a new pod by its class. Pure, for the server's admission. plugin/pkg/admission/priority. */
import { type PriorityClass, systemPriorities } from '../../scheduling.k8s.io/priority-class.ts';
import type { Pod } from '../pod.ts';

/** The pod with its priority, or upstream's sentence after `pods "a" is forbidden: `. */
export function resolvePriority(
  pod: Pod,
  classes: readonly PriorityClass[],
): { readonly pod: Pod } | { readonly refusal: string } {
  const fallback = classes.find(({ globalDefault }) => globalDefault === true);
  const name = pod.spec.priorityClassName || (fallback?.metadata.name ?? '');
  const found = classes.find(({ metadata }) => metadata.name === name);
  const value = name === '' ? 0 : (found?.value ?? systemPriorities[name]);
  if (value === undefined) {
    return { refusal: `no PriorityClass with name ${name} was found` };
  }
  const preemptionPolicy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (pod.spec.priority !== undefined && pod.spec.priority !== value) {
    return {
      refusal: `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    };
  }
  if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== preemptionPolicy) {
    return {
      refusal: `the string value of PreemptionPolicy (${pod.spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
    };
  }
  const spec = {
    ...pod.spec,
    priority: value,
    preemptionPolicy,
    ...(name === '' ? {} : { priorityClassName: name }),
  };
  return { pod: { ...pod, spec } };
}
