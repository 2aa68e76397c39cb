/** Networks besides the default one: which there are, who has a place on them, and the rows that follow. */
import type { Pod } from '#api/core/pod.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { NbChanges, NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { keyOf } from '#machinery/controller.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { type FlatEntry, parseFlatEntry } from './annotations.ts';
import { type Wanted, wantedAttachments } from './attachments.ts';
import { FlatLedger } from './flat-ledger.ts';
import {
  composeFlatNetwork,
  composeFlatPort,
  type FlatPlace,
  flatNetworkKeys,
  flatPortKey,
} from './flat-network.ts';
import { NetworkRegistry } from './network-registry.ts';

/** What one pod's pass gave. */
export interface OverlayOutcome {
  readonly places: readonly FlatPlace[];
  readonly put: readonly NbRow[];
  readonly remove: readonly RowKey[];
  /** Networks that the pod gets no place on, and why. */
  readonly problems: readonly { readonly reason: string; readonly message: string }[];
}

/** The networks besides the default one. */
export class Overlay {
  readonly #registry = new NetworkRegistry();
  readonly #ledger = new FlatLedger();
  /** Pods by the definitions they ask for. */
  readonly #askers = new Map<string, Set<string>>();
  readonly #asked = new Map<string, readonly string[]>();
  /** Pods that got no address, by network. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #woken: string[] = [];

  /** Every row. */
  compose(): readonly NbRow[] {
    const networks = [...this.#registry.networks(), ...this.#orphans()].filter(isFlat);
    return [...networks.flatMap(composeFlatNetwork), ...this.#ledger.places().map(composeFlatPort)];
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
      return network === undefined || !isFlat(network) ? [] : composeFlatNetwork(network);
    });
    const remove = before
      .filter(({ name }) => touched.includes(name) && this.#registry.network(name) === undefined)
      .filter(({ name }) => !this.#orphans().some((orphan) => orphan.name === name))
      .flatMap(flatNetworkKeys);
    const siblings = touched.flatMap((name) => this.#registry.definitions(name));
    return { put, remove, pods: [key, ...siblings].flatMap((one) => [...(this.#askers.get(one) ?? [])]) };
  }

  /** Places a pod on the networks it asks for, and takes it off those it does not (any more). */
  settlePod(pod: Pod, node: string): OverlayOutcome {
    const podKey = keyOf(pod);
    const wanted = wantedAttachments(pod);
    this.#remember(
      podKey,
      wanted.map(({ nad }) => nad),
    );
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
    const remove = freed.map(flatPortKey).filter(({ key }) => !kept.has(key));
    return { places, put: places.map(composeFlatPort), remove: [...remove, ...this.#ended(freed)], problems };
  }

  /** Takes a pod off all networks. */
  dropPod(podKey: string): readonly RowKey[] {
    this.#remember(podKey, []);
    const freed = this.#ledger.release(podKey);
    return [...freed.map(flatPortKey), ...this.#ended(freed)];
  }

  /** Pods that may find an address now that one came free; each is told once. */
  takeWoken(): readonly string[] {
    return this.#woken.splice(0);
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
      return this.#ledger.place(pod, node, wanted, found.network, told);
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
      .flatMap(flatNetworkKeys);
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

function isFlat({ topology }: FlatPlace['network']): boolean {
  return topology !== 'layer3';
}
