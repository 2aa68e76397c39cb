/** What the networks besides the default one are told, and tell. */
import type { Pod } from '#api/core/pod.ts';
import { formatRange, overlap } from '#api/ip-range.ts';
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import { networksAnnotation } from '#api/k8s.cni.cncf.io/selection.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { keyOf } from '#machinery/controller.ts';
import { guestOf, type Wanted } from './attachments.ts';
import type { GatewayNode } from './egress.ts';
import type { FlatPlace } from './flat-network.ts';
import { primaryLabel } from './settlement-parts.ts';

/** What one pod's pass gave. */
export interface OverlayOutcome {
  readonly places: readonly FlatPlace[];
  readonly put: readonly NbRow[];
  readonly remove: readonly RowKey[];
  /** Networks that the pod gets no place on, and why. */
  readonly problems: readonly { readonly reason: string; readonly message: string }[];
  /** What is likely a mistake, though it is done. */
  readonly warnings: readonly { readonly reason: string; readonly message: string }[];
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
  /** Largest packet of the default pod network, bytes: networks that name no MTU follow it. */
  readonly podMtu?: number;
  /** Has a place's addresses kept in its claim. */
  readonly keep: (claim: IpamClaim, place: FlatPlace) => void;
  /** Has told in a claim why its pod gets no place. */
  readonly refuse: (claim: IpamClaim, pod: string, reason: string, message: string) => void;
}

/** Nothing known, and nobody to tell. */
export const idle: OverlayParts = {
  nodes: () => [],
  claims: () => [],
  keep: () => undefined,
  refuse: () => undefined,
};

/** Of two networks of one pod that share addresses, it reaches some neighbours by neither. */
export function overlaps(pod: string, places: readonly FlatPlace[]): OverlayOutcome['warnings'] {
  return places.flatMap((place, index) =>
    places.slice(0, index).flatMap((before) => {
      const range = place.network.subnets.find((one) =>
        before.network.subnets.some((other) => overlap(one, other)),
      );
      return range === undefined || before.network.name === place.network.name
        ? []
        : [
            {
              reason: 'OverlappingSubnets',
              message: `pod ${pod}: subnet ${formatRange(range)} of network "${place.network.name}" overlaps one of network "${before.network.name}", so that it reaches some neighbours by neither; take it off one of them, or make one with another range`,
            },
          ];
    }),
  );
}

/**
 * Claims that a pod names and that keep nothing for it. Of launchers nothing is said: their claims are made with their
 * machines, and may come a little later.
 */
export function unusedClaims(
  pod: Pod,
  wanted: readonly Wanted[],
  places: readonly FlatPlace[],
  claims: readonly IpamClaim[],
): OverlayOutcome['warnings'] {
  const named = guestOf(pod) === undefined ? wanted.filter(({ claim }) => claim !== undefined) : [];
  return named.flatMap(({ key, claim = '' }) => {
    const place = places.find((one) => one.key === key);
    const isThere = claims.some(({ metadata }) => metadata.name === claim);
    const state = `IPAMClaim ${JSON.stringify(claim)} is not used${isThere ? '' : ', and is not there'}`;
    const message = `pod ${keyOf(pod)}, network "${place?.network.name}": ${state}: claims keep addresses for virtual machines only; the pod has an address of its own, which ends with it: leave ipam-claim-reference out`;
    return place === undefined ? [] : [{ reason: 'IPAMClaimNotUsed', message }];
  });
}

/** Why a pod is not put on a primary network that its annotation names. */
export function primarySelected(nad: string): OverlayOutcome['problems'][number] {
  return {
    reason: 'PrimaryNetworkSelected',
    message: `unexpected primary network ${nad} in annotation ${networksAnnotation}: every pod is on the primary network of its namespace by the label ${primaryLabel} of that namespace; leave it out of the annotation, or make a network of role secondary`,
  };
}
