/** What controllers of pods ask of a pod. k8s.io/kubernetes/pkg/api/v1/pod, pkg/controller/controller_utils.go. */
import type { Pod } from '#api/core/pod.ts';
import type { PodTemplateSpec } from '#api/core/pod-template.ts';
import type { OwnerReference } from '#api/meta.ts';
import { findCondition, hasCondition } from '#machinery/conditions.ts';

/** Neither at its end nor being deleted. */
export function isActive({ metadata, status }: Pod): boolean {
  return (
    status?.phase !== 'Succeeded' && status?.phase !== 'Failed' && metadata.deletionTimestamp === undefined
  );
}

/** Being deleted, and not at its end. */
export function isTerminating({ metadata, status }: Pod): boolean {
  return (
    status?.phase !== 'Succeeded' && status?.phase !== 'Failed' && metadata.deletionTimestamp !== undefined
  );
}

export function isReady({ status }: Pod): boolean {
  return hasCondition(status?.conditions, 'Ready');
}

/** Milliseconds until a ready pod has been ready for long enough; 0 = it is available, undefined = it is not ready. */
export function availableIn(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  if (!isReady(pod)) {
    return undefined;
  }
  const since = findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime;
  if (minReadySeconds === 0) {
    return 0;
  }
  return since === undefined ? undefined : Math.max(0, Date.parse(since) + minReadySeconds * 1000 - now);
}

/** The shortest of several waits. */
export function soonest(
  waits: readonly (number | undefined)[],
): { readonly requeueAfter: number } | undefined {
  const known = waits.filter((ms) => ms !== undefined && ms > 0) as readonly number[];
  return known.length === 0 ? undefined : { requeueAfter: Math.min(...known) };
}

/** A new pod of a template. Pure. */
export function composePod(
  template: PodTemplateSpec,
  owner: OwnerReference,
  namespace: string,
  generateName = `${owner.name}-`,
): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      name: '',
      generateName,
      namespace,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [owner],
    },
    spec: template.spec,
  };
}

const phases = ['Pending', 'Unknown', 'Running'];

/**
 * Orders pods so that those to be deleted first come first: not placed, pending, not ready, cheap to delete, on a node
 * with more of its kind, ready for a shorter time, restarted more often, younger. controller_utils.go ActivePodsWithRanks.
 */
export function deletionOrder(pods: readonly Pod[]): readonly Pod[] {
  const onNode = new Map<string, number>();
  for (const { spec } of pods) {
    onNode.set(spec.nodeName ?? '', (onNode.get(spec.nodeName ?? '') ?? 0) + 1);
  }
  const rank = (pod: Pod): readonly number[] => [
    pod.spec.nodeName === undefined ? 0 : 1,
    phases.indexOf(pod.status?.phase ?? 'Pending'),
    isReady(pod) ? 1 : 0,
    Number.parseInt(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '0', 10) || 0,
    -(onNode.get(pod.spec.nodeName ?? '') ?? 0),
    -timeOf(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime),
    -Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
    -timeOf(pod.metadata.creationTimestamp),
  ];
  return pods
    .map((pod) => ({ pod, rank: rank(pod) }))
    .sort((a, b) => compare(a.rank, b.rank) || (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1))
    .map(({ pod }) => pod);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

/** Unknown times count as just now. */
function timeOf(timestamp: string | undefined): number {
  return timestamp === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(timestamp);
}
