/** Containers added to a running pod. k8s.io/kubernetes/pkg/apis/core/validation ValidatePodEphemeralContainersUpdate. */
import { isDeepStrictEqual } from 'node:util';
import { duplicate, forbidden } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { EphemeralContainer } from '../container.ts';
import type { PodSpec } from '../pod-spec.ts';

/** Fields an ephemeral container may have: nothing that a pod's service would rest on. */
const ALLOWED: ReadonlySet<string> = new Set([
  'name',
  'image',
  'command',
  'args',
  'workingDir',
  'env',
  'envFrom',
  'volumeMounts',
  'volumeDevices',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'securityContext',
  'stdin',
  'stdinOnce',
  'tty',
  'targetContainerName',
]);

/** What is wrong with the ephemeral containers of a pod besides what is checked in every container. */
export function ephemeralCauses(spec: PodSpec, at: string): readonly Cause[] {
  const others = new Set([...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name));
  const seen = new Set(others);
  return (spec.ephemeralContainers ?? []).flatMap((container, index) => {
    const field = `${at}[${index}]`;
    const { name, targetContainerName: target = '' } = container;
    const isTaken = seen.has(name);
    seen.add(name);
    return [
      ...(isTaken ? [duplicate(`${field}.name`, name, '')] : []),
      ...(target === '' || others.has(target)
        ? []
        : [
            {
              type: 'FieldValueNotFound',
              field: `${field}.targetContainerName`,
              message: '',
              value: target,
            } as const,
          ]),
      ...fieldCauses(container, field),
    ];
  });
}

function fieldCauses(container: EphemeralContainer, field: string): readonly Cause[] {
  const detail = 'cannot be set for an Ephemeral Container';
  const set = Object.entries(container).filter(([name, value]) => !ALLOWED.has(name) && !isEmpty(value));
  const mounts = (container.volumeMounts ?? []).flatMap((mount, index) =>
    (['subPath', 'subPathExpr'] as const)
      .filter((name) => !isEmpty(mount[name]))
      .map((name) => forbidden(`${field}.volumeMounts[${index}].${name}`, detail)),
  );
  return [...set.map(([name]) => forbidden(`${field}.${name}`, detail)), ...mounts];
}

/** As Go's zero values: what says nothing is not set. */
function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === '' ||
    (Array.isArray(value) && value.length === 0) ||
    isDeepStrictEqual(value, {})
  );
}

/** Those that are there stay as they are: a pod only gets more of them. */
export function ephemeralUpdateCauses(spec: PodSpec, old: PodSpec): readonly Cause[] {
  const at = 'spec.ephemeralContainers';
  const now = new Map((spec.ephemeralContainers ?? []).map((one) => [one.name, one]));
  return (old.ephemeralContainers ?? []).flatMap((before) => {
    const after = now.get(before.name);
    const name = JSON.stringify(before.name);
    if (after === undefined) {
      return [forbidden(at, `existing ephemeral containers ${name} may not be removed\n`)];
    }
    return isDeepStrictEqual(after, before)
      ? []
      : [forbidden(at, `existing ephemeral containers ${name} may not be changed\n`)];
  });
}
