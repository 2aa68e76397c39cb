/** Which networks are one, which are apart, and of which nobody here can know. Pure. */
import type { IpRange } from '#api/ip-range.ts';

/** The network that a NIC is on, as far as it decides who reaches whom. */
export interface Segment {
  /** What people call it: `default`, or the NetworkAttachmentDefinition. */
  readonly label: string;
  readonly kind: /** The default network of pods. */
    | 'default'
    /** The default network beside a primary user-defined one: for health checks of the node alone. */
    | 'locked'
    /** A network of OVN's own: layer2, layer3. */
    | 'overlay'
    /** A VLAN of a physical network. */
    | 'physical'
    /** Of a type, or by a definition, that nobody here can read. */
    | 'unknown';
  /** Two NICs with one key are on one network. */
  readonly key: string;
  /** True for networks with a way out through the node. */
  readonly hasWayOut: boolean;
  readonly subnets: readonly IpRange[];
  /** Of a physical one: 0 is untagged. */
  readonly vlan: number;
  /** Of a physical one: the node's bridge and its uplinks; undefined when the node does not tell. */
  readonly wire?: { readonly bridge: string; readonly uplinks: readonly string[] };
}

/** What is expected between two NICs of different hosts. `unknown`: outside of what the API tells. */
export type Relation = 'reach' | 'no-reach' | 'unknown';

/** A segment and the node where a NIC is on it. */
export interface Place {
  readonly segment: Segment;
  readonly node: string;
}

/** What is expected between two places, and why. The same in both directions. */
export function relate(a: Place, b: Place): { readonly relation: Relation; readonly why: string } {
  const [one, other] = [a.segment, b.segment];
  if (one.kind === 'unknown' || other.kind === 'unknown') {
    return { relation: 'unknown', why: 'a network of a type that is not known here' };
  }
  if (one.kind === 'locked' || other.kind === 'locked') {
    return { relation: 'no-reach', why: 'beside a primary network the default one is closed' };
  }
  if (one.kind === 'physical' && other.kind === 'physical') {
    return physicalRelation(a, b);
  }
  if (one.kind === 'physical' || other.kind === 'physical') {
    const [physical, virtual] = one.kind === 'physical' ? [one, other] : [other, one];
    return virtual.hasWayOut && physical.vlan === 0
      ? { relation: 'unknown', why: 'the node may route between its own network and a way out' }
      : { relation: 'no-reach', why: 'a network of OVN and a physical one' };
  }
  return one.key === other.key
    ? { relation: 'reach', why: 'same network' }
    : { relation: 'no-reach', why: 'different networks' };
}

function physicalRelation(a: Place, b: Place): ReturnType<typeof relate> {
  const [one, other] = [a.segment, b.segment];
  if (one.vlan !== other.vlan) {
    return { relation: 'no-reach', why: 'different VLANs' };
  }
  if (one.wire === undefined || other.wire === undefined) {
    return one.key === other.key
      ? { relation: 'reach', why: 'same network' }
      : { relation: 'unknown', why: 'a node does not tell its bridges' };
  }
  const isSameBridge = one.wire.bridge === other.wire.bridge;
  if (a.node === b.node && isSameBridge) {
    return { relation: 'reach', why: 'same bridge and VLAN' };
  }
  if (one.wire.uplinks.length === 0 || other.wire.uplinks.length === 0) {
    return { relation: 'no-reach', why: 'a bridge without a way to the wire' };
  }
  return isSameBridge && one.wire.uplinks.join() === other.wire.uplinks.join()
    ? { relation: 'reach', why: 'same wire and VLAN' }
    : { relation: 'unknown', why: 'same VLAN on bridges whose wires are not known to be one' };
}
