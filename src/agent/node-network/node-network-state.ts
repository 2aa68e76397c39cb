/** What is observed → nmstate's words: `NodeNetworkState.status.currentState`. Pure. */
import type { InterfaceView, RouteView } from '#drivers/ip/driver.ts';
import type { OvsBridge, OvsMappings, OvsPort } from '#node-state/ovs.ts';
import type { Resource } from '#node-state/resource.ts';

/** What a report is made of. */
export interface ObservedNetwork {
  readonly hostname: string;
  readonly interfaces: readonly InterfaceView[];
  readonly routes: readonly RouteView[];
  /** Resources of the node's scope, as the drivers read them back. */
  readonly resources: readonly Resource[];
}

type Part = Readonly<Record<string, unknown>>;

/** Composes the current state; ends of pods' pairs are left out, as upstream's interface filter does. */
export function composeCurrentState({ hostname, interfaces, routes, resources }: ObservedNetwork): Part {
  const bridges = resources.filter((one) => one.kind === 'ovs-bridge');
  const ports = resources.filter((one) => one.kind === 'ovs-port');
  const mappings = resources.find((one): one is OvsMappings => one.kind === 'ovs-mappings');
  const shown = interfaces.filter((one) => !isPodEnd(one));
  return {
    hostname,
    interfaces: shown.map((one) =>
      interfacePart(
        one,
        shown,
        bridges.find(({ name }) => name === one.name),
        ports,
      ),
    ),
    routes: { running: routes.map(routePart), config: [] },
    'dns-resolver': { config: {}, running: {} },
    ...(mappings !== undefined && {
      ovn: {
        'bridge-mappings': Object.entries(mappings.mappings).map(([localnet, bridge]) => ({
          localnet,
          bridge,
        })),
      },
    }),
  };
}

/** The node's end of a pod's pair carries a pod's tag in its alias: `patchbay:<node>.<pod uid>`. */
function isPodEnd({ kind, alias }: InterfaceView): boolean {
  return kind === 'veth' && alias !== undefined && /^patchbay:.*\.[0-9a-f]{8}-[0-9a-f-]{27}$/.test(alias);
}

function interfacePart(
  one: InterfaceView,
  all: readonly InterfaceView[],
  ovs: OvsBridge | undefined,
  ports: readonly OvsPort[],
): Part {
  const port = ports.find(({ name }) => name === one.name);
  const controller = one.controller ?? port?.bridge;
  return {
    name: one.name,
    type: ovs === undefined ? typeWord(one) : (ovs.replaces ?? 'ovs-bridge'),
    state: one.up ? 'up' : 'down',
    ...(one.mac !== undefined && { 'mac-address': one.mac.toUpperCase() }),
    mtu: one.mtu,
    ...(controller !== undefined && { controller }),
    ...(ovs !== undefined && ovsPart(ovs, ports)),
    ...(one.kind === 'bridge' && kernelBridgePart(one, all)),
    ...(one.kind === 'vlan' && { vlan: { 'base-iface': one.parent, id: one.vlanId } }),
    ipv4: addressPart(one.ipv4),
    ipv6: addressPart(one.ipv6),
  };
}

/** Says openly when a Linux bridge is an Open vSwitch bridge on this kernel. */
function ovsPart(bridge: OvsBridge, ports: readonly OvsPort[]): Part {
  return {
    ...(bridge.description !== undefined && { description: bridge.description }),
    ...(bridge.replaces !== undefined && {
      'realised-by': 'ovs-bridge',
      'realised-by-reason': 'the kernel has no bridge VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)',
    }),
    bridge: {
      options: { stp: { enabled: bridge.stp === true } },
      port: ports
        .filter((port) => port.bridge === bridge.name && port.externalIds['sandbox'] === undefined)
        .map((port) => ({
          name: port.name,
          ...(port.tag !== undefined && {
            vlan: { mode: port.vlanMode === 'access' ? 'access' : 'trunk', tag: port.tag },
          }),
        })),
    },
  };
}

function kernelBridgePart(bridge: InterfaceView, all: readonly InterfaceView[]): Part {
  const stp = bridge.bridge?.['stp_state'];
  return {
    bridge: {
      options: { stp: { enabled: stp === 1 || stp === true } },
      port: all.filter(({ controller }) => controller === bridge.name).map(({ name }) => ({ name })),
    },
  };
}

const words: Readonly<Record<string, string>> = {
  bridge: 'linux-bridge',
  ether: 'ethernet',
  veth: 'veth',
  vlan: 'vlan',
  bond: 'bond',
  loopback: 'loopback',
  macvlan: 'mac-vlan',
  tun: 'ovs-interface',
  openvswitch: 'ovs-interface',
  ifb: 'dummy',
};

function typeWord({ kind }: InterfaceView): string {
  return words[kind] ?? kind;
}

function addressPart(addresses: InterfaceView['ipv4']): Part {
  return addresses.length === 0
    ? { enabled: false }
    : {
        enabled: true,
        address: addresses.map(({ ip, prefixLength }) => ({ ip, 'prefix-length': prefixLength })),
      };
}

function routePart(route: RouteView): Part {
  return {
    destination: route.destination === 'default' ? '0.0.0.0/0' : route.destination,
    'next-hop-interface': route.link,
    'next-hop-address': route.via ?? '',
    metric: route.metric,
    'table-id': 254,
  };
}
