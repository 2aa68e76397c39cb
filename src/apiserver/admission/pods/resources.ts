/** What a pod asks for as a whole (kubernetes `component-helpers/resource`). */
import type { Container } from '#api/core/container.ts';
import type { Pod } from '#api/core/pod.ts';
import { amountsInForce } from '#api/core/pod-resources.ts';
import { type Amount, amountOf, most, plus } from '../amount.ts';

export type Amounts = ReadonlyMap<string, Amount>;
type Side = 'requests' | 'limits';
type Given = Readonly<Record<string, string | number>> | undefined;

/** Amounts by resource of a manifest. */
export function amountsOf(given: Given): Amounts {
  return new Map(Object.entries(given ?? {}).map(([name, value]) => [name, amountOf(value)]));
}

/** Sums by resource. */
export function added(a: Amounts, b: Amounts): Amounts {
  return combined(a, b, plus);
}

function combined(a: Amounts, b: Amounts, join: (a: Amount, b: Amount) => Amount): Amounts {
  const result = new Map(a);
  for (const [name, amount] of b) {
    const before = result.get(name);
    result.set(name, before === undefined ? amount : join(before, amount));
  }
  return result;
}

/**
 * Requests or limits of a pod: the sum of its containers and sidecars, or the greatest init container with the sidecars
 * before it; then the resources of the pod itself where it names any, and its overhead. While a container is resized, the
 * greater amount counts unless only what is `asked` for is wanted.
 */
export function podAmounts(pod: Pod, side: Side, { overhead = true, asked = false } = {}): Amounts {
  const { spec } = pod;
  const amounts = (container: Container): Amounts =>
    amountsOf(asked ? container.resources?.[side] : amountsInForce(pod, container, side));
  let sum: Amounts = new Map();
  for (const container of spec.containers) {
    sum = added(sum, amounts(container));
  }
  let sidecars: Amounts = new Map();
  let init: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = amounts(container);
    if (container.restartPolicy === 'Always') {
      sum = added(sum, own);
      sidecars = added(sidecars, own);
      init = combined(init, sidecars, most);
    } else {
      init = combined(init, added(own, sidecars), most);
    }
  }
  const containers = combined(sum, init, most);
  const whole = new Map([...containers, ...amountsOf(spec.resources?.[side])]);
  if (!overhead) {
    return whole;
  }
  const extra = amountsOf(spec.overhead);
  // Limits only grow where there is one.
  const counted = side === 'requests' ? extra : new Map([...extra].filter(([name]) => whole.has(name)));
  return added(whole, counted);
}
