/**
 * What a pod asks for as a whole: the one sum that quotas, limit ranges, the scheduler and the nodes take. Pure.
 * k8s.io/component-helpers/resource of Kubernetes 1.36 (`PodRequests`, `PodLimits`).
 */
import { type Amount, amountOf, most, plus, zero } from '../amount.ts';
import type { Container } from './container.ts';
import type { Pod } from './pod.ts';

type Side = 'requests' | 'limits';
type Given = Readonly<Record<string, string | number>> | undefined;
type Counted = Pick<Pod, 'spec' | 'status'>;

/** Amounts by resource, in its base unit (cores, bytes, pieces). */
export type Amounts = ReadonlyMap<string, Amount>;

/** What counts; the names are upstream's. Without any: what the spec says, with the overhead and the pod's own resources. */
export interface PodResourcesOptions {
  /**
   * Count also what the status says is set aside for containers and in force in them: by resource the greatest counts, so that
   * neither a resize to more nor one to less is counted too early. What the node can never hold does not count.
   */
  readonly useStatusResources?: boolean;
  /** The same for the resources of the pod itself; needs `useStatusResources`. */
  readonly inPlacePodLevelResourcesVerticalScalingEnabled?: boolean;
  readonly excludeOverhead?: boolean;
  /** Sum up the containers whatever the pod says of itself. */
  readonly skipPodLevelResources?: boolean;
}

/** Requests of a pod. Overhead counts for every resource. */
export function podRequests(pod: Counted, options: PodResourcesOptions = {}): Amounts {
  const whole = wholeOf(pod, 'requests', options);
  return options.excludeOverhead === true ? whole : added(whole, amountsOf(pod.spec.overhead));
}

/** Limits of a pod. Overhead counts where there is a limit above zero. */
export function podLimits(pod: Counted, options: PodResourcesOptions = {}): Amounts {
  const whole = wholeOf(pod, 'limits', options);
  const extra = [...amountsOf(pod.spec.overhead)].filter(([name]) => (whole.get(name) ?? zero).nano !== 0n);
  return options.excludeOverhead === true ? whole : added(whole, new Map(extra));
}

/** What counts of a pod that may just be resized: for quotas, and for the room that a node has left. */
export const whileResized: PodResourcesOptions = {
  useStatusResources: true,
  inPlacePodLevelResourcesVerticalScalingEnabled: true,
};

/** Whether a pod asks for anything as a whole. */
export function hasPodLevelResources({ resources }: Pick<Pod['spec'], 'resources'>): boolean {
  return Object.keys({ ...resources?.requests, ...resources?.limits }).some(isPodLevelResource);
}

/** Whether a pod may ask for a resource as a whole. */
export function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

/** Amounts of a manifest; what is no quantity counts as nothing. */
export function amountsOf(given: Given): Amounts {
  return new Map(Object.entries(given ?? {}).map(([name, value]) => [name, amountOf(value)]));
}

function wholeOf(pod: Counted, side: Side, options: PodResourcesOptions): Amounts {
  const containers = ofContainers(pod, side, options);
  if (options.skipPodLevelResources === true) {
    return containers;
  }
  const { spec, status } = pod;
  const useStatus =
    options.useStatusResources === true &&
    options.inPlacePodLevelResourcesVerticalScalingEnabled === true &&
    status?.resources !== undefined;
  const asked = amountsOf(spec.resources?.[side]);
  const effective = useStatus ? inForce(pod, spec.resources, status, side) : asked;
  const own = [...asked.keys()].filter(isPodLevelResource);
  return new Map([...containers, ...own.map((name) => [name, effective.get(name) ?? zero] as const)]);
}

/**
 * The sum of containers and sidecars, or where it is more the greatest init container with the sidecars before it: those run
 * beside it, and all sidecars beside the containers.
 */
function ofContainers(pod: Counted, side: Side, { useStatusResources }: PodResourcesOptions): Amounts {
  const amounts = (container: Container, mayResize: boolean): Amounts => {
    const status = useStatusResources === true && mayResize ? statusOf(pod, container) : undefined;
    return status?.resources === undefined
      ? amountsOf(container.resources?.[side])
      : inForce(pod, container.resources, status, side);
  };
  let sum: Amounts = new Map();
  for (const container of pod.spec.containers) {
    sum = added(sum, amounts(container, true));
  }
  let sidecars: Amounts = new Map();
  let init: Amounts = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    const isSidecar = container.restartPolicy === 'Always';
    const own = amounts(container, isSidecar);
    const beside = added(sidecars, own);
    init = greatest(init, beside);
    if (isSidecar) {
      sum = added(sum, own);
      sidecars = beside;
    }
  }
  return greatest(sum, init);
}

type Told = Pick<NonNullable<Pod['status']>, 'resources' | 'allocatedResources'>;

/** By resource the greatest of what is asked for, what is in force and, of requests, what is set aside. */
function inForce(
  { status }: Counted,
  asked: Container['resources'],
  { resources, allocatedResources }: Told,
  side: Side,
): Amounts {
  const actual = amountsOf(resources?.[side]);
  const known = side === 'requests' ? greatest(actual, amountsOf(allocatedResources)) : actual;
  return isResizeInfeasible(status) ? known : greatest(amountsOf(asked?.[side]), known);
}

/** True while a resize waits that the node can never hold: what is asked for does not count then. */
function isResizeInfeasible(status: Pod['status']): boolean {
  return status?.conditions?.find(({ type }) => type === 'PodResizePending')?.reason === 'Infeasible';
}

function statusOf({ status }: Counted, { name }: Container): Told | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  return [...initContainerStatuses, ...containerStatuses].find((one) => one.name === name);
}

function added(a: Amounts, b: Amounts): Amounts {
  return combined(a, b, plus);
}

function greatest(a: Amounts, b: Amounts): Amounts {
  return combined(a, b, most);
}

function combined(a: Amounts, b: Amounts, join: (a: Amount, b: Amount) => Amount): Amounts {
  if (b.size === 0) {
    return a;
  }
  const result = new Map(a);
  for (const [name, amount] of b) {
    const before = result.get(name);
    result.set(name, before === undefined ? amount : join(before, amount));
  }
  return result;
}
