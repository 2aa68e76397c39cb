/** What the wires of nodes carry, by their NodeNetworkStates. */
import { type Node, node } from '../core/node.ts';
import type { AdmissionRequest } from '../kind.ts';
import { mappingsOf } from './bridge-mappings.ts';
import { type NodeNetworkState, nodeNetworkState } from './node-network-state.ts';

/** The wires of one node; MTUs are in bytes. */
export interface NodeWires {
  readonly node: string;
  /** MTU of the interface that has the node's address: tunnels go by it. */
  readonly underlay: number | undefined;
  /** Physical network -> its bridge, and the least MTU of what the bridge is on. */
  readonly physical: ReadonlyMap<string, { readonly bridge: string; readonly mtu: number }>;
}

/** An interface as nmstate tells it, as far as it can be read. */
interface Interface {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly mtu?: unknown;
  readonly controller?: unknown;
  readonly ipv4?: { readonly address?: unknown };
  readonly ipv6?: { readonly address?: unknown };
}

/** The wires of a node whose state is known. */
export function wiresOf({ metadata, status }: Node, state: NodeNetworkState | undefined): NodeWires {
  const addresses = (status?.addresses ?? []).map(({ address }) => address);
  const interfaces = state === undefined ? [] : interfacesOf(state);
  const carrier = interfaces.find((one) => addressesOf(one).some((ip) => addresses.includes(ip)));
  const physical = [...(state === undefined ? [] : mappingsOf(state))].flatMap(([name, bridge]) => {
    const mtu = bridgeMtu(interfaces, bridge);
    return mtu === undefined ? [] : [[name, { bridge, mtu }] as const];
  });
  return { node: metadata.name, underlay: mtuOf(carrier), physical: new Map(physical) };
}

/** The wires of every node that is stored. */
export function storedWires(view: Pick<AdmissionRequest, 'list'>): readonly NodeWires[] {
  const states = new Map(view.list(nodeNetworkState).map((one) => [one.metadata.name, one]));
  return view.list(node).map((one) => wiresOf(one as Node, states.get(one.metadata.name)));
}

/** What a bridge is on, or where its ports are not told (a lab's `br-ex`) the bridge itself. */
function bridgeMtu(interfaces: readonly Interface[], bridge: string): number | undefined {
  const wires = interfaces.filter(
    ({ controller, type }) => controller === bridge && type !== 'ovs-interface',
  );
  const own = interfaces.filter(({ name }) => name === bridge);
  const mtus = (wires.length > 0 ? wires : own).flatMap((one) => mtuOf(one) ?? []);
  return mtus.length === 0 ? undefined : Math.min(...mtus);
}

function interfacesOf({ status }: NodeNetworkState): readonly Interface[] {
  const { interfaces } = (status?.currentState ?? {}) as { readonly interfaces?: unknown };
  return (Array.isArray(interfaces) ? interfaces : []).filter(
    (one: unknown): one is Interface => typeof one === 'object' && one !== null,
  );
}

function addressesOf({ ipv4, ipv6 }: Interface): readonly string[] {
  return [ipv4?.address, ipv6?.address].flatMap((list) =>
    (Array.isArray(list) ? list : []).flatMap((one: unknown) => {
      const { ip } = (one ?? {}) as { readonly ip?: unknown };
      return typeof ip === 'string' ? [ip] : [];
    }),
  );
}

function mtuOf(one: Interface | undefined): number | undefined {
  return typeof one?.mtu === 'number' ? one.mtu : undefined;
}
