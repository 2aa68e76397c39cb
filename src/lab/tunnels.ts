/** Tells every node's Open vSwitch where the others are, so that the first packet between two nodes is not lost. */
import { createConnection } from 'node:net';
import { JsonRpcConnection } from '#wire/json-rpc.ts';
import type { LabPlan, NodePlan } from './plan.ts';
import type { ControlCommand } from './supervisor-protocol.ts';

/** Seconds that an unused entry is kept; the longest Open vSwitch takes. */
const agingSeconds = '3600';

/**
 * With the netdev datapath Open vSwitch resolves the far ends of tunnels itself, and drops the packet that makes it ask
 * (ofproto/tunnel.c, tnl_neigh_lookup). In a lab all addresses are known, so `node`'s ovs-vswitchd is told them, through
 * its control socket, whenever it has started. Pure.
 */
export function composeNeighbours({ datapath, nodes }: LabPlan, node: NodePlan): readonly ControlCommand[] {
  if (datapath !== 'netdev') {
    return [];
  }
  const others = nodes.filter(({ name }) => name !== node.name);
  return [
    { method: 'tnl/neigh/aging', params: [agingSeconds] },
    ...others.map(({ address, uplinkMac }) => ({
      method: 'tnl/neigh/set',
      params: ['br-ex', address, uplinkMac],
    })),
  ];
}

/** Tells every node's Open vSwitch where the others are: JSON-RPC, one connection for each node. */
export async function announceNeighbours(plan: LabPlan): Promise<void> {
  await Promise.all(plan.nodes.map((node) => announceTo(node, composeNeighbours(plan, node))));
}

async function announceTo({ vswitchd }: NodePlan, commands: readonly ControlCommand[]): Promise<void> {
  const connection = new JsonRpcConnection(createConnection(vswitchd.control));
  try {
    for (const { method, params } of commands) {
      await connection.request(method, params);
    }
  } finally {
    connection.close();
  }
}
