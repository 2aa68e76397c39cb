/** What the end of a guest and the failures of a sandbox mean for the pod. Pure. */
import type { VmStatus } from '#drivers/qemu/driver.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { PodState } from './report-pod.ts';

type Ended = Extract<PodState, { type: 'ended' }>;
type Waiting = Extract<PodState, { type: 'waiting' }>;

/** What may come without our being told of it is looked for again after this time. */
export const lookAgainMs = 10_000;
const awaited: ReadonlySet<string> = new Set([
  'BridgeNotFound',
  'BridgeMappingNotFound',
  'PodNetworkPending',
  'NetworkAttachmentDefinitionNotFound',
  'ImageNotFound',
  'SecretNotFound',
]);

/** True for failures that end when something else comes: no reason to try in quick succession. */
export function isAwaited(error: unknown): boolean {
  return error instanceof PatchbayError && awaited.has(error.reason);
}

/** How a guest in this state ended; undefined while it goes on. */
export function endingOf(status: VmStatus | undefined): Ended | undefined {
  const failed = (reason: string, message: string): Ended => ({
    type: 'ended',
    succeeded: false,
    reason,
    message,
  });
  switch (status) {
    case 'shutdown':
      return {
        type: 'ended',
        succeeded: true,
        reason: 'Completed',
        message: 'The guest powered itself off.',
      };
    case 'panicked':
      return failed('GuestPanicked', 'The guest panicked.');
    case 'exited':
      return failed('Error', 'QEMU ended unexpectedly; its log is in the directory of the machine.');
    default:
      return undefined;
  }
}

/** The end of a guest that was running and of which nothing is left. */
export const lost: Ended = {
  type: 'ended',
  succeeded: false,
  reason: 'GuestLost',
  message: 'QEMU is gone; the node was restarted or its state was removed.',
};

const machineReasons: ReadonlySet<string> = new Set(['UnsupportedVolume', 'MemoryMissing', 'SecretNotFound']);

/** A failure as the reason of an event, and as the state of the pod's containers, in kubelet's words. */
export function failureOf(error: PatchbayError): { readonly event: string; readonly state: Waiting } {
  const isImage = error.reason === 'ImageNotFound';
  const isMachine = machineReasons.has(error.reason);
  const reason = isImage ? 'ErrImagePull' : isMachine ? 'CreateContainerConfigError' : 'ContainerCreating';
  return {
    event: isImage || isMachine ? 'Failed' : 'FailedCreatePodSandBox',
    state: { type: 'waiting', reason, message: messageOf(error).slice(0, 1024) },
  };
}
