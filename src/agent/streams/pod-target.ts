/** Which container a stream is about, and why it cannot be had. Kubelet's words. */
import type { ContainerStatus, Pod } from '#api/core/pod.ts';
import type { ContainerView } from '#drivers/pod/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { createdByLabel } from '../sandbox-deps.ts';

/** What streams are served from. */
export interface StreamBackend {
  findPod(namespace: string, name: string): Pod | undefined;
  /** Runs of a pod, oldest first in each container. */
  views(podUid: string): readonly ContainerView[];
  netns(pod: Pod): string;
  /** File with what a guest prints on its serial line. */
  serialLog(vmiUid: string): Promise<string | undefined>;
}

/** Reasons and their status codes. */
export const streamCodes: Readonly<Record<string, number>> = {
  NotFound: 404,
  BadRequest: 400,
  BadGateway: 502,
};

/** The pod. @throws PatchbayError `NotFound` */
export function podOf(backend: StreamBackend, namespace: string, name: string): Pod {
  const found = backend.findPod(namespace, name);
  if (found === undefined) {
    throw new PatchbayError('NotFound', `pod "${name}" in namespace "${namespace}" is not on this node`, {
      retryable: false,
    });
  }
  return found;
}

/** UID of the VMI a pod was made for. */
export function vmiUidOf({ metadata }: Pod): string | undefined {
  return metadata.labels?.[createdByLabel];
}

/** The run whose log is asked for. @throws PatchbayError `BadRequest` */
export function runForLog(
  backend: StreamBackend,
  pod: Pod,
  container: string,
  previous: boolean,
): ContainerView {
  const views = backend.views(pod.metadata.uid ?? '').filter((view) => view.container.name === container);
  const about = `container "${container}" in pod "${pod.metadata.name}"`;
  if (previous) {
    const status = statusOf(pod, container);
    const isWaiting = status?.state?.waiting !== undefined;
    const earlier = isWaiting ? views.at(-1) : views.at(-2);
    if (earlier === undefined) {
      throw bad(`previous terminated ${about} not found`);
    }
    return earlier;
  }
  const last = views.at(-1);
  if (last !== undefined) {
    return last;
  }
  const reason = statusOf(pod, container)?.state?.waiting?.reason;
  switch (reason) {
    case 'ErrImagePull':
      throw bad(`${about} is waiting to start: image can't be pulled`);
    case 'ImagePullBackOff':
      throw bad(`${about} is waiting to start: trying and failing to pull image`);
    default:
      throw bad(`${about} is waiting to start: ${reason ?? 'no logs yet'}`);
  }
}

/** The run that commands and input go to. @throws PatchbayError `BadRequest` */
export function runningRun(backend: StreamBackend, pod: Pod, container: string): ContainerView {
  if (vmiUidOf(pod) !== undefined) {
    throw bad(
      `container "${container}" in pod "${pod.metadata.name}" is a virtual machine's and has no shell: use virtctl console or virtctl ssh, or log in to the guest`,
    );
  }
  const view = backend
    .views(pod.metadata.uid ?? '')
    .findLast((one) => one.container.name === container && one.phase.type === 'running');
  if (view === undefined) {
    throw new PatchbayError('NotFound', `container not found ("${container}")`, { retryable: false });
  }
  return view;
}

function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const {
    initContainerStatuses = [],
    containerStatuses = [],
    ephemeralContainerStatuses = [],
  } = status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find(
    (one) => one.name === name,
  );
}

function bad(message: string): PatchbayError {
  return new PatchbayError('BadRequest', message, { retryable: false });
}
