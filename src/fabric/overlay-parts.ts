/** What the networks besides the default one are told, and tell. */
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import type { FlatPlace } from './flat-network.ts';
import type { GatewayNode } from './gateway.ts';

/** What one pod's pass gave. */
export interface OverlayOutcome {
  readonly places: readonly FlatPlace[];
  readonly put: readonly NbRow[];
  readonly remove: readonly RowKey[];
  /** Networks that the pod gets no place on, and why. */
  readonly problems: readonly { readonly reason: string; readonly message: string }[];
}

/** What nodes' passes gave. */
export interface NodesOutcome {
  readonly put: readonly NbRow[];
  /** Nodes whose annotation is to tell more than before. */
  readonly touched: ReadonlySet<string>;
}

/** What the networks besides the default one need to know and tell. */
export interface OverlayParts {
  /** The nodes that have gateways. */
  readonly nodes: () => readonly GatewayNode[];
  readonly claims: (namespace: string) => readonly IpamClaim[];
  /** Has a place's addresses kept in its claim. */
  readonly keep: (claim: IpamClaim, place: FlatPlace) => void;
}
