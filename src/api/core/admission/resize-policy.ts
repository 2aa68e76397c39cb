/** What a change of a container's resources entails. k8s.io/kubernetes/pkg/apis/core validateResizePolicy; a server of 1.36 stores no default. */
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
