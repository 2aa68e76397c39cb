/** The agent's loops, wired. */
import { node as nodeKind } from '#api/core/node.ts';
import type { NodeFacts } from '#cni/attachment.ts';
import type { NodeDrivers } from '#drivers/drivers.ts';
import type { ProbeRecord } from '#drivers/probe/record.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { Clock } from '#machinery/clock.ts';
import { type Controller, type ReconcileResult, source } from '#machinery/controller.ts';
import type { EventRecorder } from '#machinery/events.ts';
import type { Log } from '#machinery/log.ts';
import { equal } from '#machinery/merge-patch.ts';
import { NODE } from '#node-state/resource.ts';
import type { AgentConfig } from './config.ts';
import { GuestWatch } from './guest-watch.ts';
import type { AgentInformers } from './informers.ts';
import { ManagementPort } from './management-port.ts';
import { policyLabel } from './nmstate/enactment.ts';
import { PolicyLoop } from './nmstate/policy-loop.ts';
import { NodeLoop } from './node-loop.ts';
import type { MachineFacts } from './node-object.ts';
import { PlainPods } from './pods/plain-pods.ts';
import { byVmi } from './sandbox-deps.ts';
import { SandboxLoop } from './sandbox-loop.ts';
import type { Triggers } from './triggers.ts';
import type { World } from './world.ts';

const clusterDomain = 'cluster.local';

/** Everything the loops are made of. */
export interface AgentParts {
  readonly config: AgentConfig;
  readonly client: ApiClient;
  readonly informers: AgentInformers;
  readonly triggers: Triggers;
  readonly drivers: NodeDrivers;
  readonly world: World;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly clock: Clock;
  readonly probes: readonly ProbeRecord[];
  readonly ovsUserspace: boolean;
  readonly bridgeNetfilter: boolean;
  readonly dnsServers: readonly string[];
  readonly machine: MachineFacts;
}

/** The loops. */
export interface AgentControllers {
  readonly controllers: readonly Controller[];
  /** Registers the node; after the world is loaded and before the controllers run. */
  start(): Promise<void>;
  close(): void;
}

/** Makes them. Guests are watched from here on. */
export function createAgentControllers(parts: AgentParts): AgentControllers {
  const { triggers } = parts;
  const nodeLoop = createNodeLoop(parts);
  const guests = new GuestWatch({
    vm: parts.drivers.vm,
    guest: parts.drivers.guest,
    clock: parts.clock,
    log: parts.log,
    changed: (netns) => triggers.sandbox(netns),
  });
  const policyLoop = createPolicyLoop(parts);
  const plain = createPlainPods(parts);
  const sandboxLoop = createSandboxLoop(parts, nodeLoop, guests, plain);
  return {
    controllers: [
      sandboxController(parts, sandboxLoop),
      policyController(parts, policyLoop),
      nodeController(parts, nodeLoop, policyLoop),
    ],
    start: async () => {
      await nodeLoop.observe();
      await nodeLoop.writeNode();
      triggers.node.fire('network');
    },
    close: () => {
      guests.close();
      plain.close();
    },
  };
}

function createNodeLoop(parts: AgentParts): NodeLoop {
  const { config, client, informers, world, drivers, machine, probes, dnsServers, clock } = parts;
  return new NodeLoop({
    nodeName: config.nodeName,
    addresses: config.nodeAddresses,
    podMtu: config.podMtu,
    port: config.port,
    client,
    nodes: informers.nodes,
    world,
    ip: drivers.ip,
    machine,
    probes,
    dnsServers,
    clock,
  });
}

function createPolicyLoop(parts: AgentParts): PolicyLoop {
  const { config, client, informers, world, drivers, events, clock, triggers } = parts;
  return new PolicyLoop({
    nodeName: config.nodeName,
    client,
    policies: informers.policies,
    enactments: informers.enactments,
    nodes: informers.nodes,
    world,
    ip: drivers.ip,
    abilities: {
      bridgeVlanFiltering: has(parts, 'bridge-vlan-filtering'),
      vlanDevices: has(parts, 'vlan-devices'),
      bonding: has(parts, 'bonding'),
      ovsUserspace: parts.ovsUserspace,
    },
    events,
    clock,
    changed: () => triggers.node.fire('network'),
    probe: async () => {
      await client.get(nodeKind, { name: config.nodeName });
    },
  });
}

function createPlainPods(parts: AgentParts): PlainPods {
  const { config, client, informers, drivers, events, log, clock, triggers, machine, dnsServers } = parts;
  return new PlainPods({
    client,
    driver: drivers.containers,
    images: drivers.containerImages,
    // As upstream's: people and scripts look for events of that name.
    events: events.as('kubelet'),
    log,
    clock,
    hostIPs: config.nodeAddresses,
    cpus: machine.cpus,
    memory: machine.memory,
    pods: () => informers.pods.list(),
    names: { dnsServers, clusterDomain },
    wake: (uid) => triggers.sandboxes.fire(uid),
  });
}

function createSandboxLoop(
  parts: AgentParts,
  nodeLoop: NodeLoop,
  guests: GuestWatch,
  plain: PlainPods,
): SandboxLoop {
  const { config, client, informers, world, drivers, events, log, clock } = parts;
  const facts = (): NodeFacts => ({
    bridgeVlanFiltering: has(parts, 'bridge-vlan-filtering'),
    ovsUserspace: parts.ovsUserspace,
    bridgeNetfilter: parts.bridgeNetfilter,
    bridges: nodeLoop.bridges,
    mappings: nodeLoop.mappings,
    podMtu: config.podMtu,
  });
  return new SandboxLoop({
    client,
    pods: informers.pods,
    vmis: informers.vmis,
    nads: informers.nads,
    world,
    facts,
    vm: drivers.vm,
    portsBound: (ports) => drivers.ovs.bound(ports),
    plain,
    guests,
    images: drivers.images,
    events,
    log,
    clock,
    sandboxPrefix: config.sandboxPrefix,
    nodeAddresses: config.nodeAddresses,
    accelerator: config.accelerator ?? 'tcg',
    settings: { qemuUser: config.qemuUser.uid, dnsServers: parts.dnsServers, clusterDomain },
  });
}

function has(parts: AgentParts, probe: string): boolean {
  return parts.probes.some(({ name, present }) => name === probe && present);
}

function sandboxController({ informers, triggers }: AgentParts, loop: SandboxLoop): Controller {
  const { pods, vmis, nads } = informers;
  const uids = (list: readonly { readonly metadata: { readonly uid?: string | undefined } }[]): string[] =>
    list.flatMap(({ metadata }) => metadata.uid ?? []);
  return {
    name: 'sandbox',
    workers: 8,
    sources: [
      source(pods, ({ object }) => uids([object])),
      source(vmis, ({ object }) => uids(pods.byIndex(byVmi, object.metadata.uid ?? ''))),
      source(nads, () => uids(pods.list().filter(({ status }) => status?.phase !== 'Running'))),
      triggers.sandboxes.source,
    ],
    reconcile: (uid) => loop.reconcile(uid),
  };
}

function policyController({ informers, triggers }: AgentParts, loop: PolicyLoop): Controller {
  const { policies, enactments, nodes } = informers;
  const all = (): string[] => policies.list().map(({ metadata }) => metadata.name);
  return {
    name: 'node-network-policy',
    // One after the other: policies change one node.
    workers: 1,
    sources: [
      source(policies, ({ object }) => [object.metadata.name]),
      source(enactments, ({ object }) =>
        [object.metadata.labels?.[policyLabel] ?? ''].filter((name) => name !== ''),
      ),
      source(nodes, ({ type, object, old }) =>
        type !== 'updated' || !equal(object.metadata.labels, old?.metadata.labels) ? all() : [],
      ),
      triggers.policies.source,
    ],
    reconcile: (name) => loop.reconcile(name),
  };
}

function nodeController(parts: AgentParts, nodeLoop: NodeLoop, policyLoop: PolicyLoop): Controller {
  const { informers, triggers, world, config } = parts;
  const management = new ManagementPort(world, config.podMtu);
  const manage = async (): Promise<void> => {
    const self = informers.nodes.get({ name: config.nodeName });
    if (self !== undefined) await management.reconcile(self);
  };
  const passes: Readonly<Record<string, () => Promise<void>>> = {
    node: async () => {
      await nodeLoop.writeNode();
      await manage();
    },
    network: async () => {
      const areNew = await nodeLoop.observe();
      await nodeLoop.writeNode();
      await nodeLoop.writeNetworkState();
      for (const name of policyLoop.failing()) triggers.policies.fire(name);
      if (areNew) wakeWaiting(parts);
    },
    switch: async () => {
      await world.refresh(NODE);
      policyLoop.doubt();
      for (const policy of informers.policies.list()) triggers.policies.fire(policy.metadata.name);
      for (const scope of world.scopes()) triggers.sandbox(scope);
      await manage();
      triggers.node.fire('network');
    },
  };
  return {
    name: 'node',
    sources: [
      source(informers.nodes, ({ object }) => (object.metadata.name === config.nodeName ? ['node'] : [])),
      triggers.node.source,
    ],
    reconcile: async (key): Promise<ReconcileResult | undefined> => {
      await passes[key]?.();
      return undefined;
    },
  };
}

/** Pods that wait for a bridge or a mapping are looked at again at once. */
function wakeWaiting({ informers, triggers }: AgentParts): void {
  for (const one of informers.pods.list()) {
    if (one.status?.phase !== 'Running' && one.metadata.uid !== undefined) {
      triggers.sandboxes.fire(one.metadata.uid);
    }
  }
}
