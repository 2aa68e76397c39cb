/** Quality-of-service class of a pod. k8s.io/kubernetes/pkg/apis/core/v1/helper/qos. */
import { quantityValue } from '../../quantity.ts';
import type { Container } from '../container.ts';
import { hasPodLevelResources } from '../pod-resources.ts';
import type { PodSpec } from '../pod-spec.ts';

const COUNTED = ['cpu', 'memory'] as const;

type Resources = Container['resources'];

/**
 * Guaranteed: limits everywhere and equal to requests; BestEffort: nothing asked for; else Burstable. Only what the pod itself
 * asks for counts where it asks for anything.
 */
export function qosClassOf(
  spec: Pick<PodSpec, 'containers' | 'initContainers' | 'resources'>,
): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all = hasPodLevelResources(spec)
    ? [spec.resources]
    : [...spec.containers, ...(spec.initContainers ?? [])].map(({ resources }) => resources);
  const asks = all.some((resources) =>
    COUNTED.some((name) => isPositive(resources?.requests?.[name]) || isPositive(resources?.limits?.[name])),
  );
  if (!asks) return 'BestEffort';
  return all.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function isGuaranteed(resources: Resources): boolean {
  return COUNTED.every((name) => {
    const limit = resources?.limits?.[name];
    const request = resources?.requests?.[name] ?? limit;
    return isPositive(limit) && quantityValue(request) === quantityValue(limit);
  });
}

function isPositive(quantity: string | number | undefined): boolean {
  return (quantityValue(quantity) ?? 0) > 0;
}
