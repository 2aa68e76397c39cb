/** Priority of pods by their class (kubernetes `plugin/pkg/admission/priority`). */
import type { Pod } from '#api/core/pod.ts';
import type { PriorityClass } from '#api/scheduling.k8s.io/priority-class.ts';
import type { Store } from '#store/store.ts';
import type { ApiObject } from '../../registry/objects.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { refused } from '../refusals.ts';
import { listed, lookup } from '../stored.ts';
import { isPod, podOf, withSpec } from './pod.ts';

const resource = 'priorityclasses.scheduling.k8s.io';

export function priority(store: Store): AdmissionPlugin {
  return {
    name: 'Priority',
    concerns: (target) => (target.operation === 'CREATE' || target.operation === 'UPDATE') && isPod(target),
    mutate(attributes) {
      const pod = podOf(attributes);
      if (pod === undefined) {
        return attributes.object;
      }
      return attributes.operation === 'CREATE' ? resolved(store, attributes, pod) : kept(attributes, pod);
    },
  };
}

function resolved(store: Store, attributes: Attributes, pod: Pod): ApiObject {
  const { priorityClassName: name = '', priority: given, preemptionPolicy } = pod.spec;
  const found = name === '' ? defaultClass(store) : lookup<PriorityClass>(store, resource, '', name);
  if (name !== '' && found === undefined) {
    throw refused(attributes, `no PriorityClass with name ${name} was found`);
  }
  const value = found?.value ?? 0;
  if (given !== undefined && given !== value) {
    const why = `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
    throw refused(attributes, why);
  }
  const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (preemptionPolicy !== undefined && preemptionPolicy !== policy) {
    const why = `the string value of PreemptionPolicy (${preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`;
    throw refused(attributes, why);
  }
  const className = found === undefined ? {} : { priorityClassName: found.metadata.name };
  return withSpec(pod, { ...className, priority: value, preemptionPolicy: policy });
}

/** Of several classes that call themselves the default, the one of least value. */
function defaultClass(store: Store): PriorityClass | undefined {
  return listed<PriorityClass>(store, resource)
    .filter(({ globalDefault }) => globalDefault === true)
    .sort((a, b) => a.value - b.value)[0];
}

/** An update that leaves the values out keeps them. */
function kept({ object, old }: Attributes, pod: Pod): ApiObject | undefined {
  const before = (old as unknown as Pod | undefined)?.spec;
  const wanted = {
    priority: pod.spec.priority ?? before?.priority,
    preemptionPolicy: pod.spec.preemptionPolicy ?? before?.preemptionPolicy,
  };
  return wanted.priority === pod.spec.priority && wanted.preemptionPolicy === pod.spec.preemptionPolicy
    ? object
    : withSpec(pod, Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)));
}
