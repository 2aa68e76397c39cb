import type { Part } from '#api/nmstate.io/admission/desired-state.ts';
import type { InterfaceView } from '#drivers/ip/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Resource } from '#node-state/resource.ts';
import type { NetworkDraft } from './network-draft.ts';

/** What the node can, as far as its network is concerned; from the kernel probes. */
export interface NetworkFacts {
  readonly bridgeVlanFiltering: boolean;
  readonly vlanDevices: boolean;
  readonly bonding: boolean;
  /** Open vSwitch forwards in user space: offloads must be off on the NICs it reads. */
  readonly ovsUserspace: boolean;
}

/** A node's network as it is. */
export interface NetworkView {
  readonly nodeName: string;
  readonly interfaces: readonly InterfaceView[];
  /** Resources of the node's scope, as the drivers read them back. */
  readonly resources: readonly Resource[];
  readonly facts: NetworkFacts;
}

/** One interface of a desired state, being laid over the draft. */
export interface Placed {
  readonly part: Part;
  /** Path for messages, such as `spec.desiredState.interfaces[0]`. */
  readonly field: string;
  readonly name: string;
  readonly view: NetworkView;
  readonly draft: NetworkDraft;
}

/** An error that trying again does not mend. */
export function invalidState(field: string, message: string): PatchbayError {
  return new PatchbayError('InvalidNetworkState', `${field}: ${message}`, { retryable: false });
}
