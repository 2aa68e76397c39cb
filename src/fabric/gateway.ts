/**
 * Ways out of a network: a join switch and, on every node, a gateway router that hides the network behind one address of
 * the masquerade range of each family. The node itself forwards from there with its own address (pure; names are
 * OVN-Kubernetes').
 */
import { formatRange } from '#api/ip-range.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { addressAt, formatAddress, interfaceAt } from './addresses.ts';
import {
  type Egress,
  type EgressFamily,
  type GatewayNode,
  gatewayKey,
  joinInterface,
  joinPort,
  masquerades,
} from './egress.ts';
import { composeAnyRoute, composeLocalExits, localExitKey } from './exits.ts';
import { keyIn, nat, route, routerPort, switchPort } from './router-rows.ts';

/** Bridge mapping of the nodes' way out. */
const externalNetwork = 'physnet';

/** All rows of a network's ways out. */
export function composeEgress(egress: Egress, nodes: readonly GatewayNode[]): readonly NbRow[] {
  return [...composeJoin(egress), ...nodes.flatMap((node) => composeGateway(egress, node))];
}

/** Keys of those rows. */
export function egressKeys(egress: Egress, nodes: readonly GatewayNode[]): readonly RowKey[] {
  return [...joinKeys(egress), ...nodes.flatMap(({ name }) => gatewayKeys(egress, name))];
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
    ...(egress.isFlat === true ? composeAnyRoute(egress) : []),
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
    routerPort(gateway, joinPort(egress, node.name), joined),
    switchPort(joinSwitch(egress), `jtor-${gateway.key}`, joinPort(egress, node.name)),
    ...composeOutside(egress, node, gateway),
    ...egress.families.flatMap((family) => composeWays(gateway, family)),
    ...(egress.isFlat === true ? composeLocalExits(egress, node) : []),
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

/** Keys of the rows that are there once. */
function joinKeys(egress: Egress): readonly RowKey[] {
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
    ...(egress.isFlat === true
      ? egress.families.map(({ join }) => localExitKey(egress, node, join.family))
      : []),
  ];
}

function outwardPort(gateway: RowKey): string {
  return `rtoe-${gateway.key}`;
}

function joinSwitch({ prefix }: Egress): string {
  return `${prefix}join`;
}

function networkIds(prefix: string): Readonly<Record<string, string>> {
  return prefix === '' ? {} : { 'k8s.ovn.org/network': prefix.slice(0, -1) };
}
