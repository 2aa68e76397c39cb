/** Amounts of resources: what pods ask for, what nodes have. CPU in thousandths of a core, all else in whole units. */
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import { amountsInForce } from '#api/core/pod-resources.ts';
import { milliValue, wholeValue } from '#machinery/quantity.ts';

/** Amount by resource name. */
export type Amounts = ReadonlyMap<string, number>;

type Quantities = Readonly<Record<string, string | number>>;
type Containers = NonNullable<Pod['spec']['initContainers']>;

const remembered = new WeakMap<Pod, Amounts>();

/**
 * What a pod takes of its node, as upstream counts it: the sum of its containers and sidecars, or its largest init
 * container where that is more, plus the overhead, plus itself (`pods`). A limit without a request counts as one; while a
 * container is resized, the greater amount counts.
 */
export function podRequests(pod: Pod): Amounts {
  const known = remembered.get(pod);
  if (known !== undefined) {
    return known;
  }
  const total = new Map<string, number>([['pods', 1]]);
  const inits = pod.spec.initContainers ?? [];
  const sidecars = inits.filter((container) => container.restartPolicy === 'Always');
  for (const container of [...pod.spec.containers, ...sidecars]) {
    add(total, containerRequests(pod, container));
  }
  for (const container of inits.filter((init) => init.restartPolicy !== 'Always')) {
    for (const [name, amount] of containerRequests(pod, container)) {
      total.set(name, Math.max(total.get(name) ?? 0, amount));
    }
  }
  add(total, amountsOf(pod.spec.overhead));
  remembered.set(pod, total);
  return total;
}

/** What a node can give to pods. */
export function nodeAllocatable(node: Node): Amounts {
  return amountsOf(node.status?.allocatable ?? node.status?.capacity);
}

/** Adds `amounts` to `total`. */
export function add(total: Map<string, number>, amounts: Amounts): void {
  for (const [name, amount] of amounts) {
    total.set(name, (total.get(name) ?? 0) + amount);
  }
}

function containerRequests(pod: Pod, container: Containers[number]): Amounts {
  return amountsOf({ ...container.resources?.limits, ...amountsInForce(pod, container, 'requests') });
}

function amountsOf(quantities: Quantities | undefined): Amounts {
  return new Map(
    Object.entries(quantities ?? {}).map(([name, quantity]) => [
      name,
      name === 'cpu' ? milliValue(quantity) : wholeValue(quantity),
    ]),
  );
}
