/** Quality-of-service class of a pod. k8s.io/kubernetes/pkg/apis/core/v1/helper/qos. */
import { quantityValue } from '../../quantity.ts';
import type { Container } from '../container.ts';
import type { PodSpec } from '../pod-spec.ts';

const COUNTED = ['cpu', 'memory'] as const;

/** Guaranteed: limits everywhere and equal to requests; BestEffort: nothing asked for; else Burstable. */
export function qosClassOf(
  spec: Pick<PodSpec, 'containers' | 'initContainers'>,
): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const asks = containers.some(({ resources }) =>
    COUNTED.some((name) => isPositive(resources?.requests?.[name]) || isPositive(resources?.limits?.[name])),
  );
  if (!asks) return 'BestEffort';
  return containers.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
}

function isGuaranteed({ resources }: Container): boolean {
  return COUNTED.every((name) => {
    const limit = resources?.limits?.[name];
    const request = resources?.requests?.[name] ?? limit;
    return isPositive(limit) && quantityValue(request) === quantityValue(limit);
  });
}

function isPositive(quantity: string | number | undefined): boolean {
  return (quantityValue(quantity) ?? 0) > 0;
}
