import type { Netns } from './resource.ts';

/** Flags of a link that is a bridge's port. */
export interface BridgePort {
  /** Name of the bridge in the same network namespace. */
  readonly bridge: string;
  /** MAC learning; default true. */
  readonly learning?: boolean;
  readonly isolated?: boolean;
  readonly hairpin?: boolean;
  /** VLAN membership, on kernels with bridge VLAN filtering. VLAN 1 is never there unless listed. */
  readonly vlans?: readonly BridgeVlan[];
}

/** One VLAN (or range) of a bridge port. */
export interface BridgeVlan {
  readonly id: number;
  readonly endId?: number;
  readonly pvid?: boolean;
  readonly untagged?: boolean;
}

/** What a link is made of. */
export type LinkType =
  /** A pair: this end in `netns`, the other end named `peer.name` in `peer.netns`. One resource describes both. */
  | {
      readonly type: 'veth';
      readonly peer: { readonly netns: Netns; readonly name: string; readonly port?: BridgePort };
    }
  | {
      readonly type: 'bridge';
      readonly stp: boolean;
      readonly vlanFiltering: boolean;
      readonly forwardDelay?: number;
      readonly helloTime?: number;
      readonly maxAge?: number;
      readonly priority?: number;
      readonly ageingTime?: number;
      readonly multicastSnooping?: boolean;
      readonly groupForwardMask?: number;
    }
  /** Persistent tap, opened by the user with this numeric id; more than one queue makes it multi-queue. */
  | { readonly type: 'tap'; readonly owner: number; readonly queues: number }
  /** Holds a name, a MAC and addresses; realised as `ifb` on kernels without `dummy`. */
  | { readonly type: 'dummy' }
  | {
      readonly type: 'vlan';
      readonly parent: string;
      readonly id: number;
      readonly protocol?: '802.1q' | '802.1ad';
    }
  | {
      readonly type: 'macvlan';
      readonly parent: string;
      readonly mode: 'bridge' | 'private' | 'vepa' | 'passthru';
    }
  | { readonly type: 'bond'; readonly mode: string; readonly options: Readonly<Record<string, string>> }
  /** A NIC that was there before us: configured, never made or deleted. */
  | { readonly type: 'nic' };

/** A network device. */
export interface Link {
  readonly kind: 'link';
  readonly netns: Netns;
  /** At most 15 bytes. */
  readonly name: string;
  readonly device: LinkType;
  readonly up: boolean;
  /** Bytes. */
  readonly mtu?: number;
  /** Lower case, colon separated. */
  readonly mac?: string;
  /** False sets NOARP. */
  readonly arp?: boolean;
  /** Bridge port settings of this link; absent = belongs to no bridge. */
  readonly port?: BridgePort;
  /**
   * False turns tx checksum, TSO, GSO and GRO off (`ethtool -K`): needed on every veth or NIC whose frames pass an
   * Open vSwitch netdev datapath, which does not complete partial checksums.
   */
  readonly offload?: boolean;
  /** Text kept as the link's alias besides our tag, such as an NNCP's description. */
  readonly description?: string;
}

/** An address on a link, in CIDR form: `10.0.2.1/24`. */
export interface Address {
  readonly kind: 'address';
  readonly netns: Netns;
  readonly link: string;
  readonly address: string;
  /** IPv6: skip duplicate address detection. */
  readonly noDad?: boolean;
}

/** A static neighbour entry. */
export interface Neighbour {
  readonly kind: 'neighbour';
  readonly netns: Netns;
  readonly link: string;
  readonly address: string;
  readonly mac: string;
}

/** A route; `destination` is a CIDR or `default` (`::/0` for IPv6). */
export interface Route {
  readonly kind: 'route';
  readonly netns: Netns;
  readonly destination: string;
  readonly link: string;
  readonly via?: string;
  readonly metric?: number;
  readonly mtu?: number;
}

/** A kernel parameter of the network namespace, such as `net.ipv4.ip_forward`. */
export interface Sysctl {
  readonly kind: 'sysctl';
  readonly netns: Netns;
  readonly key: string;
  readonly value: string;
}
