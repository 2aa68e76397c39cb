/**
 * Ways out of a network: a join switch and, on every node, a gateway router that hides the network behind one address of
 * the masquerade range. The node itself forwards from there with its own address (pure; names are OVN-Kubernetes').
 */
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { type Cidr, formatAddress, macOf } from './cidr.ts';

/** Where the node takes packets over: its address on the bridge of `externalNetwork`, and that range's prefix length. */
const host = { address: '169.254.0.2', prefix: 17 };
/** Bridge mapping of the nodes' way out. */
const externalNetwork = 'physnet';
/** Masquerade address of the default network's gateways. */
export const defaultMasquerade = parse([169, 254, 0, 1]);
/** First masquerade address of primary user-defined networks; each has two. */
const firstMasquerade = parse([169, 254, 0, 11]);
const masqueradePairs = 16_000;

/** A node as gateways see it. */
export interface GatewayNode {
  readonly name: string;
  /** Number of its subnet in the pod network: unique, and stable while it has it. */
  readonly index: number;
}

/** A network with ways out. */
export interface Egress {
  /** Begins the names of its rows; empty for the default network. */
  readonly prefix: string;
  /** The router that its switches are on. */
  readonly router: RowKey;
  readonly join: Cidr;
  /** What is behind the gateways. */
  readonly inside: readonly string[];
  /** Address that hides it. */
  readonly masquerade: number;
}

/** The masquerade address of the n-th primary network. */
export function masqueradeOf(slot: number): number {
  return firstMasquerade + 2 * (slot % masqueradePairs);
}

/** Rows that are there once. */
export function composeJoin(egress: Egress): readonly NbRow[] {
  const { prefix, router, join } = egress;
  const name = joinSwitch(egress);
  const [toJoin, toRouter] = [`rtoj-${router.key}`, `jtor-${router.key}`];
  return [
    { table: 'Logical_Switch', key: name, columns: { name, external_ids: networkIds(prefix) } },
    routerPort(router, toJoin, join.base + 1, join.prefix),
    switchPort(name, toRouter, toJoin),
  ];
}

/** Rows of one node. */
export function composeGateway(egress: Egress, node: GatewayNode): readonly NbRow[] {
  const { join, inside, masquerade } = egress;
  const gateway = gatewayKey(egress, node.name);
  const external = `ext_${egress.prefix}${node.name}`;
  const outward = `rtoe-${gateway.key}`;
  const bridgePort: RowKey = { table: 'Logical_Switch_Port', key: `br-ex_${egress.prefix}${node.name}` };
  const externalSwitch: RowKey = { table: 'Logical_Switch', key: external };
  return [
    {
      ...gateway,
      columns: {
        name: gateway.key,
        options: {
          chassis: node.name,
          always_learn_from_arp_request: 'false',
          dynamic_neigh_routers: 'true',
        },
        external_ids: networkIds(egress.prefix),
      },
    },
    routerPort(gateway, `rtoj-${gateway.key}`, joinAddress(egress, node), join.prefix),
    switchPort(joinSwitch(egress), `jtor-${gateway.key}`, `rtoj-${gateway.key}`),
    { ...externalSwitch, columns: { name: external, external_ids: networkIds(egress.prefix) } },
    {
      ...bridgePort,
      columns: {
        name: bridgePort.key,
        type: 'localnet',
        addresses: ['unknown'],
        options: { network_name: externalNetwork },
      },
      parent: { ...externalSwitch, column: 'ports' },
    },
    routerPort(gateway, outward, masquerade, host.prefix),
    switchPort(external, `etor-${gateway.key}`, outward),
    route(gateway, 'out', { ip_prefix: '0.0.0.0/0', nexthop: host.address, output_port: [outward] }),
    ...inside.flatMap((cidr, index) => [
      route(gateway, `in-${index}`, { ip_prefix: cidr, nexthop: formatAddress(join.base + 1) }),
      nat(gateway, `out-${index}`, formatAddress(masquerade), cidr),
    ]),
  ];
}

/** What leaves `source`, an address or a node's subnet, goes out where it is. */
export function composeExit(egress: Egress, node: GatewayNode, key: string, source: string): NbRow {
  const nexthop = formatAddress(joinAddress(egress, node));
  return route(egress.router, key, { ip_prefix: source, nexthop, policy: ['src-ip'] });
}

/** Key of an exit. */
export function exitKey(egress: Egress, key: string): RowKey {
  return { table: 'Logical_Router_Static_Route', key: `${egress.router.key}-${key}` };
}

/** Keys of the rows that are there once. */
export function joinKeys(egress: Egress): readonly RowKey[] {
  const { router } = egress;
  return [
    { table: 'Logical_Router_Port', key: `rtoj-${router.key}` },
    { table: 'Logical_Switch', key: joinSwitch(egress) },
  ];
}

/** Keys of a node's rows: routers and switches take with them what they hold. */
export function gatewayKeys(egress: Egress, node: string): readonly RowKey[] {
  const gateway = gatewayKey(egress, node);
  return [
    gateway,
    { table: 'Logical_Switch', key: `ext_${egress.prefix}${node}` },
    { table: 'Logical_Switch_Port', key: `jtor-${gateway.key}` },
  ];
}

function gatewayKey({ prefix }: Egress, node: string): RowKey {
  return { table: 'Logical_Router', key: `GR_${prefix}${node}` };
}

function joinSwitch({ prefix }: Egress): string {
  return `${prefix}join`;
}

function joinAddress({ join }: Egress, { index }: GatewayNode): number {
  return join.base + 2 + index;
}

function networkIds(prefix: string): Readonly<Record<string, string>> {
  return prefix === '' ? {} : { 'k8s.ovn.org/network': prefix.slice(0, -1) };
}

/** A router's port with one address. */
export function routerPort(router: RowKey, name: string, address: number, prefix: number): NbRow {
  return {
    table: 'Logical_Router_Port',
    key: name,
    columns: { name, mac: macOf(address), networks: [`${formatAddress(address)}/${prefix}`] },
    parent: { ...router, column: 'ports' },
  };
}

/** A switch's port to a router's port. */
export function switchPort(of: string, name: string, to: string): NbRow {
  return {
    table: 'Logical_Switch_Port',
    key: name,
    columns: { name, type: 'router', addresses: ['router'], options: { 'router-port': to } },
    parent: { table: 'Logical_Switch', key: of, column: 'ports' },
  };
}

function route(router: RowKey, key: string, columns: NbRow['columns']): NbRow {
  return {
    table: 'Logical_Router_Static_Route',
    key: `${router.key}-${key}`,
    columns,
    parent: { ...router, column: 'static_routes' },
  };
}

function nat(router: RowKey, key: string, external: string, inside: string): NbRow {
  return {
    table: 'NAT',
    key: `${router.key}-${key}`,
    columns: { type: 'snat', external_ip: external, logical_ip: inside },
    parent: { ...router, column: 'nat' },
  };
}

function parse(octets: readonly number[]): number {
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}
