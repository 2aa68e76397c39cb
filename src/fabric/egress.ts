/** Networks with ways out, and the addresses on these ways (pure). */
import { type Ip, type IpFamily, type IpRange, parseIp } from '#api/ip-range.ts';
import type { RowKey } from '#drivers/ovn/driver.ts';
import { type Interface, interfaceAt } from './addresses.ts';

/** Masquerade range of a family. */
interface Masquerade {
  /** Where the node takes packets over: its address on the bridge of `externalNetwork`. */
  readonly host: Ip;
  readonly prefix: number;
  /** Address of the default network's gateways. */
  readonly first: Ip;
  /** First address of primary user-defined networks; each has two. */
  readonly userDefined: Ip;
  readonly anywhere: string;
}

/** By family. */
export const masquerades: Readonly<Record<IpFamily, Masquerade>> = {
  4: {
    host: ip('169.254.0.2'),
    prefix: 17,
    first: ip('169.254.0.1'),
    userDefined: ip('169.254.0.11'),
    anywhere: '0.0.0.0/0',
  },
  6: { host: ip('fd69::2'), prefix: 112, first: ip('fd69::1'), userDefined: ip('fd69::b'), anywhere: '::/0' },
};
const masqueradePairs = 16_000;

/** A node as gateways see it. */
export interface GatewayNode {
  readonly name: string;
  /** Number of its subnet in the pod network: unique, and stable while it has it. */
  readonly index: number;
}

/** One address family of a network with ways out. */
export interface EgressFamily {
  /** Range between the network's router and the gateways. */
  readonly join: IpRange;
  /** What is behind the gateways. */
  readonly inside: readonly IpRange[];
  /** Address that hides it. */
  readonly masquerade: Ip;
}

/** A network with ways out. */
export interface Egress {
  /** Begins the names of its rows; empty for the default network. */
  readonly prefix: string;
  /** The router that its switches are on. */
  readonly router: RowKey;
  /** One entry per address family. */
  readonly families: readonly EgressFamily[];
  /** One switch over all nodes: what leaves goes by the gateway of the node it is on, whatever its address. */
  readonly isFlat?: boolean;
}

/** The masquerade address of the default network. */
export function defaultMasquerade(family: IpFamily): Ip {
  return masquerades[family].first;
}

/** The masquerade address of the n-th primary network. */
export function masqueradeOf(family: IpFamily, slot: number): Ip {
  const { userDefined } = masquerades[family];
  return { family, value: userDefined.value + BigInt(2 * (slot % masqueradePairs)) };
}

/** Key of a node's gateway router. */
export function gatewayKey({ prefix }: Egress, node: string): RowKey {
  return { table: 'Logical_Router', key: `GR_${prefix}${node}` };
}

/** A gateway's address on the join switch. */
export function joinInterface(join: IpRange, { index }: GatewayNode): Interface {
  return interfaceAt(join, 2 + index);
}

/** A gateway's port to the join switch. */
export function joinPort(egress: Egress, node: string): string {
  return `rtoj-${gatewayKey(egress, node).key}`;
}

function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === undefined) {
    throw new TypeError(`${text} is no address`);
  }
  return parsed;
}
