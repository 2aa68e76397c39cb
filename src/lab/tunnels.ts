/** Tells every node's Open vSwitch where the others are, so that the first packet between two nodes is not lost. */
import { createConnection } from 'node:net';
import path from 'node:path';
import { JsonRpcConnection } from '#wire/json-rpc.ts';
import type { LabPlan, NodePlan } from './plan.ts';

/** Seconds that an unused entry is kept; the longest Open vSwitch takes. */
const agingSeconds = '3600';

/**
 * With the netdev datapath Open vSwitch resolves the far ends of tunnels itself, and drops the packet that makes it ask
 * (ofproto/tunnel.c, tnl_neigh_lookup). In a lab all addresses are known, so they are told beforehand, through the
 * daemon's control socket: JSON-RPC, one connection for each node.
 */
export async function announceNeighbours(plan: LabPlan): Promise<void> {
  if (plan.datapath === 'netdev') {
    await Promise.all(plan.nodes.map((node) => announceTo(node, plan)));
  }
}

async function announceTo(node: NodePlan, { nodes }: LabPlan): Promise<void> {
  const connection = new JsonRpcConnection(createConnection(path.join(node.paths.ovs, 'ovs-vswitchd.ctl')));
  try {
    await connection.request('tnl/neigh/aging', [agingSeconds]);
    for (const other of nodes) {
      if (other !== node) {
        await connection.request('tnl/neigh/set', ['br-ex', other.address, other.uplinkMac]);
      }
    }
  } finally {
    connection.close();
  }
}
