import { type Pod, pod as podKind } from '#api/core/pod.ts';
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { KubeObject } from '#api/meta.ts';
import type { NbChanges, NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { keyOf } from '#machinery/controller.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { defaultChoiceOf, formatPodNetworks, isTold, POD_NETWORKS } from './annotations.ts';
import { composeClusterEgress, composeNodeEgress, gatewayNodes } from './default-egress.ts';
import { composeDefaultNetwork, composePod, composePodNetwork, podRowKey } from './default-network.ts';
import { Ledger } from './ledger.ts';
import { LockedPods } from './locked-pods.ts';
import { NodeSettlement } from './node-settlement.ts';
import { Overlay } from './overlay.ts';
import {
  byAge,
  nodeOf,
  type PlacedPod,
  primaryLabel,
  primaryMissing,
  type SettlementParts,
  take,
} from './settlement-parts.ts';

/** Gives marked nodes and pods their places, has them annotated, and says which northbound rows that touches. */
export class Settlement {
  readonly #parts: SettlementParts;
  readonly #ledger: Ledger;
  readonly #overlay: Overlay;
  readonly #nodes: NodeSettlement;
  readonly #locked: LockedPods;
  readonly #markedNads = new Set<string>();
  readonly #markedClaims = new Set<string>();
  readonly #markedNodes = new Set<string>();
  readonly #markedPods = new Set<string>();
  /** Pods that wait for a subnet or an address of a node: node -> pod keys. */
  readonly #waiting = new Map<string, Set<string>>();

  constructor(parts: SettlementParts) {
    this.#parts = parts;
    this.#ledger = new Ledger(parts.config);
    this.#locked = new LockedPods((pod, message) =>
      parts.tell(pod, 'InvalidOpenPorts', message, 'ErrorUpdatingResource'),
    );
    this.#overlay = new Overlay({
      nodes: () => gatewayNodes(this.#ledger.nodes(), parts.config),
      claims: (namespace) => parts.claims.list(namespace),
      podMtu: parts.config.mtu,
      keep: parts.keep,
      refuse: parts.refuse,
    });
    this.#nodes = new NodeSettlement(parts, this.#ledger, this.#overlay, {
      wait: (node, pod) => this.#wait(node, pod),
      wake: (node) => this.#wake(node),
      again: (node) => this.#markedNodes.add(node),
    });
  }

  get isMarked(): boolean {
    const marked = [this.#markedNodes, this.#markedPods, this.#markedNads, this.#markedClaims];
    return this.#overlay.owesNodes || marked.some(({ size }) => size > 0);
  }

  /** Has a NetworkAttachmentDefinition looked at in the next pass. */
  markDefinition(nad: NetworkAttachmentDefinition): void {
    this.#markedNads.add(keyOf(nad));
  }

  /** Has a node or pod looked at in the next pass. */
  mark(object: KubeObject): void {
    (object.metadata.namespace === undefined ? this.#markedNodes : this.#markedPods).add(keyOf(object));
  }

  /** Every row, as of the last pass. */
  compose(): readonly NbRow[] {
    const { config } = this.#parts;
    return [
      ...composeDefaultNetwork(this.#ledger.nodes(), this.#ledger.pods(), config),
      ...composeClusterEgress(config),
      ...this.#ledger.nodes().flatMap((node) => composeNodeEgress(node, config)),
      ...this.#overlay.compose(),
      ...this.#locked.compose(this.#ledger.nodes()),
    ];
  }

  /** One pass over what is marked. */
  settle(): NbChanges {
    const changed = new Set(take(this.#markedNodes));
    const [nodes, definitions] = [this.#nodes.settle([...changed]), this.#settleDefinitions()];
    const passes = [nodes, definitions, this.#nodes.settleSubnets(changed), this.#settlePods()];
    for (const key of this.#overlay.takeWoken()) {
      this.#markedPods.add(key);
    }
    const nodePlaces = [...changed].flatMap((name) => this.#ledger.node(name) ?? []);
    passes.push(this.#locked.settle(nodePlaces));
    return {
      put: passes.flatMap(({ put }) => put),
      remove: passes.flatMap(({ remove }) => remove),
    };
  }

  /** Has an IPAMClaim looked at in the next pass. */
  markClaim(claim: IpamClaim): void {
    this.#markedClaims.add(keyOf(claim));
  }

  #settleClaims(): void {
    for (const key of take(this.#markedClaims)) {
      const [namespace = '', name = ''] = key.split('/');
      for (const pod of this.#overlay.settleClaim(key, this.#parts.claims.get({ namespace, name }))) {
        this.#markedPods.add(pod);
      }
    }
  }

  #settleDefinitions(): NbChanges {
    const changes = take(this.#markedNads).map((key) => {
      const [namespace = '', name = ''] = key.split('/');
      return this.#overlay.settleDefinition(key, this.#parts.nads.get({ namespace, name }));
    });
    for (const key of changes.flatMap(({ pods }) => [...pods])) {
      this.#markedPods.add(key);
    }
    if (changes.length > 0) {
      // A claim may have been there before its network.
      for (const claim of this.#parts.claims.list()) {
        this.markClaim(claim);
      }
    }
    this.#settleClaims();
    return { put: changes.flatMap(({ put }) => put), remove: changes.flatMap(({ remove }) => remove) };
  }

  #settlePods(): NbChanges {
    const remove: RowKey[] = [];
    const placed: PlacedPod[] = [];
    for (const key of take(this.#markedPods)) {
      const [namespace = '', name = ''] = key.split('/');
      const pod = this.#parts.pods.get({ namespace, name });
      const node = pod === undefined ? undefined : nodeOf(pod);
      if (pod !== undefined && node !== undefined) {
        placed.push({ key, pod, node });
      } else {
        remove.push(
          ...(this.#dropPod(key) ? [podRowKey({ namespace, name })] : []),
          ...this.#overlay.dropPod(key),
        );
      }
    }
    const adopted = placed.toSorted((a, b) => byAge(a.pod, b.pod)).filter((each) => this.#adopt(each));
    // What annotations say is taken first here as well.
    const told = (each: PlacedPod): number =>
      each.pod.metadata.annotations?.[POD_NETWORKS] === undefined ? 1 : 0;
    const passes = adopted.toSorted((a, b) => told(a) - told(b)).map((each) => this.#settlePod(each));
    return {
      put: passes.flatMap(({ put }) => put),
      remove: [...remove, ...passes.flatMap((pass) => pass.remove)],
    };
  }

  /** True when the pod had a place. */
  #dropPod(key: string): boolean {
    this.#parts.annotator.forget(podKind, key);
    this.#locked.delete(key);
    const node = this.#ledger.releasePod(key);
    if (node !== undefined) {
      this.#wake(node);
    }
    return node !== undefined;
  }

  /** Takes over an annotation; false when that cannot be, and the pod must wait. */
  #adopt({ key, pod, node }: PlacedPod): boolean {
    try {
      this.#ledger.adoptPod(key, pod, node);
      return true;
    } catch (error) {
      this.#refuse({ key, pod, node }, error);
      return false;
    }
  }

  #settlePod({ key, pod, node }: PlacedPod): NbChanges {
    if (this.#ledger.node(node) === undefined) {
      this.#wait(node, key);
      return { put: [], remove: [] };
    }
    try {
      const isLocked = this.#hasPrimaryNetwork(pod);
      // A MAC asked for is that of the primary network, whichever it is.
      const mac = isLocked ? undefined : defaultChoiceOf(pod).mac;
      const place = this.#ledger.pod(key) ?? this.#ledger.placePod(key, pod, node, mac);
      if (isLocked) {
        this.#locked.set(key, pod, place);
      }
      const { places, put, remove, problems, warnings } = this.#overlay.settlePod(pod, node, isLocked);
      for (const { reason, message } of problems) {
        this.#parts.log.warn({ pod: key, reason, error: message }, 'pod is not connected to a network');
        this.#parts.tell(pod, reason, message);
      }
      for (const { reason, message } of warnings) {
        this.#parts.tell(pod, reason, message);
      }
      if (isLocked && !places.some(({ network }) => network.role === 'primary')) {
        if (problems.length === 0) {
          this.#parts.tell(pod, 'PrimaryNetworkMissing', primaryMissing(pod));
        }
      } else if (isTold(pod, place, places)) {
        this.#parts.annotator.forget(podKind, key);
      } else {
        const value = formatPodNetworks(pod, place, composePodNetwork(place, this.#parts.config), places);
        this.#parts.annotator.write(podKind, pod, POD_NETWORKS, value);
      }
      return { put: [composePod(place), ...put], remove };
    } catch (error) {
      this.#refuse({ key, pod, node }, error);
      return { put: [], remove: [] };
    }
  }

  /** Pods of a labelled namespace are on its primary network; until there is one, they wait. */
  #hasPrimaryNetwork({ metadata }: Pod): boolean {
    const namespace = this.#parts.namespaces.get({ name: metadata.namespace ?? '' });
    return namespace?.metadata.labels?.[primaryLabel] !== undefined;
  }

  #refuse({ key, pod, node }: PlacedPod, error: unknown): void {
    this.#parts.log.error({ pod: key, error: messageOf(error) }, 'pod is not connected');
    if (error instanceof PatchbayError) {
      this.#parts.tell(pod, error.reason, error.message);
    }
    this.#wait(node, key);
  }

  #wait(node: string, pod: string): void {
    const pods = this.#waiting.get(node) ?? new Set();
    this.#waiting.set(node, pods.add(pod));
  }

  /** Pods that wait for something of this node are looked at again. */
  #wake(node: string): void {
    for (const key of this.#waiting.get(node) ?? []) {
      this.#markedPods.add(key);
    }
    this.#waiting.delete(node);
  }
}
