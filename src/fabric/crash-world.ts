/** For tests: an API server, a settlement and a database that can crash between any two steps. */
import { type Namespace, namespace as namespaceKind } from '#api/core/namespace.ts';
import { type Node, node as nodeKind } from '#api/core/node.ts';
import { type Pod, pod as podKind } from '#api/core/pod.ts';
import { formatIp, type Ip } from '#api/ip-range.ts';
import { ipamClaim as claimKind, type IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition as nadKind,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { KubeObject } from '#api/meta.ts';
import type { NbChanges, NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { keyOf } from '#machinery/controller.ts';
import { silentLog } from '#machinery/log.ts';
import { parseFlatEntry } from './annotations.ts';
import { ownerOf } from './attachments.ts';
import { keptBy } from './claims.ts';
import { DEFAULT_NETWORK } from './config.ts';
import { storeOf } from './crash-store.ts';
import { Settlement } from './settlement.ts';
import { primaryLabel } from './settlement-parts.ts';

const config = {
  ...DEFAULT_NETWORK,
  clusterNetwork: [
    { cidr: '10.128.0.0/27', hostPrefix: 28 },
    { cidr: 'fd01::/48', hostPrefix: 64 },
  ],
};
/** Small, so that addresses run out and are given again. */
const ranges = { l2: '10.2.0.0/29,fd02:2::/125', primary: '10.3.0.0/28' };

export const plain = ['a', 'b', 'c', 'd', 'e'];
const launchers = ['vm-1', 'vm-2'];
export const spaces = ['ns', 'tenant'];
export const pods = spaces.flatMap((space) => [...plain, ...launchers].map((name) => `${space}/${name}`));

/** What happens. */
export type Step =
  | { readonly do: 'create'; readonly pod: string; readonly node: number }
  | { readonly do: 'delete'; readonly pod: string }
  /** So many writes under way come through. */
  | { readonly do: 'land'; readonly count: number }
  | { readonly do: 'exclude'; readonly set: readonly string[] }
  | { readonly do: 'claim'; readonly space: string }
  /** Some writes come through, others and the last rows do not; pods go meanwhile, and objects are listed in an order. */
  | {
      readonly do: 'crash';
      readonly landed: number;
      readonly gone: readonly string[];
      readonly order: number;
    };

/** Something that somebody has on a network. */
interface Holding {
  readonly network: string;
  readonly what: string;
  readonly owner: string;
}

/** The API server, a settlement and the database, in step: no clock, no promise. */
export class World {
  readonly #stores = {
    nodes: storeOf(nodeKind),
    pods: storeOf(podKind),
    nads: storeOf(nadKind),
    namespaces: storeOf(namespaceKind),
    claims: storeOf(claimKind),
  };
  #rows = new Map<string, NbRow>();
  /** Writes under way, in order. */
  #writes: (() => void)[] = [];
  #settlement: Settlement;
  #age = 0;

  constructor() {
    for (const name of ['n0', 'n1']) this.#stores.nodes.put(this.#made<Node>({ metadata: { name } }));
    for (const name of spaces) {
      const labels = name === 'tenant' ? { [primaryLabel]: '' } : {};
      this.#stores.namespaces.put(this.#made<Namespace>({ metadata: { name, labels } }));
    }
    this.#define('ns', 'l2', { subnets: ranges.l2, allowPersistentIPs: true });
    this.#define('tenant', 'primary', { role: 'primary', subnets: ranges.primary, allowPersistentIPs: true });
    this.#settlement = this.#start(0);
  }

  take(what: Step): void {
    switch (what.do) {
      case 'create':
        this.#create(what.pod, `n${what.node}`);
        break;
      case 'delete':
        this.#delete(what.pod);
        break;
      case 'land':
        this.#land(what.count);
        break;
      case 'exclude':
        this.#define('ns', 'l2', {
          subnets: ranges.l2,
          allowPersistentIPs: true,
          excludeSubnets: what.set.join(','),
        });
        break;
      case 'claim':
        this.#claim(what.space);
        break;
      case 'crash':
        this.#land(what.landed);
        this.#writes = [];
        for (const key of what.gone) this.#stores.pods.map.delete(key);
        this.#settlement = this.#start(what.order);
        return;
    }
    this.#settle();
  }

  /** What is two owners' at once: by annotations, and by annotations and rows together. */
  conflicts(): readonly string[] {
    const holders = new Map<string, string>();
    return [...this.told(), ...this.#given()].flatMap(({ network, what, owner }) => {
      const key = `${network} ${what}`;
      const other = holders.get(key) ?? owner;
      holders.set(key, other);
      return other === owner ? [] : [`${key}: ${other} and ${owner}`];
    });
  }

  /** What annotations of pods tell. */
  told(): readonly Holding[] {
    return this.#stores.pods.list().flatMap((pod) =>
      ['default', 'ns/l2', 'tenant/primary'].flatMap((network) => {
        const entry = parseFlatEntry(pod, network);
        // On the default network a machine's launchers have each their own.
        const owner = network === 'default' ? `pod ${keyOf(pod)}` : ownerOf(pod);
        const has = entry === undefined ? [] : [entry.mac, ...entry.addresses.map(textOf)];
        return has.map((what) => ({ network, what, owner }));
      }),
    );
  }

  /** What rows give: addresses to live pods, and MACs. */
  #given(): readonly Holding[] {
    return [...this.#rows.values()].flatMap(({ table, columns }) => {
      const ids = columns['external_ids'] as Readonly<Record<string, string>> | undefined;
      if (table !== 'Logical_Switch_Port' || ids?.['pod'] !== 'true') {
        return [];
      }
      const { 'k8s.ovn.org/nad': nad = 'default', namespace = '' } = ids;
      const { 'iface-id-ver': uid } = columns['options'] as Readonly<Record<string, string>>;
      const pod = this.#stores.pods.list().find(({ metadata }) => metadata.uid === uid);
      if (pod === undefined) {
        return [{ network: nad, what: `port of the dead ${namespace} ${uid}`, owner: 'nobody' }];
      }
      const owner = nad === 'default' ? `pod ${keyOf(pod)}` : ownerOf(pod);
      const words = (columns['addresses'] as readonly string[]).flatMap((one) => one.split(' '));
      return words.map((what) => ({ network: nad, what, owner }));
    });
  }

  #start(order: number): Settlement {
    const settlement = new Settlement({
      ...this.#stores,
      keep: (claim, place) => {
        const ips = place.addresses.map((ip) => `${textOf(ip)}/${ip.family === 4 ? 29 : 125}`);
        this.#writes.push(() => this.#tellClaim(claim, ips));
      },
      refuse: () => undefined,
      annotator: {
        forget: () => undefined,
        write: (_kind, { metadata }, annotation, value) =>
          void this.#writes.push(() => this.#annotate(metadata, annotation, value)),
      },
      config,
      log: silentLog,
      tell: () => undefined,
    });
    this.#settlement = settlement;
    this.#markAll(order);
    while (settlement.isMarked) settlement.settle();
    this.#rows = new Map(settlement.compose().map((row) => [idOf(row), row]));
    return settlement;
  }

  #settle(): void {
    while (this.#settlement.isMarked) {
      const { put, remove }: NbChanges = this.#settlement.settle();
      for (const row of remove) this.#rows.delete(idOf(row));
      for (const row of put) this.#rows.set(idOf(row), row);
    }
  }

  #markAll(order: number): void {
    const { nodes, pods: all, nads, claims } = this.#stores;
    const marks = [
      ...[...nodes.list(), ...all.list()].map((one) => () => this.#settlement.mark(one)),
      ...nads.list().map((one) => () => this.#settlement.markDefinition(one)),
      ...claims.list().map((one) => () => this.#settlement.markClaim(one)),
    ];
    for (const mark of shuffled(marks, order)) mark();
  }

  #create(key: string, nodeName: string): void {
    const [namespace = '', name = ''] = key.split('/');
    if (this.#stores.pods.map.has(key)) {
      return;
    }
    const vm = { 'kubevirt.io': 'virt-launcher', 'vm.kubevirt.io/name': 'vm' };
    const labels = launchers.includes(name) ? vm : {};
    const networks = namespace === 'ns' ? { 'k8s.v1.cni.cncf.io/networks': 'l2' } : {};
    const pod = this.#made<Pod>({
      metadata: { namespace, name, labels, annotations: networks },
      spec: { nodeName, hostname: name, containers: [{ name: 'main' }] },
    });
    this.#stores.pods.put(pod);
    this.#settlement.mark(pod);
  }

  #delete(key: string): void {
    const pod = this.#stores.pods.map.get(key);
    this.#stores.pods.map.delete(key);
    if (pod !== undefined) this.#settlement.mark(pod);
  }

  #land(count: number): void {
    for (const write of this.#writes.splice(0, count)) write();
  }

  #annotate({ namespace, name, uid }: KubeObject['metadata'], annotation: string, value: string): void {
    const [store, key] =
      namespace === undefined ? [this.#stores.nodes, name] : [this.#stores.pods, `${namespace}/${name}`];
    const object = store.map.get(key);
    if (object?.metadata.uid === uid && object !== undefined) {
      const annotations = { ...object.metadata.annotations, [annotation]: value };
      const changed = { ...object, metadata: { ...object.metadata, annotations } };
      store.map.set(key, changed as never);
      this.#settlement.mark(changed);
    }
  }

  #define(namespace: string, name: string, more: object): void {
    const own = { name: `${namespace}-${name}`, type: 'ovn-k8s-cni-overlay', topology: 'layer2' };
    const spec = { config: JSON.stringify({ ...own, netAttachDefName: `${namespace}/${name}`, ...more }) };
    const nad = this.#made<NetworkAttachmentDefinition>({ metadata: { namespace, name }, spec });
    this.#stores.nads.put(nad);
    this.#settlement?.markDefinition(nad);
  }

  #claim(namespace: string): void {
    const name = 'vm.claim';
    const [network, end] = namespace === 'ns' ? ['ns-l2', 'net1'] : ['tenant-primary', 'ovn-udn1'];
    const claim = this.#made<IpamClaim>({
      metadata: { namespace, name, labels: { 'kubevirt.io/vm': 'vm' } },
      spec: { network, interface: end },
    });
    if (!this.#stores.claims.map.has(keyOf(claim))) {
      this.#stores.claims.put(claim);
      this.#settlement.markClaim(claim);
    }
  }

  #tellClaim({ metadata }: IpamClaim, ips: readonly string[]): void {
    const claim = this.#stores.claims.map.get(keyOf({ metadata }));
    if (claim !== undefined && keptBy(claim).length === 0) {
      const told: IpamClaim = { ...claim, status: { ips: [...ips] } };
      this.#stores.claims.put(told);
      this.#settlement.markClaim(told);
    }
  }

  /** As the API server makes it. */
  #made<T extends KubeObject>(object: T): T {
    this.#age += 1;
    const [uid, creationTimestamp] = [`uid-${this.#age}`, new Date(this.#age * 1_000).toISOString()];
    return { ...object, metadata: { ...object.metadata, uid, creationTimestamp } };
  }
}

function idOf({ table, key }: RowKey): string {
  return `${table} ${key}`;
}

function textOf({ family, value }: Ip): string {
  return formatIp(family, value);
}

/** In an order that the number decides (multiplicative hashing). */
function shuffled<T>(list: readonly T[], order: number): readonly T[] {
  const hash = (index: number): number => Math.imul(index + 1, (order * 2 + 1) ^ 0x9e3779b1) >>> 0;
  return list
    .map((one, index) => [hash(index), one] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, one]) => one);
}
