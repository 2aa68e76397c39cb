/** Keeps this node's Node object and NodeNetworkState: registered at start, written again only when something changed. */
import { type Node, node } from '#api/core/node.ts';
import { type NodeNetworkState, nodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import type { NodeFacts } from '#cni/attachment.ts';
import type { IpDriver } from '#drivers/ip/driver.ts';
import type { ProbeRecord } from '#drivers/probe/record.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Clock, timestamp } from '#machinery/clock.ts';
import { isNotFound } from '#machinery/errors.ts';
import type { Informer } from '#machinery/informer.ts';
import { createMergePatch, equal } from '#machinery/merge-patch.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { NODE } from '#node-state/resource.ts';
import { composeCurrentState } from './nmstate/current-state.ts';
import type { Part } from './nmstate/part.ts';
import { type MachineFacts, type NodeInput, nodeMetadata, nodeStatus } from './node-object.ts';
import type { World } from './world.ts';

/** Parts of the loop. */
export interface NodeDeps {
  readonly nodeName: string;
  /** Addresses that others reach, the primary family first. */
  readonly addresses: readonly string[];
  readonly podMtu: number;
  readonly port: number;
  readonly client: ApiClient;
  readonly nodes: Informer<Node>;
  readonly world: World;
  readonly ip: IpDriver;
  readonly machine: MachineFacts;
  readonly probes: readonly ProbeRecord[];
  readonly dnsServers: readonly string[];
  readonly clock: Clock;
}

/** The loop; `bridges` is what attachments are composed against. */
export class NodeLoop {
  readonly #deps: NodeDeps;
  #bridges: NodeFacts['bridges'] = new Map();
  #mappings: ReadonlyMap<string, string> = new Map();
  /** Of the interface that has the node's address; undefined while none has it. */
  #underlayMtu: number | undefined;
  #written: Part | undefined;
  #writtenNode: Node | undefined;

  constructor(deps: NodeDeps) {
    this.#deps = deps;
  }

  get bridges(): NodeFacts['bridges'] {
    return this.#bridges;
  }

  /** Physical networks that are mapped to bridges. */
  get mappings(): ReadonlyMap<string, string> {
    return this.#mappings;
  }

  /** Reads bridges and mappings; true when they are others than before. */
  async observe(): Promise<boolean> {
    const { ip, world, addresses } = this.#deps;
    const interfaces = await ip.interfaces();
    this.#underlayMtu = interfaces.find(({ ipv4, ipv6 }) =>
      [...ipv4, ...ipv6].some((one) => addresses.includes(one.ip)),
    )?.mtu;
    const mtuOf = (name: string): number => interfaces.find((one) => one.name === name)?.mtu ?? 1500;
    type Bridge = { readonly realisedBy: 'linux-bridge' | 'ovs-bridge'; readonly mtu: number };
    const found = new Map<string, Bridge>();
    for (const { name, kind, mtu } of interfaces) {
      if (kind === 'bridge') found.set(name, { realisedBy: 'linux-bridge', mtu });
    }
    for (const one of world.observed(NODE)) {
      if (one.kind === 'ovs-bridge' && one.replaces === 'linux-bridge') {
        found.set(one.name, { realisedBy: 'ovs-bridge', mtu: one.mtu ?? mtuOf(one.name) });
      }
    }
    const mapped = world.observed(NODE).find((one) => one.kind === 'ovs-mappings')?.mappings ?? {};
    const mappings = new Map(Object.entries(mapped));
    const isNew = !equal([[...found], [...mappings]], [[...this.#bridges], [...this.#mappings]]);
    this.#bridges = found;
    this.#mappings = mappings;
    return isNew;
  }

  /** Writes the Node object when it is not as it should be. */
  async writeNode(): Promise<void> {
    const { client, nodeName, nodes, clock, addresses, port, podMtu, machine, probes } = this.#deps;
    const input: NodeInput = {
      nodeName,
      addresses,
      port,
      podMtu,
      underlayMtu: this.#underlayMtu,
      machine,
      probes,
      bridges: [...this.#bridges.keys()].sort(),
      now: clock.now(),
    };
    const known = newer(nodes.get({ name: nodeName }), this.#writtenNode);
    const metadata = nodeMetadata(input);
    if (known === undefined) {
      await this.#register(metadata, input);
      return;
    }
    const wrongMetadata = createMergePatch(pick(known.metadata, metadata), metadata);
    if (wrongMetadata !== undefined) {
      const body = { metadata: wrongMetadata };
      this.#writtenNode = await client.patch(node, { name: nodeName }, { type: 'merge', body });
    }
    const patch = statusPatch(known.status, nodeStatus(known.status, input));
    if (patch !== undefined) {
      this.#writtenNode = await client.patch(node, { name: nodeName }, patch, { subresource: 'status' });
    }
  }

  async #register(metadata: ReturnType<typeof nodeMetadata>, input: NodeInput): Promise<void> {
    const { client, nodeName } = this.#deps;
    const made = await client.create(node, { metadata: { name: nodeName, ...metadata }, spec: {} });
    const body = { status: nodeStatus(made.status, input) };
    this.#writtenNode = await client.patch(
      node,
      { name: nodeName },
      { type: 'merge', body },
      { subresource: 'status' },
    );
  }

  /** Writes NodeNetworkState when what is observed is not what was written. */
  async writeNetworkState(): Promise<void> {
    const { client, nodeName, ip, world, dnsServers, clock } = this.#deps;
    const [interfaces, routes] = await Promise.all([ip.interfaces(), ip.routes()]);
    const observed = world.observed(NODE);
    const currentState = composeCurrentState({ nodeName, interfaces, routes, observed, dnsServers });
    const known = this.#written ?? (await this.#stored());
    if (known !== undefined && equal(known, currentState)) {
      this.#written = currentState;
      return;
    }
    const status = {
      currentState,
      lastSuccessfulUpdateTime: timestamp(clock.now()),
      handlerNmstateVersion: `patchbay-${this.#deps.machine.version}`,
    };
    // A list and a map are replaced and merged by a merge patch: interfaces are a list, the rest has fixed keys.
    const patch = { type: 'merge', body: { status } } as const;
    try {
      await client.patch(nodeNetworkState, { name: nodeName }, patch, { subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.create(nodeNetworkState, { metadata: { name: nodeName, ownerReferences: this.#owner() } });
      await client.patch(nodeNetworkState, { name: nodeName }, patch, { subresource: 'status' });
    }
    this.#written = currentState;
  }

  async #stored(): Promise<Part | undefined> {
    try {
      const found: NodeNetworkState = await this.#deps.client.get(nodeNetworkState, {
        name: this.#deps.nodeName,
      });
      return found.status?.currentState;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #owner(): { apiVersion: string; kind: string; name: string; uid: string }[] {
    const uid = newer(this.#deps.nodes.get({ name: this.#deps.nodeName }), this.#writtenNode)?.metadata.uid;
    return uid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name: this.#deps.nodeName, uid }];
  }
}

/** The informer's copy, unless we have written since. */
function newer(informed: Node | undefined, written: Node | undefined): Node | undefined {
  if (informed === undefined || written === undefined) {
    return informed ?? written;
  }
  const version = (one: Node): number => Number(one.metadata.resourceVersion ?? 0);
  return version(informed) >= version(written) ? informed : written;
}

function pick(
  from: Node['metadata'],
  like: ReturnType<typeof nodeMetadata>,
): Readonly<Record<string, unknown>> {
  const only = (
    have: Readonly<Record<string, string>> | undefined,
    want: Readonly<Record<string, string>>,
  ): object => Object.fromEntries(Object.entries(have ?? {}).filter(([key]) => want[key] !== undefined));
  return { labels: only(from.labels, like.labels), annotations: only(from.annotations, like.annotations) };
}
