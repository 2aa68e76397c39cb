/** A bridge in the node's Open vSwitch. */
export interface OvsBridge {
  readonly kind: 'ovs-bridge';
  readonly name: string;
  /** `standalone` learns and forwards by itself; `secure` forwards only what flows say. */
  readonly failMode: 'standalone' | 'secure';
  readonly stp?: boolean;
  readonly rstp?: boolean;
  readonly mcastSnooping?: boolean;
  readonly mtu?: number;
  /**
   * Set when this bridge stands in for the Linux bridge of the same name on a kernel without bridge VLAN filtering.
   * Kept in `external_ids` and reported in NodeNetworkState.
   */
  readonly replaces?: 'linux-bridge';
  readonly description?: string;
}

/** A port of an Open vSwitch bridge: an existing link, or an internal one. */
export interface OvsPort {
  readonly kind: 'ovs-port';
  /** Name of the link (and of Port and Interface rows). */
  readonly name: string;
  readonly bridge: string;
  readonly interfaceType: 'system' | 'internal';
  /** Access VLAN, 1..4094. Absent: trunk. */
  readonly tag?: number;
  /** VLANs allowed on a trunk; absent = all. */
  readonly trunks?: readonly number[];
  readonly vlanMode?: 'access' | 'trunk' | 'native-tagged' | 'native-untagged';
  /** Bytes; of internal ports, which else follow the narrowest port of their bridge. */
  readonly mtu?: number;
  /** Only frames from this MAC leave the port's owner (`macspoofchk`); enforced by flows of the bridge. */
  readonly allowedMac?: string;
  /** External ids of the Interface row: `iface-id`, `attached_mac`, … */
  readonly externalIds: Readonly<Record<string, string>>;
}

/** The node's `ovn-bridge-mappings`: physical network name -> Open vSwitch bridge. */
export interface OvsMappings {
  readonly kind: 'ovs-mappings';
  readonly mappings: Readonly<Record<string, string>>;
}
