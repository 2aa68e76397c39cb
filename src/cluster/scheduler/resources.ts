/** Amounts of resources: what pods ask for, what nodes have. CPU in thousandths of a core, all else in whole units. */
import { milliOf, unitsOf } from '#api/amount.ts';
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import {
  amountsOf,
  type Amounts as Exact,
  podRequests as exactRequests,
  whileResized,
} from '#api/core/pod-resources.ts';

/** Amount by resource name. */
export type Amounts = ReadonlyMap<string, number>;

const remembered = new WeakMap<Pod, Amounts>();

/** What a pod takes of its node: its requests as upstream sums them up while it may be resized, and itself (`pods`). */
export function podRequests(pod: Pod): Amounts {
  const known = remembered.get(pod);
  if (known !== undefined) {
    return known;
  }
  const total = new Map([['pods', 1], ...numbers(exactRequests(pod, whileResized))]);
  remembered.set(pod, total);
  return total;
}

/** What a node can give to pods. */
export function nodeAllocatable(node: Node): Amounts {
  return new Map(numbers(amountsOf(node.status?.allocatable ?? node.status?.capacity)));
}

/** Adds `amounts` to `total`. */
export function add(total: Map<string, number>, amounts: Amounts): void {
  for (const [name, amount] of amounts) {
    total.set(name, (total.get(name) ?? 0) + amount);
  }
}

function numbers(amounts: Exact): readonly (readonly [string, number])[] {
  return [...amounts].map(([name, amount]) => [name, name === 'cpu' ? milliOf(amount) : unitsOf(amount)]);
}
