/** What a node's Open vSwitch is told before it starts: its bridges, and how OVN finds it. Pure. */
import path from 'node:path';
import { type InstancePaths, stableMac } from './names.ts';
import type { Datapath, NodePlan } from './plan.ts';

/**
 * Where OVN's gateway routers hand packets over to their node, which sends them on by `br-ex` with its own address. Its
 * addresses are the gateways' next hops (`fabric/egress.ts`). It asks for neighbours of what it forwards from its
 * link-local address, which is always the same: nobody but this node's gateways is on the bridge.
 */
export const gatewayBridge = {
  name: 'br-gw',
  addresses: { 4: ['169.254.0.2/17'], 6: ['fd69::2/112', 'fe80::2/64'] },
  ranges: { 4: '169.254.0.0/17', 6: 'fd69::/112' },
  /** Address that hides the default network (`fabric/egress.ts`). */
  cluster: { 4: '169.254.0.1', 6: 'fd69::1' },
} as const;

/** Left alone, Open vSwitch gives its own interfaces the MTU of the narrowest port, at a time of its choosing. */
export function composeMtuSettings(mtu: number): NodePlan['mtuSettings'] {
  return ['br-ex', gatewayBridge.name].map((name) => ['set', 'Interface', name, `mtu_request=${mtu}`]);
}

/**
 * What a server's packages and installer would have put into its Open vSwitch. With the netdev datapath, tunnel packets
 * leave only through an Open vSwitch bridge that holds the underlay address: `br-ex`, with `eth0` as its port.
 */
export function composeOvsSettings(
  paths: InstancePaths,
  node: string,
  address: string,
  datapath: Datapath,
): NodePlan['ovsSettings'] {
  const ids = {
    'system-id': node,
    hostname: node,
    'ovn-remote': `unix:${path.join(paths.ovnRun, 'sb.sock')}`,
    'ovn-encap-type': 'geneve',
    'ovn-encap-ip': address,
    'ovn-bridge-datapath-type': datapath,
    // An ovn-controller that starts replaces the flows it finds in one go once it knows all of the southbound database, so
    // nothing is interrupted. "ovn-ofctrl-wait-before-clear" would only add its time to an outage of ovs-vswitchd.
    'ovn-monitor-all': 'true',
    'ovn-bridge-mappings': `physnet:${gatewayBridge.name}`,
  };
  return [
    ['init'],
    [
      'set',
      'Open_vSwitch',
      '.',
      ...Object.entries(ids).map(([key, value]) => `external_ids:${key}="${value}"`),
    ],
    ['--may-exist', 'add-br', 'br-ex'],
    [
      'set',
      'Bridge',
      'br-ex',
      `datapath_type=${datapath}`,
      'fail_mode=standalone',
      `external_ids:patchbay-lab="${paths.instance}"`,
      `other_config:hwaddr="${stableMac(paths.instance, node, 'br-ex')}"`,
    ],
    ['--may-exist', 'add-port', 'br-ex', 'eth0'],
    ['--may-exist', 'add-br', gatewayBridge.name],
    [
      'set',
      'Bridge',
      gatewayBridge.name,
      `datapath_type=${datapath}`,
      'fail_mode=standalone',
      `external_ids:patchbay-lab="${paths.instance}"`,
    ],
  ];
}
