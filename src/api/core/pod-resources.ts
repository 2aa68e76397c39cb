/** Amounts of a pod's containers that count while a resize is on its way. k8s.io/component-helpers/resource. */
import { quantityValue } from '../quantity.ts';
import type { Container } from './container.ts';
import type { Pod } from './pod.ts';

type Side = 'requests' | 'limits';
/** Amounts by resource as they are written. */
export type Quantities = Readonly<Record<string, string | number>>;

/** True while a resize waits that the node can never hold: what is asked for does not count then. */
export function isResizeInfeasible({ status }: Pod): boolean {
  return (
    status?.conditions?.some(
      (one) => one.type === 'PodResizePending' && one.status === 'True' && one.reason === 'Infeasible',
    ) === true
  );
}

/**
 * Requests or limits of a container: by resource the greatest of what is asked for, what is set aside and what is in force, so
 * that neither a resize to more nor one to less is counted too early.
 */
export function amountsInForce(pod: Pod, container: Container, side: Side): Quantities {
  const asked = container.resources?.[side] ?? {};
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container.name);
  if (status?.resources === undefined && status?.allocatedResources === undefined) {
    return asked;
  }
  const actual = status.resources?.[side] ?? {};
  const known = side === 'requests' ? greatest(actual, status.allocatedResources ?? {}) : actual;
  return isResizeInfeasible(pod) ? known : greatest(asked, known);
}

function greatest(a: Quantities, b: Quantities): Quantities {
  const result = { ...a };
  for (const [name, amount] of Object.entries(b)) {
    const other = result[name];
    if (other === undefined || (quantityValue(amount) ?? 0) > (quantityValue(other) ?? 0)) {
      result[name] = amount;
    }
  }
  return result;
}
