/** What is observed of the node's network -> NodeNetworkState, in nmstate's words. Pure. */
import type { InterfaceView, RouteView } from '#drivers/ip/driver.ts';
import type { OvsBridge, OvsPort } from '#node-state/ovs.ts';
import type { Resource } from '#node-state/resource.ts';
import type { Part } from './part.ts';

/** What it is composed from. */
export interface CurrentStateInput {
  readonly nodeName: string;
  readonly interfaces: readonly InterfaceView[];
  readonly routes: readonly RouteView[];
  /** What is known of the node's own scope. */
  readonly observed: readonly Resource[];
  readonly dnsServers: readonly string[];
}

/** Interfaces that say nothing about the node's network, as nmstate's default filter leaves them out. */
const filtered = /^(veth|lo$|ovs-netdev$|ovs-system$|genev_sys|br-int$)/;

/** Composes `status.currentState`. */
export function composeCurrentState(input: CurrentStateInput): Part {
  const bridges = input.observed.filter((one) => one.kind === 'ovs-bridge');
  const standIns = new Set(bridges.map(({ name }) => name));
  const plain = input.interfaces.filter(
    ({ name, alias }) => !filtered.test(name) && !standIns.has(name) && !isPodEnd(alias),
  );
  const interfaces = [
    ...plain.map((one) => interfacePart(one, input)),
    ...bridges.map((bridge) => bridgePart(bridge, input)),
  ].toSorted((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
  const mappings = input.observed.find((one) => one.kind === 'ovs-mappings')?.mappings ?? {};
  return {
    interfaces,
    routes: { running: input.routes.map(routePart), config: [] },
    'dns-resolver': { running: { server: input.dnsServers } },
    hostname: { running: input.nodeName },
    ovn: { 'bridge-mappings': Object.entries(mappings).map(([localnet, bridge]) => ({ localnet, bridge })) },
  };
}

/** True for the node's ends of pods' pairs: `patchbay:<tag>.<pod uid>`. */
function isPodEnd(alias: string | undefined): boolean {
  return alias !== undefined && /^patchbay:\S+\.[0-9a-f-]{36}( |$)/.test(alias);
}

function interfacePart(one: InterfaceView, input: CurrentStateInput): Part {
  const controller = controllerOf(one, input);
  const description = descriptionOf(one.alias);
  return {
    name: one.name,
    type: typeOf(one),
    state: one.up ? 'up' : 'down',
    ...(one.mac !== undefined && { 'mac-address': one.mac.toUpperCase() }),
    mtu: one.mtu,
    ...(controller !== undefined && { controller }),
    ...(description !== undefined && { description }),
    ipv4: family(one.ipv4),
    ipv6: family(one.ipv6),
    ...(one.kind === 'vlan' && { vlan: { 'base-iface': one.parent, id: one.vlanId } }),
    ...(one.kind === 'bridge' && { bridge: linuxBridgePart(one, input) }),
  };
}

function typeOf({ kind }: InterfaceView): string {
  switch (kind) {
    case 'bridge':
      return 'linux-bridge';
    case 'tun':
    case 'openvswitch':
      return 'ovs-interface';
    case 'vlan':
    case 'bond':
    case 'dummy':
    case 'vxlan':
      return kind;
    case 'macvlan':
      return 'mac-vlan';
    default:
      return 'ethernet';
  }
}

function controllerOf(one: InterfaceView, input: CurrentStateInput): string | undefined {
  const port = input.observed.find((other) => other.kind === 'ovs-port' && other.name === one.name);
  return port?.kind === 'ovs-port' ? port.bridge : one.controller;
}

function descriptionOf(alias: string | undefined): string | undefined {
  return /^patchbay:\S+ (.+)$/.exec(alias ?? '')?.[1];
}

function family(addresses: InterfaceView['ipv4']): Part {
  return addresses.length === 0
    ? { enabled: false }
    : {
        enabled: true,
        dhcp: false,
        address: addresses.map(({ ip, prefixLength }) => ({ ip, 'prefix-length': prefixLength })),
      };
}

function linuxBridgePart(one: InterfaceView, input: CurrentStateInput): Part {
  const members = input.interfaces.filter(
    ({ controller, alias }) => controller === one.name && !isPodEnd(alias),
  );
  return {
    options: { stp: { enabled: Number(one.bridge?.['stp_state'] ?? 0) !== 0 } },
    port: members.map(({ name }) => ({ name })),
  };
}

/** A bridge of Open vSwitch; one that stands for a Linux bridge is reported as that, and says so. */
function bridgePart(bridge: OvsBridge, input: CurrentStateInput): Part {
  const ports = input.observed
    .filter((one) => one.kind === 'ovs-port')
    .filter((one) => one.bridge === bridge.name);
  const local = input.interfaces.find(({ name }) => name === bridge.name);
  const isStandIn = bridge.replaces === 'linux-bridge';
  return {
    name: bridge.name,
    type: isStandIn ? 'linux-bridge' : 'ovs-bridge',
    state: 'up',
    ...(local?.mac !== undefined && { 'mac-address': local.mac.toUpperCase() }),
    ...(local !== undefined && { mtu: local.mtu }),
    ...(bridge.description !== undefined && { description: bridge.description }),
    ...(isStandIn && {
      'realised-by': 'ovs-bridge',
      'realised-because': 'the kernel has no bridge VLAN filtering',
    }),
    ipv4: family(local?.ipv4 ?? []),
    ipv6: family(local?.ipv6 ?? []),
    bridge: {
      options: isStandIn ? { stp: { enabled: bridge.stp === true } } : { 'fail-mode': bridge.failMode },
      port: ports.map(portPart),
    },
  };
}

function portPart(port: OvsPort): Part {
  if (port.vlanMode === 'access' && port.tag !== undefined) {
    return { name: port.name, vlan: { mode: 'access', tag: port.tag } };
  }
  const trunks = port.trunks?.filter((id) => id !== 0);
  return {
    name: port.name,
    vlan: {
      mode: 'trunk',
      'trunk-tags':
        trunks === undefined ? [{ 'id-range': { min: 2, max: 4094 } }] : trunks.map((id) => ({ id })),
      ...(port.tag !== undefined && { 'enable-native': true, tag: port.tag }),
    },
  };
}

function routePart(route: RouteView): Part {
  return {
    destination: route.destination,
    'next-hop-interface': route.link,
    ...(route.via !== undefined && { 'next-hop-address': route.via }),
    metric: route.metric,
    'table-id': 254,
  };
}
