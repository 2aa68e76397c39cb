/** Which of several nodes that can take a pod shall: the least loaded, and away from pods of the same group. */
import type { Pod } from '#api/core/pod.ts';
import { includesLabels, meets } from '#machinery/selectors.ts';
import type { NodeView } from './filters.ts';
import { podRequests } from './resources.ts';

/**
 * The node with the highest score; by name among equals, so that the same input gives the same answer.
 * Score = least allocated (0..100) + spread (0..100) + preferred node affinity (0..100).
 */
export function bestNode(pod: Pod, fitting: readonly NodeView[]): NodeView | undefined {
  const group = fitting.map(({ pods }) => pods.filter((other) => inSameGroup(pod, other)).length);
  const most = Math.max(1, ...group);
  const scored = fitting.map((view, index) => ({
    view,
    score: leastAllocated(pod, view) + 100 * (1 - (group[index] ?? 0) / most) + preference(pod, view),
  }));
  const [best] = scored.toSorted(
    (a, b) => b.score - a.score || (a.view.node.metadata.name < b.view.node.metadata.name ? -1 : 1),
  );
  return best?.view;
}

function leastAllocated(pod: Pod, { allocatable, used }: NodeView): number {
  const requests = podRequests(pod);
  const free = ['cpu', 'memory'].map((resource) => {
    const total = allocatable.get(resource) ?? 0;
    const taken = (used.get(resource) ?? 0) + (requests.get(resource) ?? 0);
    return total === 0 ? 0 : Math.max(0, (total - taken) / total);
  });
  return (100 * free.reduce((sum, share) => sum + share, 0)) / free.length;
}

/** Pods of one controller, or launcher pods of one namespace, are a group: they had better not fail together. */
function inSameGroup(pod: Pod, other: Pod): boolean {
  if (pod.metadata.namespace !== other.metadata.namespace) {
    return false;
  }
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
  if (owner !== undefined && other.metadata.ownerReferences?.some(({ uid }) => uid === owner) === true) {
    return true;
  }
  const launcher = { 'kubevirt.io': 'virt-launcher' };
  return includesLabels(pod.metadata.labels, launcher) && includesLabels(other.metadata.labels, launcher);
}

function preference(pod: Pod, { node }: NodeView): number {
  const terms = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const total = terms.reduce((sum, { weight }) => sum + weight, 0);
  const met = terms.filter(({ preference: term }) =>
    (term.matchExpressions ?? []).every((requirement) => meets(requirement, node.metadata.labels ?? {})),
  );
  return total === 0 ? 0 : (100 * met.reduce((sum, { weight }) => sum + weight, 0)) / total;
}
