/** How an attachment type becomes node state: one file per CNI type, listed in `cni.ts`. */
import type { Cause } from '#api/meta.ts';
import type { Link } from '#node-state/link.ts';
import type { Resource } from '#node-state/resource.ts';
import type { Forbidden } from './guest-rules.ts';
import type { PodNetwork } from './ovn-overlay.ts';

/** What a node can do and has, as far as attachments care. */
export interface NodeFacts {
  /** CONFIG_BRIDGE_VLAN_FILTERING; without it a Linux bridge is realised by an Open vSwitch bridge of the same name. */
  readonly bridgeVlanFiltering: boolean;
  /** Open vSwitch runs its userspace (netdev) datapath: offloads must be off on every link it reads. */
  readonly ovsUserspace: boolean;
  /** Bridges an NNCP (or somebody else) made: name -> what realises them. */
  readonly bridges: ReadonlyMap<
    string,
    { readonly realisedBy: 'linux-bridge' | 'ovs-bridge'; readonly mtu: number }
  >;
  /** `ovn-bridge-mappings`: physical network -> Open vSwitch bridge; absent counts as none. */
  readonly mappings?: ReadonlyMap<string, string>;
  /** Largest packet of the default pod network, bytes: the underlay's less 100 for Geneve. */
  readonly podMtu: number;
  /** The kernel passes bridged frames to the IP hooks of nftables unless told not to (`net.bridge.bridge-nf-call-*`). */
  readonly bridgeNetfilter?: boolean;
}

/** One attachment of one pod. */
export interface AttachmentInput {
  readonly sandbox: {
    readonly netns: string;
    readonly podUid: string;
    readonly podNamespace: string;
    readonly podName: string;
  };
  /** Name of the pod's end: `eth0`, `net1`, `pod<hash>`. */
  readonly interfaceName: string;
  /** Requested MAC, when one was. */
  readonly mac?: string;
  /** The NAD's parsed `spec.config`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Key of the attachment in the pod's annotation: `<namespace>/<nad>`, with `/<n>` when attached again. */
  readonly key?: string;
  /** What that annotation tells of it, once the fabric has written it. */
  readonly place?: PodNetwork;
  readonly node: NodeFacts;
}

/** An attachment as node state. */
export interface Attachment {
  /** The pod's end. */
  readonly podLink: Link;
  /** Addresses and routes on it. */
  readonly podResources: readonly Resource[];
  /** The node's end: bridge ports, Open vSwitch ports, filters. */
  readonly nodeResources: readonly Resource[];
  readonly gateways: readonly string[];
  /** Frames of the guest with another source MAC than its own are to be dropped in the sandbox too. */
  readonly macSpoofCheck?: { readonly mayTag: boolean };
  /** What must not leave the pod's end although the network would let it. */
  readonly forbidden?: readonly Forbidden[];
  /** The network itself answers the guest's DHCP requests. */
  readonly servesDhcp?: boolean;
}

/** A CNI plug-in type. */
export interface CniType {
  /** `type` values of a NAD's config this file serves. */
  readonly types: readonly string[];
  /** Checks a NAD's config; `field` is the path to name in causes. */
  validate(config: Readonly<Record<string, unknown>>, field: string): readonly Cause[];
  /** Pure. Throws a PatchbayError (reason for the pod's event) when the node lacks what the config names. */
  compose(input: AttachmentInput): Attachment;
}
