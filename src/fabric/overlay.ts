/** Networks besides the default one: which there are, who has a place on them, and the rows that follow. */
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { isGrown, networkDifferences, type OvnNetwork } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import type { NbChanges, NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { keyOf } from '#machinery/controller.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { parseFlatEntry, parseNodeSubnets } from './annotations.ts';
import { Askers, primaryOf } from './askers.ts';
import { ownerOf, primaryAttachment, type Wanted, wantedAttachments } from './attachments.ts';
import { claimOwner, isFor, keptBy } from './claims.ts';
import type { Egress } from './egress.ts';
import { FlatLedger } from './flat-ledger.ts';
import { composeFlatPort, type FlatPlace, flatPortKey } from './flat-network.ts';

import { NetworkRegistry } from './network-registry.ts';
import { isFlat, NetworkRows } from './network-rows.ts';
import { NodeSubnets } from './node-subnets.ts';
import {
  idle,
  type NodesOutcome,
  type OverlayOutcome,
  type OverlayParts,
  overlaps,
  primarySelected,
  unusedClaims,
} from './overlay-parts.ts';

/** The networks besides the default one. */
export class Overlay {
  readonly #parts: OverlayParts;
  readonly #subnets = new NodeSubnets();
  readonly #rows: NetworkRows;
  /** Networks of topology layer3 whose parts of the nodes are to be looked at. */
  readonly #uncut = new Set<string>();
  /** Nodes whose annotation tells of networks that are no more. */
  readonly #untold = new Set<string>();
  readonly #registry: NetworkRegistry;
  readonly #ledger = new FlatLedger();
  readonly #askers = new Askers();
  /** Pods that got no address, by network. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #woken: string[] = [];

  constructor(parts: OverlayParts = idle) {
    this.#parts = parts;
    this.#registry = new NetworkRegistry(parts.podMtu);
    this.#rows = new NetworkRows(parts.nodes, this.#subnets);
  }

  /** Takes over a claim, or its end: its addresses are its machine's, whether or not a pod has them. Returns pods to look at. */
  settleClaim(key: string, claim: IpamClaim | undefined): readonly string[] {
    const network = claim === undefined ? undefined : this.#registry.network(claim.spec.network);
    if (claim === undefined || network === undefined || !isFlat(network)) {
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
    const networks = [...this.#registry.networks(), ...this.#orphans()];
    return [
      ...networks.flatMap((network) => this.#rows.ofNetwork(network)),
      ...this.#ledger.places().map(composeFlatPort),
    ];
  }

  /** The ways out of every primary network. */
  egresses(): readonly Egress[] {
    return [...this.#registry.networks(), ...this.#orphans()].flatMap(
      (network) => this.#rows.egressOf(network) ?? [],
    );
  }

  /** What a node has of each layer 3 network, as its annotation is to tell. */
  subnetsOf(node: string): ReturnType<NodeSubnets['ofNode']> {
    return this.#subnets.ofNode(node);
  }

  /** Nodes are to be looked at even when none of them has changed. */
  get owesNodes(): boolean {
    return this.#uncut.size + this.#untold.size > 0;
  }

  /**
   * Gives nodes their parts of layer 3 networks: all nodes of new networks, and new nodes of all networks.
   * @param all every node that is part of the cluster
   * @param changed names of those that are new or have changed
   */
  settleNodes(all: readonly Node[], changed: ReadonlySet<string>): NodesOutcome {
    const put: NbRow[] = [];
    const touched = new Set(this.#untold);
    this.#untold.clear();
    for (const network of this.#subnets.networks()) {
      const nodes = this.#uncut.has(network.name) ? all : all.filter((one) => changed.has(one.metadata.name));
      const fresh = nodes.filter((one) => this.#subnets.of(network.name, one.metadata.name) === undefined);
      // What annotations say is taken first, so that nothing of it is given to others.
      for (const node of fresh) {
        this.#subnets.adopt(network.name, node.metadata.name, parseNodeSubnets(node, network.name));
      }
      for (const { metadata } of fresh) {
        if (this.#subnets.place(network.name, metadata.name) !== undefined) {
          put.push(...this.#rows.ofNode(network, metadata.name));
          touched.add(metadata.name);
          this.#wake(network.name);
        }
      }
    }
    this.#uncut.clear();
    return { put, touched };
  }

  /** Takes a node's parts of layer 3 networks back. */
  dropNode(node: string): readonly RowKey[] {
    const keys = this.#subnets
      .networks()
      .filter(({ name }) => this.#subnets.of(name, node) !== undefined)
      .flatMap((network) => this.#rows.keysOfNode(network, node));
    this.#subnets.release(node);
    for (const { name } of this.#subnets.networks()) {
      this.#uncut.add(name);
    }
    return keys;
  }

  /** Takes over a definition, or its end; says which rows that touches and which pods are to be looked at again. */
  settleDefinition(
    key: string,
    nad: NetworkAttachmentDefinition | undefined,
  ): NbChanges & { readonly pods: Iterable<string> } {
    const before = this.#registry.networks();
    const touched = nad === undefined ? this.#registry.delete(key) : this.#registry.set(nad);
    const ended = before
      .filter(({ name }) => touched.includes(name) && this.#isOver(name))
      .flatMap((network) => this.#end(network));
    const remade = before
      .filter(({ name }) => touched.includes(name))
      .flatMap((old) => {
        const now = this.#registry.network(old.name);
        const isKept = now === undefined || networkDifferences(old, now).length === 0 || isGrown(old, now);
        return isKept ? [] : this.#end(old);
      });
    const put = touched.flatMap((name) => {
      const network = this.#registry.network(name);
      return network === undefined ? [] : this.#begin(network);
    });
    const made = new Set(put.map(({ table, key: one }) => `${table} ${one}`));
    const remove = [...ended, ...remade.filter((row) => !made.has(`${row.table} ${row.key}`))];
    const siblings = touched.flatMap((name) => this.#registry.definitions(name));
    const [namespace = ''] = key.split('/');
    return {
      put,
      remove,
      pods: [key, primaryOf(namespace), ...siblings].flatMap((one) => this.#askers.of(one)),
    };
  }

  /**
   * Places a pod on the networks it asks for, and takes it off those it does not (any more).
   * @param hasPrimary its namespace has a primary network, which comes first
   */
  settlePod(pod: Pod, node: string, hasPrimary = false): OverlayOutcome {
    const podKey = keyOf(pod);
    const nad = hasPrimary ? this.#registry.primaryOf(pod.metadata.namespace ?? '') : undefined;
    const primary = nad === undefined ? [] : [primaryAttachment(pod, nad)];
    const asked = wantedAttachments(pod);
    // Asked for besides, a primary network would take the key, and the interface, that it has by its namespace.
    const selected = asked.filter((one) => this.#isPrimary(one.nad));
    const wanted = [...primary, ...asked.filter((one) => !selected.includes(one))];
    this.#askers.remember(podKey, [
      ...[...wanted, ...selected].map(({ nad }) => nad),
      ...(hasPrimary ? [primaryOf(pod.metadata.namespace ?? '')] : []),
    ]);
    const keys = new Set(wanted.map(({ key }) => key));
    const stale = this.#ledger
      .placesOf(podKey)
      .filter(({ key, uid, node: at }) => !keys.has(key) || uid !== pod.metadata.uid || at !== node);
    const freed = stale.flatMap(({ key }) => this.#ledger.release(podKey, key));
    const problems = selected.map(({ nad }) => primarySelected(nad));
    const places = wanted.flatMap((one) => {
      const result = this.#place(pod, node, one);
      if (result !== undefined && 'reason' in result) {
        problems.push(result);
      }
      return result === undefined || 'reason' in result ? [] : [result];
    });
    const kept = new Set(places.map((place) => flatPortKey(place).key));
    const gone = freed.filter((place) => !kept.has(flatPortKey(place).key));
    const remove = gone.map(flatPortKey);
    return {
      places,
      warnings: [
        ...overlaps(podKey, places),
        ...unusedClaims(pod, wanted, places, this.#parts.claims(pod.metadata.namespace ?? '')),
      ],
      put: places.map(composeFlatPort),
      remove: [...remove, ...this.#ended(freed)],
      problems,
    };
  }

  #isPrimary(nad: string): boolean {
    const found = this.#registry.lookup(nad);
    return found !== undefined && 'network' in found && found.network.role === 'primary';
  }

  /** Takes a pod off all networks. */
  dropPod(podKey: string): readonly RowKey[] {
    this.#askers.remember(podKey, []);
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
    const { network } = found;
    const asker = { network, interfaceName: wanted.interfaceName };
    const claim = this.#parts
      .claims(pod.metadata.namespace ?? '')
      .find((one) => isFor(one, ownerOf(pod), asker));
    try {
      const subnets = isFlat(network)
        ? network.subnets
        : this.#subnets.partFor(network.name, node, wanted.ips);
      const ips = wanted.ips.length > 0 || claim === undefined ? wanted.ips : keptBy(claim);
      const told = parseFlatEntry(pod, wanted.key);
      const place = this.#ledger.place(pod, node, { ...wanted, ips }, network, told, subnets);
      if (claim !== undefined && claim.metadata.deletionTimestamp === undefined) {
        this.#parts.keep(claim, place);
      }
      return place;
    } catch (error) {
      if (!(error instanceof PatchbayError)) throw error;
      const waiting = this.#waiting.get(network.name) ?? new Set();
      this.#waiting.set(network.name, waiting.add(keyOf(pod)));
      if (claim !== undefined) {
        this.#parts.refuse(claim, pod.metadata.name, error.reason, error.message);
      }
      return { reason: error.reason, message: error.message };
    }
  }

  /** What follows from freed places: others may have them, and a network nobody defines nor uses ends. */
  #ended(freed: readonly FlatPlace[]): readonly RowKey[] {
    const names = new Map(freed.map(({ network }) => [network.name, network]));
    for (const name of names.keys()) {
      this.#wake(name);
    }
    return [...names.values()]
      .filter(({ name }) => this.#isOver(name))
      .flatMap((network) => this.#end(network));
  }

  /** Pods that got no address of a network are looked at again. */
  #wake(name: string): void {
    this.#woken.push(...(this.#waiting.get(name) ?? []));
    this.#waiting.delete(name);
  }

  /** Nobody defines a network nor uses it. */
  #isOver(name: string): boolean {
    return (
      this.#registry.network(name) === undefined &&
      !this.#ledger.networksInUse().some((network) => network.name === name)
    );
  }

  #begin(network: OvnNetwork): readonly NbRow[] {
    if (!isFlat(network) && this.#subnets.begin(network)) {
      this.#uncut.add(network.name);
    }
    return this.#rows.ofNetwork(network);
  }

  #end(network: OvnNetwork): readonly RowKey[] {
    const keys = this.#rows.endNetwork(network);
    for (const node of this.#subnets.nodesOf(network.name)) {
      this.#untold.add(node);
    }
    this.#subnets.end(network.name);
    return keys;
  }

  /** Networks whose definitions are gone while pods are still on them: those keep what they have. */
  #orphans(): readonly FlatPlace['network'][] {
    return this.#ledger.networksInUse().filter(({ name }) => this.#registry.network(name) === undefined);
  }
}
