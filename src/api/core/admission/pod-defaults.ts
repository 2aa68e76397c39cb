/** Defaults of a pod that its schema cannot say. k8s.io/kubernetes/pkg/apis/core/v1/defaults.go and default admission. */
import type { AdmissionRequest } from '../../kind.ts';
import type { Toleration } from '../affinity.ts';
import type { Container } from '../container.ts';
import type { Pod } from '../pod.ts';
import type { PodSpec } from '../pod-spec.ts';
import { qosClassOf } from './pod-qos.ts';
import { withPodLevelDefaults } from './resource-rules.ts';

/** Seconds a pod stays on a node that is not ready or cannot be reached. */
const TOLERATION_SECONDS = 300;
const NODE_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

export function withPodDefaults({ object, operation, subresource }: AdmissionRequest<Pod>): Pod {
  if (subresource === 'ephemeralcontainers') return { ...object, spec: withEphemeralDefaults(object.spec) };
  if (subresource === 'resize')
    return { ...object, spec: withPodLevelDefaults(ofContainers(object.spec, withRequests)) };
  if (subresource !== undefined || operation === 'DELETE') return object;
  const defaulted = withSpecDefaults(object.spec);
  const spec = { ...defaulted, tolerations: withNodeTolerations(defaulted.tolerations ?? []) };
  return operation === 'CREATE'
    ? { ...object, spec, status: { phase: 'Pending', qosClass: qosClassOf(spec) } }
    : { ...object, spec };
}

/** The defaults of the spec in a pod template: requests, host ports and identity are filled in when a pod is made of it. */
export function withTemplateSpecDefaults(spec: PodSpec): PodSpec {
  const account = spec.serviceAccountName || spec.serviceAccount;
  return {
    ...ofContainers(withEphemeralDefaults(spec), withPullPolicy),
    ...(spec.volumes === undefined ? {} : { volumes: spec.volumes.map(withVolumeSource) }),
    ...(account === undefined || account === ''
      ? {}
      : { serviceAccountName: account, serviceAccount: account }),
  };
}

function withEphemeralDefaults(spec: PodSpec): PodSpec {
  const { ephemeralContainers: added } = spec;
  return added === undefined ? spec : { ...spec, ephemeralContainers: added.map(withPullPolicy) };
}

function withPullPolicy<T extends Container>(container: T): T {
  return { ...container, imagePullPolicy: container.imagePullPolicy ?? pullPolicyOf(container.image ?? '') };
}

function withSpecDefaults(given: PodSpec): PodSpec {
  const spec = withTemplateSpecDefaults(given);
  const complete = (container: Container) => withContainerDefaults(container, spec.hostNetwork === true);
  const account = spec.serviceAccountName || spec.serviceAccount || 'default';
  return {
    ...withPodLevelDefaults(ofContainers(spec, complete)),
    serviceAccountName: account,
    serviceAccount: account,
  };
}

function ofContainers(spec: PodSpec, change: (container: Container) => Container): PodSpec {
  const { containers, initContainers } = spec;
  return {
    ...spec,
    containers: containers.map(change),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(change) }),
  };
}

function withContainerDefaults(container: Container, hostNetwork: boolean): Container {
  return {
    ...withRequests(container),
    ...(hostNetwork && container.ports !== undefined
      ? { ports: container.ports.map((port) => ({ ...port, hostPort: port.hostPort ?? port.containerPort })) }
      : {}),
  };
}

/** Limits are requests where no request is given. */
function withRequests(container: Container): Container {
  const { resources } = container;
  return resources?.limits === undefined
    ? container
    : { ...container, resources: { ...resources, requests: { ...resources.limits, ...resources.requests } } };
}

/** `Always` for `latest` or no tag, else `IfNotPresent`. */
function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function withVolumeSource(volume: NonNullable<PodSpec['volumes']>[number]) {
  return Object.keys(volume).length === 1 ? { ...volume, emptyDir: {} } : volume;
}

function withNodeTolerations(tolerations: readonly Toleration[]): readonly Toleration[] {
  const added = NODE_TAINTS.filter(
    (taint) =>
      !tolerations.some(
        ({ key, effect }) =>
          (key === taint || key === undefined || key === '') &&
          (effect === 'NoExecute' || effect === undefined),
      ),
  ).map(
    (key): Toleration => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: TOLERATION_SECONDS,
    }),
  );
  return [...tolerations, ...added];
}
