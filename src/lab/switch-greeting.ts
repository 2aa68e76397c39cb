/** What every node's ovs-vswitchd is told through its control socket whenever it has started: its database has no place for it. */
import { createConnection } from 'node:net';
import { JsonRpcConnection } from '#wire/json-rpc.ts';
import type { LabPlan, NodePlan } from './plan.ts';
import type { ControlCommand } from './supervisor-protocol.ts';

/** Seconds that an unused entry is kept; the longest Open vSwitch takes. */
const agingSeconds = '3600';

/**
 * What `node`'s ovs-vswitchd is told; nothing where the datapath is the kernel's. Pure.
 *
 * Fragments are not put together for conntrack: what never becomes whole leaves Open vSwitch 3.1 after 15 s among
 * whatever packets conntrack sees next, of another network too (lib/ipf.c, ipf_send_expired_frags; newer ones drop it), and
 * so does what a batch of 32 has no room for. The kernel's drops it. Fragments that come to conntrack are invalid then;
 * only ways out of a node have conntrack, and the default network where a pod has open ports.
 *
 * Open vSwitch resolves the far ends of tunnels itself, and drops the packet that makes it ask (ofproto/tunnel.c,
 * tnl_neigh_lookup). In a lab all addresses are known.
 */
export function composeSwitchGreeting(
  { datapath, nodes }: LabPlan,
  node: NodePlan,
): readonly ControlCommand[] {
  if (datapath !== 'netdev') {
    return [];
  }
  const others = nodes.filter(({ name }) => name !== node.name);
  return [
    ...['v4', 'v6'].map((family) => ({
      method: 'dpctl/ipf-set-disabled',
      params: ['netdev@ovs-netdev', family],
    })),
    { method: 'tnl/neigh/aging', params: [agingSeconds] },
    ...others.map(({ address, uplinkMac }) => ({
      method: 'tnl/neigh/set',
      params: ['br-ex', address, uplinkMac],
    })),
  ];
}

/** Tells every node's ovs-vswitchd: JSON-RPC, one connection for each node. */
export async function greetSwitches(plan: LabPlan): Promise<void> {
  await Promise.all(plan.nodes.map((node) => greet(node, composeSwitchGreeting(plan, node))));
}

async function greet({ vswitchd }: NodePlan, commands: readonly ControlCommand[]): Promise<void> {
  const connection = new JsonRpcConnection(createConnection(vswitchd.control));
  try {
    for (const { method, params } of commands) {
      await connection.request(method, params);
    }
  } finally {
    connection.close();
  }
}
