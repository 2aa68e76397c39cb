/** What a change of a container's resources entails. k8s.io/kubernetes/pkg/apis/core: setDefaultResizePolicies, validateResizePolicy. */
import { duplicate, invalid, notSupported } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { Container } from '../container.ts';
import type { PodSpec } from '../pod-spec.ts';

/** Resources that may change while a pod runs. */
export const resizable = ['cpu', 'memory'] as const;
export type Resizable = (typeof resizable)[number];

const policies = ['NotRequired', 'RestartContainer'];

/** Whether a change of that resource restarts the container. */
export function restartsFor({ resizePolicy = [] }: Container, resource: Resizable): boolean {
  return resizePolicy.some(
    ({ resourceName, restartPolicy }) => resourceName === resource && restartPolicy === 'RestartContainer',
  );
}

/** The container with `NotRequired` for each resource that it names and has no policy for. */
export function withResizePolicy<T extends Container>(container: T): T {
  const { resources, resizePolicy = [] } = container;
  const lacking = resizable.filter(
    (name) =>
      (resources?.requests?.[name] !== undefined || resources?.limits?.[name] !== undefined) &&
      !resizePolicy.some(({ resourceName }) => resourceName === name),
  );
  return lacking.length === 0
    ? container
    : {
        ...container,
        resizePolicy: [
          ...resizePolicy,
          ...lacking.map((resourceName) => ({ resourceName, restartPolicy: 'NotRequired' })),
        ],
      };
}

/**
 * The container with the policy it was stored with, where both say the same: a pod from before there was a default keeps none,
 * and a client that leaves the default out changes nothing.
 */
export function keepingResizePolicy<T extends Container>(container: T, old: Container | undefined): T {
  if (
    old === undefined ||
    resizable.some((name) => restartsFor(container, name) !== restartsFor(old, name))
  ) {
    return container;
  }
  const { resizePolicy: _, ...others } = container;
  const { resizePolicy } = old;
  return (resizePolicy === undefined ? others : { ...others, resizePolicy }) as T;
}

/** Checks the policies of a container; `at` is where it stands. */
export function resizePolicyCauses(
  { resizePolicy = [] }: Container,
  at: string,
  podRestarts: PodSpec['restartPolicy'],
): readonly Cause[] {
  const field = `${at}.resizePolicy`;
  const seen = new Set<string>();
  return resizePolicy.flatMap(({ resourceName, restartPolicy }, index) => {
    const again = seen.has(resourceName);
    seen.add(resourceName);
    return [
      ...(again ? [duplicate(`${field}[${index}]`, resourceName, '')] : []),
      ...(resizable.some((name) => name === resourceName)
        ? []
        : [notSupported(field, resourceName, resizable)]),
      ...(policies.includes(restartPolicy) ? [] : [notSupported(field, restartPolicy, policies)]),
      ...(podRestarts === 'Never' && restartPolicy !== 'NotRequired'
        ? [invalid(field, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'")]
        : []),
    ];
  });
}
