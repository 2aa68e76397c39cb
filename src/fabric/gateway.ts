/**
 * Ways out of a network: a join switch and, on every node, a gateway router that hides the network behind one address of
 * the masquerade range of each family. The node itself forwards from there with its own address (pure; names are
 * OVN-Kubernetes').
 */
import { formatRange, type Ip, type IpFamily, type IpRange, parseIp } from '#api/ip-range.ts';
import { macOf } from '#api/k8s.ovn.org/mac.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { addressAt, formatAddress, formatInterface, type Interface, interfaceAt } from './addresses.ts';

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

const masquerades: Readonly<Record<IpFamily, Masquerade>> = {
  4: {
    host: ip('169.254.0.2'),
    prefix: 17,
    first: ip('169.254.0.1'),
    userDefined: ip('169.254.0.11'),
    anywhere: '0.0.0.0/0',
  },
  6: { host: ip('fd69::2'), prefix: 112, first: ip('fd69::1'), userDefined: ip('fd69::b'), anywhere: '::/0' },
};
/** Bridge mapping of the nodes' way out. */
const externalNetwork = 'physnet';
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

/** Rows that are there once. */
export function composeJoin(egress: Egress): readonly NbRow[] {
  const { prefix, router, families } = egress;
  const name = joinSwitch(egress);
  const [toJoin, toRouter] = [`rtoj-${router.key}`, `jtor-${router.key}`];
  return [
    { table: 'Logical_Switch', key: name, columns: { name, external_ids: networkIds(prefix) } },
    routerPort(
      router,
      toJoin,
      families.map(({ join }) => interfaceAt(join, 1)),
    ),
    switchPort(name, toRouter, toJoin),
  ];
}

/** Rows of one node. */
export function composeGateway(egress: Egress, node: GatewayNode): readonly NbRow[] {
  const gateway = gatewayKey(egress, node.name);
  const joined = egress.families.map(({ join }) => joinInterface(join, node));
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
    routerPort(gateway, `rtoj-${gateway.key}`, joined),
    switchPort(joinSwitch(egress), `jtor-${gateway.key}`, `rtoj-${gateway.key}`),
    ...composeOutside(egress, node, gateway),
    ...egress.families.flatMap((family) => composeWays(gateway, family)),
  ];
}

/** The gateway's leg to the node. */
function composeOutside(egress: Egress, node: GatewayNode, gateway: RowKey): readonly NbRow[] {
  const external = `ext_${egress.prefix}${node.name}`;
  const outward = outwardPort(gateway);
  const bridgePort: RowKey = { table: 'Logical_Switch_Port', key: `br-ex_${egress.prefix}${node.name}` };
  const externalSwitch: RowKey = { table: 'Logical_Switch', key: external };
  const hidden = egress.families.map(({ masquerade }) => ({
    ip: masquerade,
    prefix: masquerades[masquerade.family].prefix,
  }));
  return [
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
    routerPort(gateway, outward, hidden),
    switchPort(external, `etor-${gateway.key}`, outward),
  ];
}

/** A gateway's routes of one family, and what hides it. */
function composeWays(gateway: RowKey, { join, inside, masquerade }: EgressFamily): readonly NbRow[] {
  const { family } = masquerade;
  const { host, anywhere } = masquerades[family];
  return [
    route(gateway, keyIn(family, 'out'), {
      ip_prefix: anywhere,
      nexthop: formatAddress(host),
      output_port: [outwardPort(gateway)],
    }),
    ...inside.flatMap((range, index) => [
      route(gateway, keyIn(family, `in-${index}`), {
        ip_prefix: formatRange(range),
        nexthop: formatAddress(addressAt(join, 1)),
      }),
      nat(gateway, keyIn(family, `out-${index}`), formatAddress(masquerade), formatRange(range)),
    ]),
  ];
}

/** What leaves the sources (addresses, a node's subnets; one per family) goes out where it is. */
export function composeExits(
  egress: Egress,
  node: GatewayNode,
  key: string,
  sources: readonly IpRange[],
): readonly NbRow[] {
  return egress.families.flatMap(({ join }) => {
    const source = sources.find(({ family }) => family === join.family);
    const nexthop = formatAddress(joinInterface(join, node).ip);
    return source === undefined
      ? []
      : [
          route(egress.router, keyIn(join.family, key), {
            ip_prefix: formatRange(source),
            nexthop,
            policy: ['src-ip'],
          }),
        ];
  });
}

/** Keys of exits. */
export function exitKeys({ router, families }: Egress, key: string): readonly RowKey[] {
  return families.map(({ join }) => ({
    table: 'Logical_Router_Static_Route',
    key: `${router.key}-${keyIn(join.family, key)}`,
  }));
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

function outwardPort(gateway: RowKey): string {
  return `rtoe-${gateway.key}`;
}

function joinSwitch({ prefix }: Egress): string {
  return `${prefix}join`;
}

function joinInterface(join: IpRange, { index }: GatewayNode): Interface {
  return interfaceAt(join, 2 + index);
}

/** Keys of IPv4 are what they were before there was another family; no name of ours has an `@`. */
function keyIn(family: IpFamily, key: string): string {
  return family === 4 ? key : `${key}@6`;
}

function networkIds(prefix: string): Readonly<Record<string, string>> {
  return prefix === '' ? {} : { 'k8s.ovn.org/network': prefix.slice(0, -1) };
}

/** A router's port with one address per family; `more` are further columns. */
export function routerPort(
  router: RowKey,
  name: string,
  interfaces: readonly Interface[],
  more: NbRow['columns'] = {},
): NbRow {
  const networks = interfaces.map(formatInterface);
  return {
    table: 'Logical_Router_Port',
    key: name,
    columns: { name, mac: macOf(interfaces.map((one) => one.ip)), networks, ...more },
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

function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === undefined) {
    throw new TypeError(`${text} is no address`);
  }
  return parsed;
}
