/** How packets of a network find the gateway of the node they come from (pure). */
import { formatRange, type IpFamily, type IpRange } from '#api/ip-range.ts';
import type { NbRow, RowKey } from '#drivers/ovn/driver.ts';
import { addressAt, formatAddress } from './addresses.ts';
import { type Egress, type GatewayNode, joinInterface, joinPort, masquerades } from './egress.ts';
import { keyIn, route } from './router-rows.ts';

/** Priority of policies that lead out; there are no others yet. */
const localExit = 100;

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

/**
 * On one switch over all nodes addresses do not tell nodes apart, and a route for each pod would be a row for each. A router
 * works where the packet comes in, so a policy that holds only where the gateway is leads every pod to its own node's.
 */
export function composeLocalExits(egress: Egress, node: GatewayNode): readonly NbRow[] {
  return egress.families.map(({ join, inside }) => {
    const ip = `ip${join.family}`;
    const ranges = `{${inside.map(formatRange).join(', ')}}`;
    const isHere = `is_chassis_resident(${JSON.stringify(joinPort(egress, node.name))})`;
    return {
      ...localExitKey(egress, node.name, join.family),
      columns: {
        priority: localExit,
        match: `${ip}.src == ${ranges} && ${ip}.dst != ${ranges} && ${isHere}`,
        action: 'reroute',
        nexthops: [formatAddress(joinInterface(join, node).ip)],
      },
      parent: { ...egress.router, column: 'policies' },
    };
  });
}

/** Packets without a route never come to the policies: a route to the address in the join network that nobody has. */
export function composeAnyRoute({ router, families }: Egress): readonly NbRow[] {
  return families.map(({ join }) =>
    route(router, keyIn(join.family, 'any'), {
      ip_prefix: masquerades[join.family].anywhere,
      nexthop: formatAddress(addressAt(join, 0)),
    }),
  );
}

/** Key of such a policy. */
export function localExitKey({ router }: Egress, node: string, family: IpFamily): RowKey {
  return { table: 'Logical_Router_Policy', key: `${router.key}-${keyIn(family, node)}` };
}

/** Keys of exits. */
export function exitKeys({ router, families }: Egress, key: string): readonly RowKey[] {
  return families.map(({ join }) => ({
    table: 'Logical_Router_Static_Route',
    key: `${router.key}-${keyIn(join.family, key)}`,
  }));
}
