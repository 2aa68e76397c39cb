/** Whether every node has its part of a network: condition `NetworkAllocationSucceeded` (OKEP-5193). Pure. */
import type { Node } from '#api/core/node.ts';
import type { ConditionClaim } from '#machinery/conditions.ts';
import type { NetworkSpec } from './render.ts';

const type = 'NetworkAllocationSucceeded';

/** The condition; undefined while nodes still wait for subnets that there are. */
export function allocationOf(
  spec: NetworkSpec,
  networkName: string,
  nodes: readonly Node[],
): ConditionClaim | undefined {
  const { layer3 } = spec;
  const lacking = layer3 === undefined ? [] : nodes.filter((node) => !hasPart(node, networkName));
  if (lacking.length === 0) {
    return {
      type,
      status: 'True',
      reason: type,
      message: 'Network allocation succeeded for all synced nodes.',
    };
  }
  const room = roomOf(layer3?.subnets ?? []);
  if (room >= nodes.length) {
    return undefined;
  }
  const names = lacking.map(({ metadata }) => metadata.name).sort();
  const remedy =
    layer3?.role === 'Primary'
      ? 'add a range to its subnets'
      : 'make the network anew with a larger cidr or a longer hostSubnet';
  const message = `Network allocation failed for at least one node: [${names.join(', ')}]: subnets have room for ${room} nodes and there are ${nodes.length}; ${remedy}`;
  return { type, status: 'False', reason: 'InternalError', message };
}

function hasPart({ metadata }: Node, networkName: string): boolean {
  const text = metadata.annotations?.['k8s.ovn.org/node-subnets'];
  return text?.includes(`${JSON.stringify(networkName)}:`) === true;
}

/** Nodes that all families have subnets for. */
function roomOf(subnets: NonNullable<NetworkSpec['layer3']>['subnets']): number {
  const byFamily = new Map<boolean, number>();
  for (const { cidr, hostSubnet } of subnets) {
    const isIpv6 = cidr.includes(':');
    const host = hostSubnet ?? (isIpv6 ? 64 : 24);
    const room = 2 ** (host - Number(cidr.split('/')[1]));
    byFamily.set(isIpv6, (byFamily.get(isIpv6) ?? 0) + room);
  }
  return Math.min(...byFamily.values());
}
