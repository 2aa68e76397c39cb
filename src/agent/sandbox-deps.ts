/** What the pod loop works with. */
import type { Pod } from '#api/core/pod.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { NodeFacts } from '#cni/attachment.ts';
import type { ImageStore } from '#drivers/image/driver.ts';
import type { VmDriver } from '#drivers/qemu/driver.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { Clock } from '#machinery/clock.ts';
import type { EventRecorder } from '#machinery/events.ts';
import type { Informer } from '#machinery/informer.ts';
import type { Log } from '#machinery/log.ts';
import type { Accelerator } from '#node-state/vm.ts';
import type { GuestSettings } from './compose-cards.ts';
import type { GuestWatch } from './guest-watch.ts';
import type { PlainPods } from './pods/plain-pods.ts';
import type { World } from './world.ts';

/** Index of pods by UID. */
export const byUid = 'uid';
/** Index of pods by the UID of the VMI they were made for. */
export const byVmi = 'vmi';
/** Label of a launcher pod: its VMI's UID. */
export const createdByLabel = 'kubevirt.io/created-by';

/** Parts of the loop. */
export interface SandboxDeps {
  readonly client: ApiClient;
  /** Pods of this node, with indexes `byUid` and `byVmi`. */
  readonly pods: Informer<Pod>;
  /** VMIs of this node, with index `byUid`. */
  readonly vmis: Informer<VirtualMachineInstance>;
  readonly nads: Informer<NetworkAttachmentDefinition>;
  readonly world: World;
  readonly facts: () => NodeFacts;
  readonly vm: VmDriver;
  /** Waits until OVN has put up ports of the integration bridge; absent: they count as up at once. */
  readonly portsBound?: (ports: readonly string[]) => Promise<void>;
  /** Containers of pods that are no launchers. */
  readonly plain: PlainPods;
  readonly guests: GuestWatch;
  readonly images: ImageStore;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly clock: Clock;
  readonly sandboxPrefix: string;
  /** Addresses of the node, the primary family first. */
  readonly nodeAddresses: readonly string[];
  readonly accelerator: Accelerator;
  readonly settings: GuestSettings;
}
