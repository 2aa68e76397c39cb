/** How a VM interface meets its network: one file per binding, listed in `bindings.ts`. */

import type {
  VirtualMachineInstanceSpec,
  VmiInterface,
  VmiNetwork,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { Cause } from '#api/meta.ts';
import type { Link } from '#node-state/link.ts';
import type { Resource } from '#node-state/resource.ts';
import type { VmNic } from '#node-state/vm.ts';

/** The pod's end of an attachment, before a binding touches it. */
export interface PodInterface {
  readonly netns: string;
  /** `eth0`, `pod<hash>`, `ovn-udn1`. */
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** CIDRs. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly routes: readonly { readonly destination: string; readonly via?: string }[];
  /** The network itself answers DHCP requests. */
  readonly servesDhcp?: boolean;
}

/** What a binding composes from. */
export interface BindingInput {
  readonly interface: VmiInterface;
  readonly network: VmiNetwork;
  /** 0 for the primary interface, then 1, 2, … in the order of `spec.networks`. */
  readonly index: number;
  readonly pod: PodInterface;
  /** The link the attachment made for the pod; a binding may return it renamed or changed. */
  readonly podLink: Link;
  /** Resources of the attachment in the pod's namespace: addresses and routes of the pod's link. */
  readonly podResources: readonly Resource[];
  readonly spec: VirtualMachineInstanceSpec;
  /** MAC the guest gets: `spec…macAddress`, else the one of status (migration), else the pod's. */
  readonly guestMac: string;
  readonly hostname: string;
  readonly dns: { readonly servers: readonly string[]; readonly searches: readonly string[] };
  /** Numeric user id that opens the tap. */
  readonly qemuUser: number;
  readonly queues: number;
}

/** What a binding makes of it. */
export interface BindingOutput {
  /** Replaces `podLink` and `podResources`: every resource of this interface in the pod's namespace. */
  readonly resources: readonly Resource[];
  readonly nic: VmNic;
}

/** A binding method. */
export interface Binding {
  /** Key of the interface: `masquerade`, `bridge`, …; plug-in bindings are found by `binding.name`. */
  readonly name: string;
  /** Refusals beyond the schema; `field` is the interface's path. */
  validate(interface_: VmiInterface, network: VmiNetwork | undefined, field: string): readonly Cause[];
  /** Pure: the pod's wiring and the guest's card. */
  compose(input: BindingInput): BindingOutput;
}
