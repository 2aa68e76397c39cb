/** Which definitions a pod is on. */
import type { Pod } from '../core/pod.ts';

/** Keys `<namespace>/<name>` of the definitions a pod is on, by OVN's annotation; none once it has ended. */
export function definitionsOf(pod: Pod): readonly string[] {
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return [];
  const text = pod.metadata.annotations?.['k8s.ovn.org/pod-networks'];
  const keys = text === undefined ? [] : [...text.matchAll(/"([a-z0-9.-]+\/[a-z0-9.-]+)(?:\/\d+)?":\{/g)];
  return [...new Set(keys.flatMap(([, key]) => key ?? []))];
}
