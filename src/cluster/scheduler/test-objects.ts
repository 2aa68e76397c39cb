/** Nodes and pods as the scheduler's tests need them. */
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import type { NodeView } from './filters.ts';
import { add, nodeAllocatable, podRequests } from './resources.ts';

/** A bridge as a resource. */
export const br1 = 'bridge.network.kubevirt.io/br1';

/** A ready node with 4 CPUs and 8 GiB. */
export function nodeNamed(name: string, overrides: Partial<Node> = {}, allocatable = {}): Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable },
    },
    ...overrides,
  };
}

/** A launcher pod. */
export function podNamed(
  name: string,
  spec: Partial<Pod['spec']> = {},
  requests: Record<string, string> = {},
): Pod {
  const labels = { 'kubevirt.io': 'virt-launcher' };
  return {
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'compute', resources: { requests } }], ...spec },
  };
}

/** A node with these pods on it. */
export function view(one: Node, ...pods: readonly Pod[]): NodeView {
  const used = new Map<string, number>();
  for (const each of pods) {
    add(used, podRequests(each));
  }
  return { node: one, allocatable: nodeAllocatable(one), used, pods };
}
