/** Overhead and placement of pods by their runtime class (kubernetes `plugin/pkg/admission/runtimeclass`). */
import { amountOf } from '#api/amount.ts';
import type { Toleration } from '#api/core/affinity.ts';
import type { Pod } from '#api/core/pod.ts';
import type { RuntimeClass } from '#api/node.k8s.io/runtime-class.ts';
import type { Store } from '#store/store.ts';
import { deepEqual } from '../../patch/equal.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { refused } from '../refusals.ts';
import { lookup } from '../stored.ts';
import { isNewPod, podOf, withSpec } from './pod.ts';

type Amounts = NonNullable<Pod['spec']['overhead']>;

export function runtimeClasses(store: Store): AdmissionPlugin {
  return {
    name: 'RuntimeClass',
    concerns: isNewPod,
    mutate(attributes) {
      const pod = podOf(attributes);
      const found = pod === undefined ? undefined : classOf(store, attributes, pod);
      if (pod === undefined || found === undefined) {
        return attributes.object;
      }
      const { overhead, scheduling } = found;
      return withSpec(pod, {
        ...(overhead?.podFixed === undefined
          ? {}
          : { overhead: overheadOf(attributes, pod, overhead.podFixed) }),
        ...(scheduling?.nodeSelector === undefined
          ? {}
          : { nodeSelector: selectorOf(attributes, pod, scheduling.nodeSelector) }),
        ...(scheduling?.tolerations === undefined
          ? {}
          : { tolerations: merged(pod.spec.tolerations ?? [], scheduling.tolerations) }),
      });
    },
    validate(attributes) {
      const pod = podOf(attributes);
      const found = pod === undefined ? undefined : classOf(store, attributes, pod);
      if (Object.keys(pod?.spec.overhead ?? {}).length > 0 && found?.overhead === undefined) {
        const why = 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead';
        throw refused(attributes, why);
      }
    },
  };
}

function classOf(store: Store, attributes: Attributes, { spec }: Pod): RuntimeClass | undefined {
  const name = spec.runtimeClassName ?? '';
  if (name === '') {
    return undefined;
  }
  const found = lookup<RuntimeClass>(store, 'runtimeclasses.node.k8s.io', '', name);
  if (found === undefined) {
    throw refused(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  }
  return found;
}

function overheadOf(attributes: Attributes, { spec }: Pod, wanted: Amounts): Amounts {
  const given = Object.entries(spec.overhead ?? {});
  const same =
    given.length === Object.keys(wanted).length &&
    given.every(([name, amount]) => amountOf(amount).nano === amountOf(wanted[name]).nano);
  if (given.length > 0 && !same) {
    throw refused(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  }
  return wanted;
}

function selectorOf(attributes: Attributes, { spec }: Pod, wanted: Readonly<Record<string, string>>) {
  const given = spec.nodeSelector ?? {};
  for (const [key, value] of Object.entries(wanted)) {
    const own = given[key];
    if (own !== undefined && own !== value) {
      const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`;
      throw refused(attributes, why);
    }
  }
  return { ...given, ...wanted };
}

function merged(given: readonly Toleration[], wanted: readonly Toleration[]): readonly Toleration[] {
  return [...given, ...wanted.filter((one) => !given.some((other) => deepEqual(one, other)))];
}
