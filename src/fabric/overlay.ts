/** Networks besides the default one: which there are, who has a place on them, and the rows that follow. */
import { createHash } from 'node:crypto';
import type { Pod } from '#api/core/pod.ts';
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { OvnNetwork } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { NbChanges, NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { keyOf } from '#machinery/controller.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { type FlatEntry, parseFlatEntry } from './annotations.ts';
import { ownerOf, type Wanted, wantedAttachments } from './attachments.ts';
import { claimOwner, isFor, keptBy } from './claims.ts';
import { FlatLedger } from './flat-ledger.ts';
import {
  composeFlatNetwork,
  composeFlatPort,
  type FlatPlace,
  flatNetworkKeys,
  flatPortKey,
} from './flat-network.ts';
import type { Egress, GatewayNode } from './gateway.ts';
import { NetworkRegistry } from './network-registry.ts';
import {
  composePodExit,
  composePrimary,
  podExitKeys,
  primaryEgress,
  primaryKeys,
} from './primary-network.ts';

/** What one pod's pass gave. */
export interface OverlayOutcome {
  readonly places: readonly FlatPlace[];
  readonly put: readonly NbRow[];
  readonly remove: readonly RowKey[];
  /** Networks that the pod gets no place on, and why. */
  readonly problems: readonly { readonly reason: string; readonly message: string }[];
}

/** What the networks besides the default one need to know and tell. */
export interface OverlayParts {
  /** The nodes that have gateways. */
  readonly nodes: () => readonly GatewayNode[];
  readonly claims: (namespace: string) => readonly IpamClaim[];
  /** Has a place's addresses kept in its claim. */
  readonly keep: (claim: IpamClaim, place: FlatPlace) => void;
}

/** The networks besides the default one. */
export class Overlay {
  readonly #parts: OverlayParts;
  /** Primary networks by name, numbered: each has its own masquerade address. */
  readonly #slots = new Map<string, number>();
  readonly #registry = new NetworkRegistry();
  readonly #ledger = new FlatLedger();
  /** Pods by the definitions they ask for. */
  readonly #askers = new Map<string, Set<string>>();
  readonly #asked = new Map<string, readonly string[]>();
  /** Pods that got no address, by network. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #woken: string[] = [];

  constructor(parts: OverlayParts = { nodes: () => [], claims: () => [], keep: () => undefined }) {
    this.#parts = parts;
  }

  /** Takes over a claim, or its end: its addresses are its machine's, whether or not a pod has them. Returns pods to look at. */
  settleClaim(key: string, claim: IpamClaim | undefined): readonly string[] {
    const network = claim === undefined ? undefined : this.#registry.network(claim.spec.network);
    if (claim === undefined || network === undefined) {
      this.#ledger.unreserve(key);
      return claim === undefined ? [...this.#waiting.values()].flatMap((pods) => [...pods]) : [];
    }
    this.#ledger.reserve(key, claimOwner(claim), network, keptBy(claim));
    const places = this.#ledger.places().filter((place) => isFor(claim, this.#ownerOf(place), place));
    return places.map(({ namespace, pod }) => `${namespace}/${pod}`);
  }

  #ownerOf({ namespace, machine }: FlatPlace): string {
    return `virtual machine ${namespace}/${machine ?? ''}`;
  }

  /** Every row. */
  compose(): readonly NbRow[] {
    const networks = [...this.#registry.networks(), ...this.#orphans()].filter(isFlat);
    return [
      ...networks.flatMap((network) => this.#networkRows(network)),
      ...this.#ledger.places().flatMap((place) => this.#placeRows(place)),
    ];
  }

  /** The ways out of every primary network. */
  egresses(): readonly Egress[] {
    return [...this.#registry.networks(), ...this.#orphans()].flatMap(
      (network) => this.#egressOf(network) ?? [],
    );
  }

  #networkRows(network: OvnNetwork): readonly NbRow[] {
    const egress = this.#egressOf(network);
    const primary = egress === undefined ? [] : composePrimary(network, egress, this.#parts.nodes());
    return [...composeFlatNetwork(network), ...primary];
  }

  #networkKeys(network: OvnNetwork): readonly RowKey[] {
    const egress = this.#egressOf(network);
    const primary = egress === undefined ? [] : primaryKeys(network, egress, this.#parts.nodes());
    this.#slots.delete(network.name);
    return [...primary, ...flatNetworkKeys(network)];
  }

  #placeRows(place: FlatPlace): readonly NbRow[] {
    const egress = this.#egressOf(place.network);
    const exit = egress === undefined ? [] : composePodExit(place, egress, this.#parts.nodes());
    return [composeFlatPort(place), ...exit];
  }

  #placeKeys(place: FlatPlace): readonly RowKey[] {
    const egress = this.#egressOf(place.network);
    return [flatPortKey(place), ...(egress === undefined ? [] : podExitKeys(place, egress))];
  }

  #egressOf(network: OvnNetwork): Egress | undefined {
    if (network.role !== 'primary' || !isFlat(network)) {
      return undefined;
    }
    const known = this.#slots.get(network.name);
    const slot = known ?? freeSlot(network.name, new Set(this.#slots.values()));
    this.#slots.set(network.name, slot);
    return primaryEgress(network, slot);
  }

  /** Takes over a definition, or its end; says which rows that touches and which pods are to be looked at again. */
  settleDefinition(
    key: string,
    nad: NetworkAttachmentDefinition | undefined,
  ): NbChanges & { readonly pods: Iterable<string> } {
    const before = this.#registry.networks();
    const touched = nad === undefined ? this.#registry.delete(key) : this.#registry.set(nad);
    const put = touched.flatMap((name) => {
      const network = this.#registry.network(name);
      return network === undefined || !isFlat(network) ? [] : this.#networkRows(network);
    });
    const remove = before
      .filter(({ name }) => touched.includes(name) && this.#registry.network(name) === undefined)
      .filter(({ name }) => !this.#orphans().some((orphan) => orphan.name === name))
      .flatMap((network) => this.#networkKeys(network));
    const siblings = touched.flatMap((name) => this.#registry.definitions(name));
    const [namespace = ''] = key.split('/');
    return {
      put,
      remove,
      pods: [key, primaryOf(namespace), ...siblings].flatMap((one) => [...(this.#askers.get(one) ?? [])]),
    };
  }

  /**
   * Places a pod on the networks it asks for, and takes it off those it does not (any more).
   * @param hasPrimary its namespace has a primary network, which comes first
   */
  settlePod(pod: Pod, node: string, hasPrimary = false): OverlayOutcome {
    const podKey = keyOf(pod);
    const primary = hasPrimary ? this.#primaryOf(pod) : [];
    const wanted = [...primary, ...wantedAttachments(pod)];
    this.#remember(podKey, [
      ...wanted.map(({ nad }) => nad),
      ...(hasPrimary ? [primaryOf(pod.metadata.namespace ?? '')] : []),
    ]);
    const keys = new Set(wanted.map(({ key }) => key));
    const stale = this.#ledger
      .placesOf(podKey)
      .filter(({ key, uid, node: at }) => !keys.has(key) || uid !== pod.metadata.uid || at !== node);
    const freed = stale.flatMap(({ key }) => this.#ledger.release(podKey, key));
    const problems: OverlayOutcome['problems'][number][] = [];
    const places = wanted.flatMap((one) => {
      const result = this.#place(pod, node, one);
      if (result !== undefined && 'reason' in result) {
        problems.push(result);
      }
      return result === undefined || 'reason' in result ? [] : [result];
    });
    const kept = new Set(places.map((place) => flatPortKey(place).key));
    const gone = freed.filter((place) => !kept.has(flatPortKey(place).key));
    const remove = gone.flatMap((place) => this.#placeKeys(place));
    return {
      places,
      put: places.flatMap((place) => this.#placeRows(place)),
      remove: [...remove, ...this.#ended(freed)],
      problems,
    };
  }

  /** Takes a pod off all networks. */
  dropPod(podKey: string): readonly RowKey[] {
    this.#remember(podKey, []);
    const freed = this.#ledger.release(podKey);
    return [...freed.flatMap((place) => this.#placeKeys(place)), ...this.#ended(freed)];
  }

  /** Pods that may find an address now that one came free; each is told once. */
  takeWoken(): readonly string[] {
    return this.#woken.splice(0);
  }

  /** The primary network of a pod's namespace. */
  #primaryOf(pod: Pod): readonly Wanted[] {
    const nad = this.#registry.primaryOf(pod.metadata.namespace ?? '');
    return nad === undefined ? [] : [{ key: nad, nad, interfaceName: 'ovn-udn1', ips: [] }];
  }

  #place(pod: Pod, node: string, wanted: Wanted): FlatPlace | OverlayOutcome['problems'][number] | undefined {
    const found = this.#registry.lookup(wanted.nad);
    if (found === undefined) {
      // Not there (any more), or another plug-in's, which the node's agent tells. Who has a place keeps it.
      return this.#ledger.placesOf(keyOf(pod)).find(({ key }) => key === wanted.key);
    }
    if ('problem' in found) {
      return found.problem;
    }
    try {
      const told: FlatEntry | undefined = parseFlatEntry(pod, wanted.key);
      const asker = { network: found.network, interfaceName: wanted.interfaceName };
      const claim = this.#parts
        .claims(pod.metadata.namespace ?? '')
        .find((one) => isFor(one, ownerOf(pod), asker));
      const ips = wanted.ips.length > 0 || claim === undefined ? wanted.ips : keptBy(claim);
      const place = this.#ledger.place(pod, node, { ...wanted, ips }, found.network, told);
      if (claim !== undefined && claim.metadata.deletionTimestamp === undefined) {
        this.#parts.keep(claim, place);
      }
      return place;
    } catch (error) {
      if (!(error instanceof PatchbayError)) throw error;
      const waiting = this.#waiting.get(found.network.name) ?? new Set();
      this.#waiting.set(found.network.name, waiting.add(keyOf(pod)));
      return { reason: error.reason, message: error.message };
    }
  }

  /** What follows from freed places: others may have them, and a network nobody defines nor uses ends. */
  #ended(freed: readonly FlatPlace[]): readonly RowKey[] {
    const names = new Map(freed.map(({ network }) => [network.name, network]));
    for (const name of names.keys()) {
      this.#woken.push(...(this.#waiting.get(name) ?? []));
      this.#waiting.delete(name);
    }
    const used = new Set(this.#ledger.networksInUse().map(({ name }) => name));
    return [...names.values()]
      .filter(({ name }) => this.#registry.network(name) === undefined && !used.has(name))
      .flatMap((network) => this.#networkKeys(network));
  }

  /** Networks whose definitions are gone while pods are still on them: those keep what they have. */
  #orphans(): readonly FlatPlace['network'][] {
    return this.#ledger.networksInUse().filter(({ name }) => this.#registry.network(name) === undefined);
  }

  #remember(podKey: string, nads: readonly string[]): void {
    for (const nad of this.#asked.get(podKey) ?? []) {
      const askers = this.#askers.get(nad);
      askers?.delete(podKey);
      if (askers?.size === 0) {
        this.#askers.delete(nad);
      }
    }
    if (nads.length === 0) {
      this.#asked.delete(podKey);
      return;
    }
    this.#asked.set(podKey, nads);
    for (const nad of nads) {
      this.#askers.set(nad, (this.#askers.get(nad) ?? new Set()).add(podKey));
    }
  }
}

/** Key under which pods of a namespace wait for its primary network. */
function primaryOf(namespace: string): string {
  return `${namespace}/*`;
}

/** A number that stays the same over restarts, unless two networks' names collide. */
function freeSlot(name: string, taken: ReadonlySet<number>): number {
  let slot = createHash('sha256').update(name).digest().readUInt16BE(0) % 16_000;
  while (taken.has(slot)) {
    slot += 1;
  }
  return slot;
}

function isFlat({ topology }: FlatPlace['network']): boolean {
  return topology !== 'layer3';
}
